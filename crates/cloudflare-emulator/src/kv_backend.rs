//! KV as workerd asks for it: the HTTP calls behind a namespace binding, answered from the world.
//!
//! Each namespace has a socket of its own, since the calls name none. Keys come as one percent-encoded path segment
//! and are decoded exactly once. Faults whose path begins with `^kv/` meet these calls.

mod cache;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use http::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::account::kv::{KvEntry, KvError, KvWrite, Namespace};
use crate::account::{SharedWorld, World, plain_id};
use crate::clock::now_ms;
use crate::faults::{Fault, FaultKind};
use crate::limits::{KV_BULK_GET_KEYS, KV_LIST_KEYS, KV_VALUE_BYTES};

use cache::Cache;

/// Where metadata travels, in both directions.
const METADATA_HEADER: &str = "cf-kv-metadata";
/// Room for a list of keys to get.
const BULK_GET_BODY: usize = 1024 * 1024;

struct Backend {
    world: Arc<SharedWorld>,
    namespace: String,
    cache: Cache,
}

/// Why a call failed: status and words, which a script sees as `KV GET failed: 500 …`.
struct Failure(StatusCode, String);

impl From<KvError> for Failure {
    fn from(error: KvError) -> Self {
        let status = match error {
            KvError::KeyTooLong(_) => StatusCode::URI_TOO_LONG,
            KvError::ValueTooLarge(_) | KvError::MetadataTooLarge(_) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            _ => StatusCode::BAD_REQUEST,
        };
        Self(status, error.to_string())
    }
}

/// Answers for the namespace of this id.
pub fn router(world: Arc<SharedWorld>, namespace: &str) -> Router {
    let namespace = plain_id(namespace);
    Router::new().fallback(call).with_state(Arc::new(Backend {
        world,
        namespace,
        cache: Cache::default(),
    }))
}

async fn call(State(backend): State<Arc<Backend>>, request: Request<Body>) -> Response<Body> {
    let shown = format!("kv/{}{}", backend.namespace, request.uri().path());
    let fault = backend
        .world
        .faults()
        .take_kv(request.method().as_str(), &shown);
    let done = match fault.as_ref().map(|fault| fault.kind) {
        None | Some(FaultKind::After | FaultKind::Hang | FaultKind::Slow | FaultKind::Late) => {
            Some(backend.answer(request).await)
        }
        Some(_) => None,
    };
    match (fault, done) {
        (Some(fault), Some(Ok(response))) if fault.kind == FaultKind::Slow => {
            fault.hold().await;
            response
        }
        (Some(fault), _) => faulty(fault).await,
        (None, Some(Ok(response))) => response,
        (None, Some(Err(Failure(status, words)))) => text(status, words),
        (None, None) => text(StatusCode::INTERNAL_SERVER_ERROR, String::new()),
    }
}

async fn faulty(fault: Fault) -> Response<Body> {
    fault.hold().await;
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = text(status, format!("error code {}", fault.code));
    match fault.kind {
        FaultKind::Timeout | FaultKind::Hang | FaultKind::Late => {
            // The connection breaks in the middle: the promised body never comes.
            let broken = futures::stream::once(async {
                Err::<Bytes, _>(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
            });
            *response.body_mut() = Body::from_stream(broken);
        }
        FaultKind::RateLimited => {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(fault.retry_after));
        }
        FaultKind::Html => {
            response
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
            *response.body_mut() = Body::from("<html><body><h1>502 Bad Gateway</h1></body></html>");
        }
        FaultKind::Before | FaultKind::After | FaultKind::Slow => {}
    }
    response
}

impl Backend {
    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, Failure> {
        let segment = request.uri().path().trim_start_matches('/').to_owned();
        let query: Vec<(String, String)> = request
            .uri()
            .query()
            .map(|query| {
                url::form_urlencoded::parse(query.as_bytes())
                    .into_owned()
                    .collect()
            })
            .unwrap_or_default();
        if *request.method() == Method::POST && segment == "bulk/get" {
            return self.bulk_get(&read(request, BULK_GET_BODY).await?);
        }
        let key = percent_encoding::percent_decode_str(&segment)
            .decode_utf8()
            .map_err(|_| Failure(StatusCode::BAD_REQUEST, "the key is not UTF-8".to_owned()))?
            .into_owned();
        match *request.method() {
            Method::GET if key.is_empty() => self.list(&query),
            Method::GET => self.get(&key, number(&query, "cache_ttl")?),
            Method::PUT => self.put(&key, &query, request).await,
            Method::DELETE => self.delete(&key),
            _ => Err(Failure(
                StatusCode::METHOD_NOT_ALLOWED,
                "no such call".to_owned(),
            )),
        }
    }

