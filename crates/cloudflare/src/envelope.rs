//! The wrapper around every JSON answer (§1), read leniently where live answers differ from the schema (plain strings for
//! messages, no `messages`, no codes), and strictly in one thing: success is what says `success: true`, and a list is
//! what has a `result`.

mod entries;

use self::entries::{cut, entries};
use crate::error::{ApiErrorEntry, Error, ErrorKind};
use bytes::Bytes;
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::{Map, Value};
use std::time::Duration;

/// `result_info` of lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ResultInfo {
    pub(crate) per_page: Option<u64>,
    pub(crate) total_count: Option<u64>,
    pub(crate) total_pages: Option<u64>,
    pub(crate) cursor: Option<String>,
}

impl ResultInfo {
    fn read(value: Option<&Value>) -> Self {
        let number = |name: &str| value?.get(name)?.as_u64();
        Self {
            per_page: number("per_page"),
            total_count: number("total_count"),
            total_pages: number("total_pages"),
            // Absent, null and empty alike are the end (§1.1, official).
            cursor: value
                .and_then(|info| info.get("cursor")?.as_str())
                .filter(|cursor| !cursor.is_empty())
                .map(str::to_owned),
        }
    }
}

/// What an answer tells before its body.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) endpoint: String,
    pub(crate) status: u16,
    pub(crate) ray_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) is_write: bool,
    pub(crate) is_challenge: bool,
}

impl Head {
    pub(crate) fn error(&self, kind: ErrorKind, errors: Vec<ApiErrorEntry>) -> Error {
        let is_effect_unknown = self.is_write
            && match kind {
                ErrorKind::Api => self.status >= 500,
                ErrorKind::Malformed(_) => !(300..500).contains(&self.status),
                ErrorKind::TooLarge => true,
                _ => false,
            };
        Error {
            endpoint: self.endpoint.clone(),
            status: Some(self.status),
            errors,
            ray_id: self.ray_id.clone(),
            kind,
            retry_after: self.retry_after,
            is_effect_unknown,
            is_unsent: false,
        }
    }

    /// The error that a refusal in plain text is: neither JSON nor a page.
    pub(crate) fn told_in_words(&self, body: &[u8]) -> Option<Error> {
        let text = std::str::from_utf8(body).ok()?.trim();
        let is_plain = (400..500).contains(&self.status)
            && !self.is_challenge
            && !text.is_empty()
            && !text.starts_with(['{', '[', '<']);
        is_plain.then(|| {
            let entry = ApiErrorEntry {
                message: cut(text),
                ..ApiErrorEntry::default()
            };
            self.error(ErrorKind::Api, vec![entry])
        })
    }

    fn malformed(&self, what: impl Into<Box<str>>) -> Error {
        self.error(ErrorKind::Malformed(what.into()), Vec::new())
    }
}

/// An answer that tells of success.
#[derive(Debug)]
pub(crate) struct Answer {
    head: Head,
    body: Bytes,
    envelope: Map<String, Value>,
}

impl Answer {
    /// Reads an answer; what does not tell of success is an error. A raw body is looked into only when the status says
    /// that something failed: a KV value may look like anything.
    pub(crate) fn read(head: Head, body: Bytes, wants_raw: bool) -> Result<Self, Error> {
        if head.is_challenge {
            return Err(head.error(ErrorKind::Challenge, Vec::new()));
        }
        let is_ok = (200..300).contains(&head.status);
        if is_ok && (wants_raw || body.trim_ascii().is_empty()) {
            return Ok(Self {
                head,
                body,
                envelope: Map::new(),
            });
        }
        let envelope = match serde_json::from_slice(&body) {
            Ok(Value::Object(envelope)) => envelope,
            Ok(_) => return Err(head.malformed("it is no object")),
            Err(error) => return Err(head.malformed(what_is_wrong(&body, &error))),
        };
        let success = envelope.get("success").and_then(Value::as_bool);
        if is_ok && success == Some(true) {
            return Ok(Self {
                head,
                body,
                envelope,
            });
        }
        let entries = entries(&envelope);
        if success.is_none() && entries.is_empty() {
            return Err(head.malformed("it does not say whether it succeeded"));
        }
        Err(head.error(ErrorKind::Api, entries))
    }

