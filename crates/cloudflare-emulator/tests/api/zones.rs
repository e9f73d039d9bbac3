//! Accounts and zones.

use serde_json::{Value, json};

use crate::support::{ACME, GOOD, Local, SHOP, example};

fn names(list: &Value) -> Vec<&str> {
    let items = list.as_array().unwrap().iter();
    items.map(|z| z["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn accounts() {
    let local = Local::start().await;
    let all = local.get(GOOD, "/accounts").await;
    assert_eq!(names(&all.result()), ["Acme", "Brand-new"]);
    assert_eq!(all.json()["result_info"]["total_count"], 2);
    let one = local.get(GOOD, "/accounts?name=Acme").await.result();
    assert_eq!(names(&one), ["Acme"]);
    let path = format!("/accounts/{ACME}");
    assert_eq!(local.get(GOOD, &path).await.result()["type"], "standard");
    assert_eq!(local.get(GOOD, "/user").await.refused(), (403, 9109));
    assert_eq!(
        local.get(GOOD, "/memberships").await.refused(),
        (403, 10000)
    );
}

#[tokio::test]
async fn zones_are_filtered() {
    let local = Local::start().await;
    for (query, wanted) in [
        ("", &["blog.example", "other.example", "shop.example"][..]),
        ("?name=shop.example", &["shop.example"]),
        (
            "?name=contains:o",
            &["blog.example", "other.example", "shop.example"],
        ),
        ("?name=starts_with:SHOP", &["shop.example"]),
        (
            "?name=ends_with:.example&status=pending",
            &["other.example"],
        ),
        ("?name=shop.example&status=pending", &[]),
        (
            "?name=shop.example&status=pending&match=any",
            &["other.example", "shop.example"],
        ),
        (
            "?account.id=a0000000000000000000000000000002",
            &["other.example"],
        ),
        (
            "?account.name=Acme&direction=desc",
            &["shop.example", "blog.example"],
        ),
        ("?type=partial", &[]),
    ] {
        let list = local.get(GOOD, &format!("/zones{query}")).await.result();
        assert_eq!(names(&list), wanted, "{query}");
    }
    let zone = local.get(GOOD, &format!("/zones/{SHOP}")).await.result();
    assert_eq!(zone["plan"]["legacy_id"], "free");
    assert_eq!(zone["account"], json!({"id": ACME, "name": "Acme"}));
    let unknown = "/zones/b00000000000000000000000000000ff";
    assert_eq!(local.get(GOOD, unknown).await.refused(), (403, 9109));
}

#[tokio::test]
async fn zones_are_paged() {
    let mut state = example();
    for i in 0..52 {
        let mut zone = state.zones[0].clone();
        zone.id = format!("b1{i:030}");
        zone.name = format!("z{i:02}.example");
        zone.proxied = None;
        state.zones.push(zone);
    }
    let local = Local::with(state).await;
    let mut seen = 0;
    for (page, wanted) in [(1, 20), (2, 20), (3, 15), (4, 0)] {
        let answer = local.get(GOOD, &format!("/zones?page={page}")).await;
        assert_eq!(names(&answer.result()).len(), wanted);
        assert_eq!(answer.json()["result_info"]["total_pages"], 3);
        seen += wanted;
    }
    assert_eq!(seen, 55);
    let most = local.get(GOOD, "/zones?per_page=1000").await.result();
    assert_eq!(most.as_array().unwrap().len(), 50);
}
