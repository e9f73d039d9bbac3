//! A list of many pages: complete and in its order, whatever it says of its length, also when it grows meanwhile.

use crate::support::api;
use cloudflare::ZoneFilter;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

/// A server with zones in pages of 50, which tells how many pages there are as `pages_told` says for each page.
async fn serving(
    zones: usize,
    pages_told: impl Fn(usize) -> Option<usize> + Send + Sync + 'static,
) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(move |request: &Request| {
            let page: usize = request
                .url
                .query_pairs()
                .find(|(key, _)| key == "page")
                .and_then(|(_, value)| value.parse().ok())
                .unwrap();
            let items: Vec<Value> = ((page - 1) * 50..Ord::min(page * 50, zones))
                .map(|number| {
                    json!({
                        "id": format!("b{number:031}"), "name": format!("zone-{number}.example"), "status": "active",
                        "account": {"id": "a0000000000000000000000000000001"},
                    })
                })
                .collect();
            let mut info = json!({"page": page, "per_page": 50, "count": items.len()});
            if let Some(told) = pages_told(page) {
                info["total_pages"] = told.into();
            }
            let body = json!({"success": true, "result": items, "result_info": info});
            ResponseTemplate::new(200).set_body_json(body)
        })
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn every_page_comes_in_its_place() {
    type Told = fn(usize) -> Option<usize>;
    let cases: [(usize, Told, usize); 7] = [
        (0, |_| Some(0), 1),
        (1, |_| Some(1), 1),
        (50, |_| Some(1), 1),
        (51, |_| Some(2), 2),
        (1_003, |_| Some(21), 21),
        // Nothing is said: a short page is the last.
        (120, |_| None, 3),
        // It grew by a page after the first was read.
        (220, |page| Some(if page == 1 { 4 } else { 5 }), 5),
    ];
    for (zones, told, pages) in cases {
        let server = serving(zones, told).await;
        let listed = api(&server)
            .list_zones(&ZoneFilter::default())
            .await
            .unwrap();
        let names: Vec<String> = listed.into_iter().map(|zone| zone.name).collect();
        let expected: Vec<String> = (0..zones)
            .map(|number| format!("zone-{number}.example"))
            .collect();
        assert_eq!(names, expected);
        let asked = server.received_requests().await.unwrap();
        assert_eq!(asked.len(), pages, "{zones}");
    }
}

#[tokio::test]
async fn one_page_that_fails_fails_the_list() {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::query_param("page", "3"))
        .respond_with(ResponseTemplate::new(403).set_body_json(json!({
            "success": false, "errors": [{"code": 10_000, "message": "Authentication error"}], "result": null,
        })))
        .mount(&server)
        .await;
    let page = json!({
        "success": true,
        "result": [{"id": "b0000000000000000000000000000001", "name": "a.example", "status": "active", "account": {"id": "a0000000000000000000000000000001"}}],
        "result_info": {"total_pages": 5},
    });
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_json(page))
        .mount(&server)
        .await;
    let error = api(&server)
        .list_zones(&ZoneFilter::default())
        .await
        .unwrap_err();
    assert_eq!(error.status, Some(403));
}
