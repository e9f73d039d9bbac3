//! Reading requests: every refusal is a [`Problem`].

use crate::problem::{Code, Outcome, Problem};
use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Query, Request},
    http::{HeaderMap, header, request::Parts},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use std::{str::FromStr, time::Duration};

/// The most bytes of a JSON body.
pub(crate) const JSON_LIMIT: usize = 16 * 1024 * 1024;

/// How much of a body over its limit is read off, so that the sender gets to see the answer.
const DRAIN_LIMIT: usize = 256 * 1024 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(20);

/// A JSON body: `application/json`, at most [`JSON_LIMIT`] bytes, without unknown fields where the type says so. An empty
/// body counts as `{}`.
#[derive(Debug)]
pub(crate) struct ApiJson<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for ApiJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read_body(body, JSON_LIMIT).await?;
        if bytes.is_empty() {
            return parse_json(b"{}").map(Self);
        }
        if !is_json(&parts.headers) {
            return Err(Problem::new(
                Code::ValidationFailed,
                "The body's content-type must be application/json.",
            )
            .cause("The request has another content-type, or none.")
            .remedy("Send the header `content-type: application/json` with a JSON body."));
        }
        parse_json(&bytes).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<mime::Mime>().ok())
        .is_some_and(|mime| {
            mime.type_() == mime::APPLICATION
                && (mime.subtype() == mime::JSON || mime.suffix() == Some(mime::JSON))
        })
}

/// Parses a JSON object: what is no JSON at all is 400, what does not fit is 422. Input is not quoted back, since it may
/// hold a token. Only objects are taken: serde would read a list as the fields in their order.
pub(crate) fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Outcome<T> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| {
        Problem::new(
            Code::MalformedRequest,
            format!(
                "The body is not JSON: line {}, column {}.",
                error.line(),
                error.column()
            ),
        )
        .cause("It is cut off, not encoded as UTF-8, or has a comma or quote too many.")
        .remedy("Send well-formed JSON; nothing was changed.")
    })?;
    if !value.is_object() {
        return Err(does_not_fit("an object is wanted, as in {\"name\": …}"));
    }
    // From the text, not from the value: there the last of two fields of one name has won already.
    serde_json::from_slice(bytes).map_err(|error| does_not_fit(&without_values(&error.to_string())))
}

fn does_not_fit(why: &str) -> Problem {
    Problem::new(
        Code::ValidationFailed,
        format!("The JSON does not fit: {why}."),
    )
    .cause("A field is missing, unknown, given twice, or of another type than documented.")
    .remedy("Compare the body with /api/v1/openapi.json and send it again; nothing was changed.")
}

/// serde quotes offending values in its messages (`invalid type: string "…"`); those may be secrets.
fn without_values(message: &str) -> String {
    let Some((head, tail)) = message.split_once('"') else {
        return message.to_owned();
    };
    match tail.rfind('"') {
        Some(end) => format!("{head}…{}", &tail[end + 1..]),
        None => format!("{head}…"),
    }
}

/// The whole body, or 413 after reading off enough of it that the answer arrives.
pub(crate) async fn read_body(mut body: Body, limit: usize) -> Outcome<Bytes> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            Problem::new(
                Code::MalformedRequest,
                "The body ended before it was complete.",
            )
            .cause("The connection was closed or a proxy cut the body.")
            .remedy("Send the request again.")
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > limit {
            drain(body).await;
            return Err(too_large(limit));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

fn too_large(limit: usize) -> Problem {
    Problem::new(
        Code::TooLarge,
        format!(
            "The body is over its limit of {} MiB.",
            limit / (1024 * 1024)
        ),
    )
    .cause("More was sent than this call takes.")
    .remedy("Send less, or in several requests; nothing was changed.")
}

async fn drain(mut body: Body) {
    let mut read = 0;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            read += frame.data_ref().map_or(0, Bytes::len);
            if read > DRAIN_LIMIT {
                break;
            }
        }
    };
    // A sender that is slower than this does not get to see the answer.
    let _ = tokio::time::timeout(DRAIN_TIME, reading).await;
}

/// `?limit=&cursor=` of a list.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// How many items, 1 to 200; 50 unless told.
    pub(crate) limit: Option<u32>,
    /// `nextCursor` of the page before.
    pub(crate) cursor: Option<String>,
}