    fn get(&self, key: &str, cache_ttl: Option<u64>) -> Result<Response<Body>, Failure> {
        Namespace::check_key(key)?;
        cache::check_ttl(cache_ttl)?;
        let Some(entry) = self.cached(key, cache_ttl)? else {
            return Err(Failure(StatusCode::NOT_FOUND, "key not found".to_owned()));
        };
        let mut response = Response::new(Body::from(entry.value.clone()));
        if let Some(metadata) = &entry.metadata
            && let Ok(value) = HeaderValue::from_str(&ascii(metadata))
        {
            response.headers_mut().insert(METADATA_HEADER, value);
        }
        Ok(response)
    }

    /// A key as one location of the edge sees it: what it read a moment ago it does not read again, misses too.
    fn cached(&self, key: &str, cache_ttl: Option<u64>) -> Result<Option<KvEntry>, Failure> {
        let world = self.world.read();
        let percent = world.switches.kv_cache_percent;
        if percent == 0 {
            return Ok(self.entry(&world, key)?.cloned());
        }
        let ttl_ms = cache::ttl_ms(cache_ttl, percent);
        self.cache
            .read(key, ttl_ms, || Ok(self.entry(&world, key)?.cloned()))
    }

    fn bulk_get(&self, body: &Bytes) -> Result<Response<Body>, Failure> {
        let asked: BulkGet = serde_json::from_slice(body).map_err(|error| {
            Failure(
                StatusCode::BAD_REQUEST,
                format!("the list of keys is not understood: {error}"),
            )
        })?;
        if asked.keys.len() > KV_BULK_GET_KEYS {
            let words = format!("You can request a maximum of {KV_BULK_GET_KEYS} keys");
            return Err(Failure(StatusCode::BAD_REQUEST, words));
        }
        let world = self.world.read();
        let mut found = Map::new();
        for key in &asked.keys {
            let value = match self.entry(&world, key)? {
                None => Value::Null,
                Some(entry) => asked.value_of(key, entry)?,
            };
            found.insert(key.clone(), value);
        }
        Ok(json_response(&Value::Object(found)))
    }

    fn list(&self, query: &[(String, String)]) -> Result<Response<Body>, Failure> {
        let prefix = param(query, "prefix").unwrap_or_default();
        let limit = match param(query, "key_count_limit") {
            None => KV_LIST_KEYS,
            Some(text) => text
                .parse::<usize>()
                .ok()
                .filter(|limit| (1..=KV_LIST_KEYS).contains(limit))
                .ok_or_else(|| {
                    bad(format!(
                        "Invalid key_count_limit of {text}. Please specify 1 to {KV_LIST_KEYS}."
                    ))
                })?,
        };
        let after = match param(query, "cursor").filter(|cursor| !cursor.is_empty()) {
            None => None,
            Some(cursor) => {
                let name = hex::decode(cursor)
                    .ok()
                    .and_then(|bytes| String::from_utf8(bytes).ok());
                Some(name.ok_or_else(|| bad("invalid cursor".to_owned()))?)
            }
        };
        let world = self.world.read();
        let page = self
            .namespace(&world)?
            .list(prefix, limit, after.as_deref(), now_ms());
        let keys: Vec<_> = page
            .keys
            .iter()
            .map(|(name, entry)| {
                let mut key = json!({ "name": name });
                if let Some(expiration) = entry.expiration {
                    key["expiration"] = json!(expiration);
                }
                if let Some(metadata) = &entry.metadata {
                    // A bare string would be parsed as JSON by workerd, so it is given as JSON.
                    key["metadata"] = match metadata {
                        Value::String(_) => json!(metadata.to_string()),
                        other => other.clone(),
                    };
                }
                key
            })
            .collect();
        let mut answer = json!({ "keys": keys, "list_complete": page.next.is_none() });
        if let Some(next) = page.next {
            answer["cursor"] = json!(hex::encode(next));
        }
        Ok(json_response(&answer))
    }

