//! A small client of our own REST API, as any program would write one.

use anyhow::Context;
use domain::secret::Secret;
use http::{Method, StatusCode};
use serde_json::Value;

pub(super) struct Rest {
    client: reqwest::Client,
    base: String,
    key: Secret,
}

/// What the API answered.
pub(super) struct Said {
    pub(super) status: StatusCode,
    pub(super) text: String,
    pub(super) json: Value,
}

impl Said {
    /// Fails unless the status is this one; a problem's words go into the error.
    pub(super) fn expect(self, status: StatusCode) -> anyhow::Result<Self> {
        if self.status == status {
            return Ok(self);
        }
        let words = match self.json["detail"].as_str() {
            Some(detail) => format!("{}: {detail}", self.json["code"].as_str().unwrap_or("?")),
            None => self.text.chars().take(300).collect(),
        };
        anyhow::bail!("the API answered {}, not {status}: {words}", self.status)
    }

    /// A field's text.
    pub(super) fn text_of(&self, field: &str) -> anyhow::Result<String> {
        self.json[field]
            .as_str()
            .map(str::to_owned)
            .with_context(|| format!("the answer has no `{field}`"))
    }
}

impl Rest {
    #[expect(
        clippy::disallowed_methods,
        reason = "the check calls the console from outside"
    )]
    pub(super) fn new(console: &str, key: &Secret) -> anyhow::Result<Self> {
        Ok(Self {
            client: reqwest::Client::builder().no_proxy().build()?,
            base: format!("{console}/api/v1"),
            key: key.clone(),
        })
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Said> {
        self.call(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Said> {
        let body = ("application/json", body.to_string());
        self.call(Method::POST, path, Some(body)).await
    }

    pub(super) async fn delete(&self, path: &str) -> anyhow::Result<Said> {
        self.call(Method::DELETE, path, None).await
    }

    pub(super) async fn put_html(&self, path: &str, html: &str) -> anyhow::Result<Said> {
        let body = ("text/html; charset=utf-8", html.to_owned());
        self.call(Method::PUT, path, Some(body)).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, String)>,
    ) -> anyhow::Result<Said> {
        let what = format!("{method} /api/v1{path}");
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(self.key.expose());
        if let Some((content_type, body)) = body {
            request = request.header("content-type", content_type).body(body);
        }
        let answer = request
            .send()
            .await
            .with_context(|| format!("{what} got no answer"))?;
        let status = answer.status();
        let text = answer
            .text()
            .await
            .with_context(|| format!("{what} broke off"))?;
        Ok(Said {
            status,
            json: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
        })
    }
}
