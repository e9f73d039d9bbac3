//! What the API says: the envelope around results, and refusals with Cloudflare's codes (Cloudflare API notes §1).

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// What a handler gives back.
pub(crate) type Reply = Result<Answer, Refusal>;

/// A success.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Body,
}

/// The body of a success.
#[derive(Debug)]
pub(crate) enum Body {
    /// The envelope.
    Envelope(Value),
    /// Bytes without envelope: KV values, scripts.
    Raw(Bytes),
    /// JSON without envelope: the control calls.
    Bare(Value),
}

impl Answer {
    /// A result in its envelope.
    pub(crate) fn ok(result: impl Into<Value>) -> Self {
        let envelope =
            json!({"result": result.into(), "success": true, "errors": [], "messages": []});
        Self {
            status: StatusCode::OK,
            headers: Vec::new(),
            body: Body::Envelope(envelope),
        }
    }

    /// A list in its envelope, with what says where in it we are.
    pub(crate) fn list(result: Vec<Value>, info: Value) -> Self {
        let mut answer = Self::ok(result);
        if let Body::Envelope(envelope) = &mut answer.body {
            envelope["result_info"] = info;
        }
        answer
    }

    /// Bytes as they are.
    pub(crate) fn raw(bytes: Bytes, content_type: &str) -> Self {
        Self {
            status: StatusCode::OK,
            headers: Vec::new(),
            body: Body::Raw(bytes),
        }
        .with(header::CONTENT_TYPE, content_type)
    }

    /// JSON as it is.
    pub(crate) fn bare(status: StatusCode, value: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Bare(value),
        }
    }

    /// With one more header; one that cannot be written is left out.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// With a message beside the result.
    pub(crate) fn message(mut self, code: u32, text: &str) -> Self {
        if let Body::Envelope(envelope) = &mut self.body {
            envelope["messages"] = json!([{"code": code, "message": text, "type": null}]);
        }
        self
    }
}

/// A refusal: a status and one or more errors.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) errors: Value,
    /// Instead of an envelope.
    pub(crate) plain: Option<Cow<'static, str>>,
}

impl Refusal {
    /// One error.
    pub(crate) fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            errors: json!([{"code": code, "message": message.into()}]),
            plain: None,
        }
    }

    /// A text without envelope.
    pub(crate) fn plain(status: u16, text: impl Into<Cow<'static, str>>) -> Self {
        let text = text.into();
        Self {
            plain: Some(text.clone()),
            ..Self::new(status, 0, text)
        }
    }

    /// With an error that led to the first.
    pub(crate) fn caused_by(mut self, code: u32, message: &str) -> Self {
        self.errors[0]["error_chain"] = json!([{"code": code, "message": message}]);
        self
    }

    /// With a second error beside the first.
    pub(crate) fn and(mut self, code: u32, message: &str) -> Self {
        if let Value::Array(errors) = &mut self.errors {
            errors.push(json!({"code": code, "message": message}));
        }
        self
    }

    /// The first error's text.
    pub(crate) fn message(&self) -> String {
        self.errors[0]["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    pub(crate) fn envelope(&self) -> Value {
        json!({"result": null, "success": false, "errors": self.errors, "messages": []})
    }
}
