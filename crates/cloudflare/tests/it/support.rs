//! Clients, ids and obviously fake tokens.

use cloudflare::{AccountId, Api, ApiToken, Client, ClientConfig, NamespaceId, ZoneId};
use std::time::Duration;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

pub(crate) const TOKEN: &str = "fake-token-that-nobody-may-see-000000000";

pub(crate) fn account() -> AccountId {
    "a0000000000000000000000000000001".parse().unwrap()
}

pub(crate) fn zone() -> ZoneId {
    "b0000000000000000000000000000001".parse().unwrap()
}

pub(crate) fn namespace() -> NamespaceId {
    "c0000000000000000000000000000001".parse().unwrap()
}

/// A client for a base URL; `timeout` is one attempt's, four times that is a call's.
pub(crate) fn client(base: &str, timeout: Duration) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = ClientConfig {
        timeout,
        step_budget: timeout * 4,
        ..ClientConfig::new(base.parse().unwrap(), "cloudflare-client-tests")
    };
    Client::new(config).unwrap()
}

pub(crate) fn api(server: &MockServer) -> Api {
    client(&server.uri(), Duration::from_secs(5)).with_token(ApiToken::new(TOKEN))
}

/// A server that answers everything alike.
pub(crate) async fn answering(template: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(template)
        .mount(&server)
        .await;
    server
}

/// A server that gives the answers in order and then the last one for ever.
pub(crate) async fn answering_in_turn(templates: Vec<ResponseTemplate>) -> MockServer {
    let server = MockServer::start().await;
    let last = templates.len() - 1;
    for (index, template) in templates.into_iter().enumerate() {
        let mock = Mock::given(any()).respond_with(template);
        let mock = if index == last {
            mock
        } else {
            mock.up_to_n_times(1)
        };
        mock.mount(&server).await;
    }
    server
}

pub(crate) fn json(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body.to_owned(), "application/json")
}

pub(crate) async fn calls(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}
