//! Requests as values: built and tested without a network.

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use std::{fmt, time::Duration};

/// Everything but unreserved characters, so that a KV key or a name stays one segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The slowest way to Cloudflare on which a large body arrives: 1 MB a second.
const SLOWEST_BYTES_PER_MS: u64 = 1_000;

/// One segment of a path.
pub(crate) fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// A part of a multipart body. Its bytes may hold secrets, so `Debug` tells their number alone.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) filename: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) bytes: Vec<u8>,
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.name, self.bytes.len())
    }
}

/// A body. `Debug` tells its size alone.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Body {
    Empty,
    Json(Bytes),
    Raw(Bytes),
    Text(Bytes),
    Multipart(Vec<Part>),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Json(bytes) => write!(f, "Json({} bytes)", bytes.len()),
            Self::Text(bytes) => write!(f, "Text({} bytes)", bytes.len()),
            Self::Raw(bytes) => write!(f, "Raw({} bytes)", bytes.len()),
            Self::Multipart(parts) => f.debug_tuple("Multipart").field(parts).finish(),
        }
    }
}

/// A call that has not been sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// The path with names in braces, for messages.
    pub(crate) template: &'static str,
    /// The path behind the base URL, encoded.
    pub(crate) path: String,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) body: Body,
    /// Whether sending it twice does no harm.
    pub(crate) is_repeatable: bool,
    /// Whether a successful answer is a value instead of an envelope.
    pub(crate) wants_raw: bool,
    /// Whether a refusal may come as a plain text.
    pub(crate) is_refused_in_words: bool,
    /// Why it must not be sent.
    pub(crate) refusal: Option<String>,
    /// What one attempt may take beside the usual time: a large body is long on its way.
    pub(crate) extra_time: Duration,
}

impl Request {
    fn new(method: Method, template: &'static str, values: &[&str]) -> Self {
        let is_repeatable = method != Method::POST && method != Method::PATCH;
        Self {
            method,
            template,
            path: fill(template, values),
            query: Vec::new(),
            body: Body::Empty,
            is_repeatable,
            wants_raw: false,
            is_refused_in_words: false,
            refusal: values.iter().find_map(|value| refusal(value)),
            extra_time: Duration::ZERO,
        }
    }

    pub(crate) fn get(template: &'static str, values: &[&str]) -> Self {
        Self::new(Method::GET, template, values)
    }

    pub(crate) fn post(template: &'static str, values: &[&str]) -> Self {
        Self::new(Method::POST, template, values)
    }

    pub(crate) fn put(template: &'static str, values: &[&str]) -> Self {
        Self::new(Method::PUT, template, values)
    }

    pub(crate) fn delete(template: &'static str, values: &[&str]) -> Self {
        Self::new(Method::DELETE, template, values)
    }

    #[must_use]
    pub(crate) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    #[must_use]
    pub(crate) fn json(mut self, value: &impl serde::Serialize) -> Self {
        let bytes = serde_json::to_vec(value).expect("our own types are JSON");
        self.body = Body::Json(bytes.into());
        self
    }

    /// A body that is JSON already.
    #[must_use]
    pub(crate) fn json_bytes(mut self, bytes: Bytes) -> Self {
        self.extra_time = Duration::from_millis(bytes.len() as u64 / SLOWEST_BYTES_PER_MS);
        self.body = Body::Json(bytes);
        self
    }

    #[must_use]
    pub(crate) fn raw(mut self, bytes: Vec<u8>) -> Self {
        self.body = Body::Raw(bytes.into());
        self
    }

    #[must_use]
    pub(crate) fn text(mut self, text: String) -> Self {
        self.body = Body::Text(text.into());
        self
    }

    #[must_use]
    pub(crate) fn multipart(mut self, parts: Vec<Part>) -> Self {
        self.body = Body::Multipart(parts);
        self
    }

    /// A POST that does no harm when it is sent twice, such as a bulk delete.
    #[must_use]
    pub(crate) fn repeatable(mut self) -> Self {
        self.is_repeatable = true;
        self
    }

    /// Sent once, whatever its method: when its answer is lost, somebody looks what became of it before it is sent again.
    /// Meanwhile others may have changed the same thing.
    #[must_use]
    pub(crate) fn once(mut self) -> Self {
        self.is_repeatable = false;
        self
    }

    /// The answer is a value, not an envelope.
    #[must_use]
    pub(crate) fn answered_raw(mut self) -> Self {
        self.wants_raw = true;
        self
    }

    /// A refusal may come as a plain text, which is then its message.
    #[must_use]
    pub(crate) fn refused_in_words(mut self) -> Self {
        self.is_refused_in_words = true;
        self
    }

    /// Keeps the request from being sent when there is a reason.
    #[must_use]
    pub(crate) fn refused_for(mut self, reason: Option<String>) -> Self {
        self.refusal = self.refusal.or(reason);
        self
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("{} {}", self.method, self.template)
    }
}

/// An empty segment or one of dots would be another path: the value `..` would delete its namespace.
fn refusal(value: &str) -> Option<String> {
    matches!(value, "" | "." | "..").then(|| format!("{value:?} cannot be a part of an address"))
}

/// Puts the values, each as one segment, in the places of the names in braces.
fn fill(template: &str, values: &[&str]) -> String {
    let mut path = String::new();
    let mut values = values.iter();
    for part in template.split('/').skip(1) {
        path.push('/');
        if part.starts_with('{') {
            path.push_str(&segment(
                values
                    .next()
                    .expect("a value for each name of the template"),
            ));
        } else {
            path.push_str(part);
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stays_one_segment() {
        let request = Request::put(
            "/accounts/{account}/values/{key}",
            &["a", "v/html/a b?c%2F&é"],
        );
        assert_eq!(
            request.path,
            "/accounts/a/values/v%2Fhtml%2Fa%20b%3Fc%252F%26%C3%A9"
        );
        assert_eq!(request.endpoint(), "PUT /accounts/{account}/values/{key}");
        assert!(request.is_repeatable);
        assert!(!Request::post("/x", &[]).is_repeatable);
    }

    #[test]
    fn a_key_never_leaves_its_place() {
        for key in ["", ".", ".."] {
            assert!(Request::delete("/values/{key}", &[key]).refusal.is_some());
        }
        for key in ["...", "a/..", "%2e%2e", "/", "../x"] {
            let request = Request::delete("/values/{key}", &[key]);
            assert_eq!(request.refusal, None);
            let url = format!("https://api.example/v4{}", request.path);
            let url = url::Url::parse(&url).expect("a URL");
            assert_eq!(url.path_segments().map(Iterator::count), Some(3), "{url}");
        }
    }

    #[test]
    fn bodies_are_not_printed() {
        let part = Part {
            name: "metadata".to_owned(),
            filename: None,
            content_type: None,
            bytes: b"canary".to_vec(),
        };
        for request in [
            Request::put("/x", &[]).json(&"canary"),
            Request::put("/x", &[]).raw(b"canary".to_vec()),
            Request::put("/x", &[]).multipart(vec![part]),
        ] {
            let shown = format!("{request:?}");
            assert!(
                !shown.contains("canary") && !shown.contains("99"),
                "{shown}"
            );
            assert!(shown.contains("bytes"), "{shown}");
        }
    }
}
