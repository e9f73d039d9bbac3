//! Answers that are not what Cloudflare documents: each becomes an error that says what came, never a wrong result.

use crate::support::{account, answering, api, calls, client, json, namespace, zone};
use cloudflare::{ApiToken, Client, ClientConfig, ErrorKind};
use std::time::Duration;
use wiremock::ResponseTemplate;

const OK_SCRIPTS: &str = r#"{"success":true,"errors":[],"messages":["plain"],"result":[
    {"id":"a","tags":null,"etag":"e","extra":{"x":1}},{"id":"b"}]}"#;

#[tokio::test]
async fn what_nobody_asked_for_does_not_disturb() {
    let server = answering(json(200, OK_SCRIPTS)).await;
    let scripts = api(&server).list_scripts(&account()).await.unwrap();
    assert_eq!(scripts.len(), 2);
    assert_eq!(scripts[0].tags, None);
}

#[tokio::test]
async fn an_html_page_is_told_as_such() {
    let page = ResponseTemplate::new(502)
        .set_body_raw("<html><h1>Bad gateway</h1></html>", "text/html")
        .insert_header("cf-ray", "8f00000000000000-FRA");
    let server = answering(page).await;
    let error = api(&server).list_scripts(&account()).await.unwrap_err();
    assert_eq!(
        error.kind,
        ErrorKind::Malformed("it is an HTML page".into())
    );
    assert_eq!(error.status, Some(502));
    assert_eq!(error.ray_id.as_deref(), Some("8f00000000000000-FRA"));
    assert!(error.is_unavailable());
    assert_eq!(
        error.to_string(),
        "GET /accounts/{account}/workers/scripts: the answer is not in Cloudflare's form: it is an HTML page (HTTP 502)"
    );
}

#[tokio::test]
async fn a_page_in_the_way_is_never_taken_for_success() {
    let page = ResponseTemplate::new(200).set_body_raw("<html>Sign in</html>", "text/html");
    let server = answering(page).await;
    let api = api(&server);
    let (account, namespace) = (account(), namespace());
    for outcome in [
        api.delete_namespace(&account, &namespace).await,
        api.put_value(&account, &namespace, "k", b"v".to_vec(), None)
            .await,
        api.list_scripts(&account).await.map(drop),
    ] {
        assert!(matches!(outcome.unwrap_err().kind, ErrorKind::Malformed(_)));
    }
}

#[tokio::test]
async fn another_servers_404_does_not_say_that_something_is_gone() {
    let page = ResponseTemplate::new(404).set_body_raw("<html>nginx</html>", "text/html");
    let server = answering(page).await;
    let outcome = api(&server)
        .delete_namespace(&account(), &namespace())
        .await;
    assert!(!outcome.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_cut_answer_is_an_error() {
    let server = answering(json(200, &OK_SCRIPTS[..40])).await;
    let error = api(&server).list_scripts(&account()).await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Malformed(_)), "{error}");
    assert_eq!(
        calls(&server).await,
        1,
        "what was answered is not asked again"
    );
}