    /// The body as it came.
    pub(crate) fn into_body(self) -> Bytes {
        self.body
    }

    /// `result` as the caller's type. An absent one reads as `null`.
    pub(crate) fn result<T: DeserializeOwned>(mut self) -> Result<T, Error> {
        let result = self.envelope.remove("result").unwrap_or(Value::Null);
        serde_json::from_value(result).map_err(|error| self.misfit(&error))
    }

    /// `result` as a list, with `result_info`. `null` is an empty list; an absent one is not.
    pub(crate) fn list<T: DeserializeOwned>(mut self) -> Result<(Vec<T>, ResultInfo), Error> {
        let info = ResultInfo::read(self.envelope.get("result_info"));
        let list: Option<Vec<T>> = match self.envelope.remove("result") {
            None => return Err(self.head.malformed("it has no result")),
            Some(result) => serde_json::from_value(result).map_err(|error| self.misfit(&error))?,
        };
        Ok((list.unwrap_or_default(), info))
    }

    fn misfit(&self, error: &serde_json::Error) -> Error {
        self.head.malformed(format!(
            "its result does not fit: {}",
            cut(&error.to_string())
        ))
    }
}

fn what_is_wrong(body: &[u8], error: &serde_json::Error) -> String {
    let body = body.trim_ascii();
    if body.is_empty() {
        "it is empty".to_owned()
    } else if body.starts_with(b"<") {
        "it is an HTML page".to_owned()
    } else {
        format!(
            "it is no JSON at line {}, column {}",
            error.line(),
            error.column()
        )
    }
}

