//! What is repeated, when, and how long it takes.

use crate::support::{
    TOKEN, account, answering, answering_in_turn, api, calls, client, json, namespace, zone,
};
use cloudflare::{ApiToken, ErrorKind, NewRoute};
use std::time::{Duration, Instant};
use wiremock::ResponseTemplate;

const OK_LIST: &str = r#"{"success":true,"result":[]}"#;
const OK_NAMESPACE: &str =
    r#"{"success":true,"result":{"id":"c0000000000000000000000000000001","title":"t"}}"#;
const FAILED: &str = r#"{"success":false,"errors":[{"code":10013,"message":"unknown error"}]}"#;
const LIMITED: &str = r#"{"success":false,"errors":[{"code":971,"message":"please wait"}]}"#;

fn limited(seconds: u64) -> ResponseTemplate {
    json(429, LIMITED).insert_header("retry-after", seconds.to_string())
}

#[tokio::test]
async fn a_read_is_repeated_at_most_three_times() {
    let server = answering(json(500, FAILED)).await;
    let error = api(&server).list_scripts(&account()).await.unwrap_err();
    assert_eq!(calls(&server).await, 3);
    assert_eq!(error.code(), Some(10_013));
    assert!(!error.effect_unknown(), "a read has no effect");

    let server = answering_in_turn(vec![json(503, ""), json(200, OK_LIST)]).await;
    assert!(api(&server).list_scripts(&account()).await.is_ok());
    assert_eq!(calls(&server).await, 2);
}

#[tokio::test]
async fn what_creates_or_takes_out_is_sent_once() {
    let server = answering(json(500, FAILED)).await;
    let api = api(&server);
    let error = api.create_namespace(&account(), "t").await.unwrap_err();
    assert!(error.effect_unknown());
    let route = NewRoute {
        pattern: "shop.example/*".to_owned(),
        script: None,
        request_limit_fail_open: true,
    };
    assert!(api.create_route(&zone(), &route).await.is_err());
    let gone = api.delete_namespace(&account(), &namespace()).await;
    assert!(gone.unwrap_err().effect_unknown());
    assert_eq!(calls(&server).await, 3);
}

#[tokio::test]
async fn what_is_the_same_twice_is_repeated() {
    let server = answering(json(500, FAILED)).await;
    let api = api(&server);
    let (account, namespace) = (account(), namespace());
    assert!(api.bulk_put(&account, &namespace, &[]).await.is_err());
    assert!(api.bulk_delete(&account, &namespace, &[]).await.is_err());
    assert_eq!(calls(&server).await, 6);
}

#[tokio::test]
async fn refusals_are_not_repeated() {
    for status in [400, 401, 403, 404, 405, 409, 413] {
        let server = answering(json(status, FAILED)).await;
        let error = api(&server).list_scripts(&account()).await.unwrap_err();
        assert_eq!(error.status, Some(status));
        assert_eq!(calls(&server).await, 1, "{status}");
    }
}

#[tokio::test]
async fn retry_after_is_obeyed_also_by_what_creates() {
    let server = answering_in_turn(vec![limited(1), json(200, OK_NAMESPACE)]).await;
    let started = Instant::now();
    let made = api(&server).create_namespace(&account(), "t").await;
    assert!(made.is_ok());
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(calls(&server).await, 2);
}

#[tokio::test]
async fn a_wait_over_a_minute_ends_it_at_once_and_for_all_calls_of_the_token() {
    let server = answering_in_turn(vec![limited(61), json(200, OK_LIST)]).await;
    let client = client(&server.uri(), Duration::from_secs(5));
    let api = client.with_token(ApiToken::new(TOKEN));
    let started = Instant::now();
    let error = api.list_scripts(&account()).await.unwrap_err();
    assert!(error.is_rate_limited());
    assert_eq!(error.retry_after, Some(Duration::from_secs(61)));

    let error = api.list_scripts(&account()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Throttled);
    assert!(error.is_rate_limited() && !error.is_unavailable() && !error.effect_unknown());
    assert_eq!(error.retry_after.map(|wait| wait.as_secs()), Some(60));
    assert_eq!(calls(&server).await, 1);

    let other = client.with_token(ApiToken::new("another-fake-token"));
    assert!(other.list_scripts(&account()).await.is_ok());
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_wait_past_the_budget_ends_it_at_once() {
    let server = answering(limited(30)).await;
    let started = Instant::now();
    let error = api(&server).list_scripts(&account()).await.unwrap_err();
    assert_eq!(error.status, Some(429));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_spent_window_makes_the_next_call_wait() {
    let last = json(200, OK_LIST).insert_header("ratelimit", r#""default";r=0;t=1"#);
    let server = answering_in_turn(vec![last, json(200, OK_LIST)]).await;
    let api = api(&server);
    api.list_scripts(&account()).await.unwrap();
    let started = Instant::now();
    api.list_scripts(&account()).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(900));
}

#[tokio::test]
async fn the_days_spent_writes_are_not_tried_again() {
    let body = r#"{"success":false,"errors":[{"code":10048,"message":"free usage limit"}]}"#;
    let server = answering(json(429, body)).await;
    let outcome = api(&server).bulk_put(&account(), &namespace(), &[]).await;
    assert!(outcome.unwrap_err().is_rate_limited());
    assert_eq!(calls(&server).await, 1);
}

#[tokio::test]
async fn silence_ends_in_time() {
    let slow = json(200, OK_LIST).set_delay(Duration::from_secs(30));
    let server = answering(slow).await;
    let attempt = Duration::from_millis(300);
    let api = client(&server.uri(), attempt).with_token(ApiToken::new(TOKEN));
    let started = Instant::now();
    let error = api.list_scripts(&account()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(error.is_unavailable());
    // The budget is four attempts; a little for a busy machine.
    assert!(started.elapsed() < attempt * 4 + Duration::from_secs(2));
    assert!(calls(&server).await >= 2);
}

#[tokio::test]
async fn a_write_without_an_answer_is_sent_once_and_its_effect_is_unknown() {
    let slow = json(200, OK_NAMESPACE).set_delay(Duration::from_secs(30));
    let server = answering(slow).await;
    let api = client(&server.uri(), Duration::from_millis(300)).with_token(ApiToken::new(TOKEN));
    let error = api.create_namespace(&account(), "t").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(error.effect_unknown());
    assert_eq!(calls(&server).await, 1);
}

#[tokio::test]
async fn what_an_earlier_attempt_left_unknown_stays_unknown() {
    let server = answering_in_turn(vec![json(500, FAILED), json(403, FAILED)]).await;
    let outcome = api(&server).bulk_put(&account(), &namespace(), &[]).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.status, Some(403));
    assert!(error.effect_unknown());
}

#[tokio::test]
async fn all_pages_are_read_and_an_endless_list_ends() {
    let page = |page: u32| {
        let body = format!(
            r#"{{"success":true,"result":[{{"id":"a000000000000000000000000000000{page}","name":"n"}}],
                "result_info":{{"page":{page},"per_page":1,"count":1,"total_count":3}}}}"#
        );
        json(200, &body)
    };
    let server = answering_in_turn(vec![page(1), page(2), page(3)]).await;
    let accounts = api(&server).list_accounts().await.unwrap();
    assert_eq!(accounts.len(), 3);
    let asked = server.received_requests().await.unwrap();
    assert_eq!(asked[1].url.query(), Some("page=2&per_page=50"));
}