#[tokio::test]
async fn an_absent_result_is_no_empty_list() {
    let server = answering(json(200, r#"{"success":true,"errors":[],"messages":[]}"#)).await;
    let error = api(&server).list_routes(&zone()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Malformed("it has no result".into()));
}

#[tokio::test]
async fn an_absent_result_is_a_fine_answer_to_a_write() {
    for template in [
        json(200, r#"{"success":true}"#),
        json(200, r#"{"success":true,"result":null}"#),
        ResponseTemplate::new(204),
    ] {
        let server = answering(template).await;
        let api = api(&server);
        let (account, namespace) = (account(), namespace());
        api.delete_namespace(&account, &namespace).await.unwrap();
        let keys = ["a".to_owned(), "b".to_owned()];
        let outcome = api.bulk_delete(&account, &namespace, &keys).await.unwrap();
        assert_eq!((outcome.successful, outcome.unsuccessful.len()), (2, 0));
    }
}

#[tokio::test]
async fn a_failure_with_status_200_is_a_failure() {
    let body = r#"{"success":false,"errors":[{"code":10090,"message":"not there"}],"result":null}"#;
    let server = answering(json(200, body)).await;
    let error = api(&server).list_scripts(&account()).await.unwrap_err();
    assert_eq!((error.code(), error.status), (Some(10_090), Some(200)));
}

#[tokio::test]
async fn messages_may_be_plain_text_and_codes_may_be_absent() {
    let body = r#"{"success":false,"errors":["out of order",{"message":"really"}],"messages":"?"}"#;
    let server = answering(json(400, body)).await;
    let error = api(&server).get_zone(&zone()).await.unwrap_err();
    assert_eq!(error.message(), Some("out of order"));
    assert_eq!(error.code(), None);
    assert_eq!(error.errors[1].message, "really");
}

#[tokio::test]
async fn a_firewalls_challenge_is_told_apart_from_a_missing_right() {
    let page = ResponseTemplate::new(403)
        .set_body_raw("<html>Just a moment</html>", "text/html")
        .insert_header("cf-mitigated", "challenge");
    let server = answering(page).await;
    let api = api(&server);
    let error = api.get_zone(&zone()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Challenge);
    assert!(!error.is_forbidden());
    assert!(matches!(
        api.probe_kv_write(&account()).await,
        cloudflare::Granted::Unknown { .. }
    ));
}

#[tokio::test]
async fn a_huge_answer_is_not_read_to_its_end() {
    let body = vec![b' '; 33 * 1024 * 1024];
    let server = answering(ResponseTemplate::new(200).set_body_bytes(body)).await;
    let error = api(&server)
        .get_value(&account(), &namespace(), "k")
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooLarge);
}

#[tokio::test]
async fn a_value_may_look_like_a_failure() {
    let value = r#"{"success":false,"errors":[{"code":10000}]}"#;
    let server = answering(ResponseTemplate::new(200).set_body_string(value)).await;
    let read = api(&server)
        .get_value(&account(), &namespace(), "k")
        .await
        .unwrap();
    assert_eq!(read, value);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = answering(json(200, OK_SCRIPTS)).await;
    let redirect = ResponseTemplate::new(307).insert_header("location", other.uri());
    let server = answering(redirect).await;
    let error = api(&server).list_scripts(&account()).await.unwrap_err();
    assert_eq!(error.status, Some(307));
    assert_eq!(calls(&other).await, 0, "the token went to another server");
}

#[tokio::test]
async fn nobody_there_says_why() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let api = client(&base, Duration::from_secs(5)).with_token(ApiToken::new("t"));
    let error = api.create_namespace(&account(), "title").await.unwrap_err();
    let ErrorKind::Connect(why) = &error.kind else {
        panic!("{error}");
    };
    assert!(why.contains("refused"), "{why}");
    assert!(error.is_unavailable());
    assert!(!error.effect_unknown(), "nothing was sent");
}

#[tokio::test]
async fn what_is_over_a_limit_is_not_sent() {
    let server = answering(json(200, r#"{"success":true}"#)).await;
    let api = api(&server);
    for key in ["", ".", "..", &"k".repeat(513)] {
        let error = api
            .delete_value(&account(), &namespace(), key)
            .await
            .map_or_else(|error| error, |()| panic!("{key:?} was sent"));
        assert!(matches!(error.kind, ErrorKind::Invalid(_)), "{error}");
        assert!(!error.effect_unknown());
    }
    assert_eq!(calls(&server).await, 0);
}

#[test]
fn a_token_never_travels_in_the_clear() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = "http://api.cloudflare.example/client/v4".parse().unwrap();
    let refused = Client::new(ClientConfig::new(url, "tests"));
    assert!(refused.unwrap_err().to_string().contains("https"));
}