    async fn put(
        &self,
        key: &str,
        query: &[(String, String)],
        request: Request<Body>,
    ) -> Result<Response<Body>, Failure> {
        let metadata = metadata(request.headers())?;
        let (expiration, expiration_ttl) = (
            number(query, "expiration")?,
            number(query, "expiration_ttl")?,
        );
        let value = read(request, KV_VALUE_BYTES).await?;
        let mut world = self.world.write();
        let delay_ms = world.switches.kv_delay_ms;
        let write = KvWrite {
            value,
            metadata,
            expiration,
            expiration_ttl,
        };
        self.namespace_mut(&mut world)?
            .put(key, write, now_ms(), delay_ms)?;
        Ok(Response::new(Body::empty()))
    }

    fn delete(&self, key: &str) -> Result<Response<Body>, Failure> {
        Namespace::check_key(key)?;
        let mut world = self.world.write();
        let delay_ms = world.switches.kv_delay_ms;
        self.namespace_mut(&mut world)?
            .delete(key, now_ms(), delay_ms);
        Ok(Response::new(Body::empty()))
    }

    fn namespace<'w>(&self, world: &'w World) -> Result<&'w Namespace, Failure> {
        world.namespaces.get(&self.namespace).ok_or_else(gone)
    }

    fn namespace_mut<'w>(&self, world: &'w mut World) -> Result<&'w mut Namespace, Failure> {
        world.namespaces.get_mut(&self.namespace).ok_or_else(gone)
    }

    fn entry<'w>(&self, world: &'w World, key: &str) -> Result<Option<&'w KvEntry>, Failure> {
        Ok(self
            .namespace(world)?
            .get_at_edge(key, now_ms(), world.switches.kv_delay_ms))
    }
}

/// The body of `POST /bulk/get`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BulkGet {
    keys: Vec<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    with_metadata: bool,
}

impl BulkGet {
    fn value_of(&self, key: &str, entry: &KvEntry) -> Result<Value, Failure> {
        let value = if self.kind.as_deref() == Some("json") {
            serde_json::from_slice(&entry.value)
                .map_err(|_| bad(format!("the value of {key} is not JSON")))?
        } else {
            Value::String(String::from_utf8_lossy(&entry.value).into_owned())
        };
        Ok(if self.with_metadata {
            json!({ "value": value, "metadata": entry.metadata })
        } else {
            value
        })
    }
}

async fn read(request: Request<Body>, limit: usize) -> Result<Bytes, Failure> {
    to_bytes(request.into_body(), limit).await.map_err(|_| {
        Failure(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("Value length exceeds limit of {limit}."),
        )
    })
}

/// The metadata of a write: raw UTF-8, which is no text in HTTP's sense.
fn metadata(headers: &HeaderMap) -> Result<Option<Value>, Failure> {
    let Some(header) = headers.get(METADATA_HEADER) else {
        return Ok(None);
    };
    serde_json::from_slice(header.as_bytes())
        .map(Some)
        .map_err(|_| bad("the metadata is not JSON".to_owned()))
}

fn param<'q>(query: &'q [(String, String)], name: &str) -> Option<&'q str> {
    query
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

fn number(query: &[(String, String)], name: &str) -> Result<Option<u64>, Failure> {
    param(query, name)
        .map(|text| {
            text.parse()
                .map_err(|_| bad(format!("Invalid {name} of {text}.")))
        })
        .transpose()
}

/// JSON in ASCII alone, fit for a header.
fn ascii(value: &Value) -> String {
    let mut text = String::new();
    for unit in value.to_string().encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\u{unit:04x}")),
        }
    }
    text
}

fn bad(words: String) -> Failure {
    Failure(StatusCode::BAD_REQUEST, words)
}

fn gone() -> Failure {
    Failure(StatusCode::NOT_FOUND, "namespace not found".to_owned())
}

fn json_response(value: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(value.to_string()));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn text(status: StatusCode, words: String) -> Response<Body> {
    let mut response = Response::new(Body::from(words));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests;