/// Reads `null` like an absent field: live answers have both (§4.1, §6.4, measured).
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn head(status: u16) -> Head {
        Head {
            endpoint: "PUT /x".to_owned(),
            status,
            ray_id: Some("8f00".to_owned()),
            retry_after: None,
            is_write: true,
            is_challenge: false,
        }
    }

    fn read(status: u16, body: &str) -> Result<Answer, Error> {
        Answer::read(head(status), Bytes::copy_from_slice(body.as_bytes()), false)
    }

    fn refused(status: u16, body: &str) -> Error {
        read(status, body).expect_err("an error")
    }

    #[test]
    fn success_is_what_says_so() {
        for (status, body) in [
            (200, r#"{"success":true,"result":{"id":"x"}}"#),
            (
                200,
                r#"{"success":true,"errors":null,"messages":["plain",{"code":10000,"message":"fine","type":null}]}"#,
            ),
            (204, ""),
            (200, " \n"),
        ] {
            assert!(read(status, body).is_ok(), "{status} {body}");
        }
        for (status, body) in [
            (200, r#"{"success":false,"errors":[]}"#),
            (200, r#"{"hello":"I am a captive portal"}"#),
            (200, "<html>sign in to the hotel</html>"),
            (200, "[]"),
            (200, r#"{"success":"#),
            (302, r#"{"success":true}"#),
            (500, ""),
            (403, r#"{"success":true}"#),
        ] {
            assert!(read(status, body).is_err(), "{status} {body}");
        }
    }

    #[test]
    fn errors_of_every_form_are_read() {
        let error = refused(
            400,
            r#"{"success":false,"result":null,"errors":[{"code":6003,"message":"Invalid request headers",
                "documentation_url":"https://docs.example/6003",
                "error_chain":[{"code":6111,"message":"Invalid format"}],"meta":{"details":[]}},"and a string"]}"#,
        );
        assert_eq!(error.code(), Some(6003));
        assert_eq!(error.errors[0].error_chain[0].code, Some(6111));
        assert!(error.errors[0].documentation_url.is_some());
        assert_eq!(error.errors[1].message, "and a string");
        assert_eq!(
            error.to_string(),
            "PUT /x: Invalid request headers (HTTP 400, code 6003)"
        );
        for (body, code, message) in [
            (
                r#"{"success":false,"errors":[{"message":"no code"}]}"#,
                None,
                "no code",
            ),
            (
                r#"{"success":false,"errors":[{"code":"1000","message":null}]}"#,
                Some(1000),
                "",
            ),
            (
                r#"{"code":7,"error":"outside the envelope"}"#,
                Some(7),
                "outside the envelope",
            ),
            (
                r#"{"success":false,"errors":{"code":1,"message":"one"}}"#,
                Some(1),
                "one",
            ),
            (
                r#"{"success":false,"errors":[{"code":70000000000,"message":"big"}]}"#,
                Some(70_000_000_000),
                "big",
            ),
        ] {
            let error = refused(400, body);
            assert_eq!(error.kind, ErrorKind::Api, "{body}");
            assert_eq!(
                (error.code(), error.message()),
                (code, Some(message)),
                "{body}"
            );
        }
        assert_eq!(refused(500, r#"{"success":false}"#).message(), None);
    }

    #[test]
    fn an_absent_result_is_no_empty_list() {
        let list = |body: &str| {
            read(200, body)
                .expect("success")
                .list::<String>()
                .map(|(l, _)| l)
        };
        assert_eq!(
            list(r#"{"success":true,"result":["a"]}"#),
            Ok(vec!["a".to_owned()])
        );
        assert_eq!(list(r#"{"success":true,"result":null}"#), Ok(Vec::new()));
        assert!(list(r#"{"success":true}"#).is_err());
        assert!(list("").is_err());
        assert!(list(r#"{"success":true,"result":[1]}"#).is_err());
    }

    #[test]
    fn a_cursor_ends_in_three_ways() {
        let cursor = |info: &str| {
            let body = format!(r#"{{"success":true,"result":[],"result_info":{info}}}"#);
            let (_, info) = read(200, &body)
                .expect("success")
                .list::<Value>()
                .expect("a list");
            info.cursor
        };
        assert_eq!(cursor(r#"{"cursor":"abc"}"#), Some("abc".to_owned()));
        for end in [r#"{"cursor":""}"#, r#"{"cursor":null}"#, "{}", "null", "7"] {
            assert_eq!(cursor(end), None, "{end}");
        }
    }

    #[test]
    fn a_raw_value_is_never_taken_for_an_envelope() {
        let body = Bytes::from_static(br#"{"success":false,"errors":[{"code":1}]}"#);
        let answer = Answer::read(head(200), body.clone(), true).expect("a value");
        assert_eq!(answer.into_body(), body);
        assert!(Answer::read(head(404), body, true).is_err());
    }

    #[test]
    fn what_a_failed_write_leaves_unknown() {
        assert!(refused(500, r#"{"success":false}"#).effect_unknown());
        assert!(refused(502, "<html>").effect_unknown());
        assert!(refused(200, r#"{"success":"#).effect_unknown());
        assert!(!refused(400, r#"{"success":false}"#).effect_unknown());
        assert!(!refused(404, "<html>").effect_unknown());
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(status in 100..600_u16, body in any::<Vec<u8>>(), raw: bool) {
            if let Ok(answer) = Answer::read(head(status), Bytes::from(body), raw) {
                let _ = answer.list::<Value>();
            }
        }

        #[test]
        fn no_json_makes_it_panic(status in 100..600_u16, success: bool, errors in json(), result in json()) {
            let body = serde_json::json!({"success": success, "errors": errors, "result": result}).to_string();
            match read(status, &body) {
                Ok(answer) => drop(answer.list::<String>()),
                Err(error) => drop(error.to_string()),
            }
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(
                    prop_oneof![
                        Just("code".to_owned()),
                        Just("message".to_owned()),
                        Just("error_chain".to_owned())
                    ],
                    inner,
                    0..4
                )
                .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }
}