impl PageQuery {
    /// The page to ask the store for.
    pub(crate) fn page(self) -> Outcome<store::Page> {
        let limit = self.limit.unwrap_or(50);
        if !(1..=200).contains(&limit) {
            return Err(Problem::field("limit", "must be between 1 and 200"));
        }
        Ok(store::Page {
            after: self.cursor,
            limit,
        })
    }
}

/// A query string; what does not fit is 422.
#[derive(Debug)]
pub(crate) struct ApiQuery<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Query::<T>::try_from_uri(&parts.uri)
            .map(|Query(query)| Self(query))
            .map_err(|error| {
                let why = std::error::Error::source(&error)
                    .map_or_else(|| error.to_string(), ToString::to_string);
                query_problem(&why)
            })
    }
}

/// What is wrong with a query, from serde's words for it: `limit: invalid digit found in string`, ``unknown field `x`,
/// expected `limit` or `cursor` ``. The words themselves are for programmers, and may quote values.
fn query_problem(why: &str) -> Problem {
    let quoted: Vec<&str> = why.split('`').skip(1).step_by(2).collect();
    let known = |names: &[&str]| match names {
        [] => "This call takes no parameters.".to_owned(),
        names => format!("It takes: {}.", names.join(", ")),
    };
    let Some(name) = quoted.first().copied() else {
        return match why.split_once(": ") {
            Some((name, _)) => Problem::field(name, wanted(why)),
            None => Problem::new(Code::ValidationFailed, "The query cannot be read.")
                .cause("It is not in the form name=value&name=value.")
                .remedy("Compare the query with /api/v1/openapi.json."),
        };
    };
    if why.contains("unknown field") {
        Problem::field(name, "is not a parameter of this call").remedy(known(&quoted[1..]))
    } else if why.contains("missing field") {
        Problem::field(name, "is missing in the query")
    } else if why.contains("duplicate field") {
        Problem::field(name, "is given more than once")
    } else {
        let name = why.split_once(": ").map_or("query", |(name, _)| name);
        Problem::field(name, wanted(why))
    }
}

fn wanted(why: &str) -> &'static str {
    if why.contains("digit") || why.contains("number") || why.contains("integer") {
        "must be a whole number within its limits"
    } else if why.contains("`true` or `false`") {
        "must be true or false"
    } else {
        "has a value that it cannot have"
    }
}

/// An id from the path: what is no id names nothing, so it is 404.
pub(crate) fn id<T: FromStr>(text: &str, what: &str) -> Outcome<T> {
    text.parse().map_err(|_| Problem::not_found(what, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[expect(dead_code, reason = "only parsed")]
        token: u8,
    }

    #[test]
    fn values_are_not_quoted_back() {
        let problem =
            parse_json::<Sample>(br#"{"token":"canary-canary"}"#).expect_err("a number is wanted");
        assert_eq!(problem.status, 422);
        assert!(!problem.to_string().contains("canary"), "{problem}");
        assert_eq!(
            parse_json::<Sample>(b"[1]").expect_err("a list").status,
            422
        );
        assert_eq!(
            parse_json::<Sample>(b"{\"token\":")
                .expect_err("cut off")
                .status,
            400
        );
        assert_eq!(
            parse_json::<Sample>(br#"{"token":1,"token":2}"#)
                .expect_err("given twice")
                .status,
            422
        );
        assert_eq!(
            parse_json::<Sample>(br#"{"token":1,"x":2}"#)
                .expect_err("unknown")
                .status,
            422
        );
    }

    #[test]
    fn queries_are_refused_in_plain_words() {
        let told = |query: &str| {
            let uri = format!("/?{query}").parse().expect("an address");
            let error = Query::<PageQuery>::try_from_uri(&uri).expect_err(query);
            query_problem(
                &std::error::Error::source(&error)
                    .expect("a cause")
                    .to_string(),
            )
        };
        for (query, field, words) in [
            ("limit=x", "limit", "must be a whole number"),
            ("limit=-1", "limit", "must be a whole number"),
            ("limit=99999999999", "limit", "must be a whole number"),
            ("what=1", "what", "is not a parameter"),
            ("limit=1&limit=2", "limit", "more than once"),
        ] {
            let problem = told(query);
            assert_eq!(problem.errors[0].field, field, "{query}: {problem}");
            assert!(problem.detail.contains(words), "{query}: {problem}");
            assert!(!problem.to_string().contains("serialize"), "{problem}");
        }
        assert!(told("what=1").to_string().contains("limit, cursor"));
        assert_eq!(
            query_problem("publish: provided string was not `true` or `false`").detail,
            "`publish` must be true or false."
        );
    }
}
