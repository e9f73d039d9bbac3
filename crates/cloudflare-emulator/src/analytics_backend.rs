//! Analytics Engine as workerd writes to it: its binding (`analyticsEngine`, with `--experimental`) posts each data point as
//! one JSON object, texts as lists of bytes, the time in nanoseconds as text (measured on workerd 2026-11-17).
//!
//! The binding is the runtime's own: what it does not take (more than one index, a wrong type) never arrives here. Each
//! dataset has a socket of its own.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use http::{Request, StatusCode};
use serde_json::{Map, Value};

use crate::account::SharedWorld;
use crate::account::analytics::DataPoint;
use crate::clock::now_ms;
use crate::limits::{ANALYTICS_BLOBS, ANALYTICS_DOUBLES};

/// Room for a data point, whose texts come as lists of numbers.
const POINT_BODY: usize = 1024 * 1024;

struct Backend {
    world: Arc<SharedWorld>,
    dataset: (String, String),
}

/// Takes in what is written to this dataset of an account.
pub fn router(world: Arc<SharedWorld>, account: &str, dataset: &str) -> Router {
    Router::new().fallback(write).with_state(Arc::new(Backend {
        world,
        dataset: (account.to_owned(), dataset.to_owned()),
    }))
}

async fn write(State(backend): State<Arc<Backend>>, request: Request<Body>) -> StatusCode {
    let Ok(body) = to_bytes(request.into_body(), POINT_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE;
    };
    let Some(point) = point(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    let now = now_ms();
    let mut world = backend.world.write();
    let sample = world.switches.analytics_sample;
    world
        .datasets
        .entry(backend.dataset.clone())
        .or_default()
        .write(point, sample, now);
    StatusCode::OK
}

fn point(body: &[u8]) -> Option<DataPoint> {
    let sent: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let nanoseconds: u64 = sent.get("timestamp")?.as_str()?.parse().ok()?;
    let field = |kind: &str, number: usize| sent.get(&format!("{kind}{number}"));
    Some(DataPoint {
        at_ms: nanoseconds / 1_000_000,
        index: text(sent.get("index1")),
        blobs: (1..=ANALYTICS_BLOBS)
            .map(|number| text(field("blob", number)))
            .collect(),
        doubles: (1..=ANALYTICS_DOUBLES)
            .map(|number| {
                field("double", number)
                    .and_then(Value::as_f64)
                    .unwrap_or(0.0)
            })
            .collect(),
        sample_interval: 1,
    })
}

/// A text that came as a list of bytes; an absent one is empty.
fn text(bytes: Option<&Value>) -> String {
    let bytes: Vec<u8> = bytes
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|byte| u8::try_from(byte.as_u64()?).ok())
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_point_is_read_as_workerd_sends_it() {
        let sent = br#"{"accountId":"1","dataset":[97],"schemaVersion":"0","index1":[115,49],
            "timestamp":"1795529467119000064","double1":1.5,"double2":-3,"blob1":[71,80,84],"blob2":[195,169],"blob4":[]}"#;
        let point = point(sent).expect("a data point");
        assert_eq!(point.at_ms, 1_795_529_467_119);
        assert_eq!(point.index, "s1");
        assert_eq!(point.blobs[..4], ["GPT", "é", "", ""]);
        assert_eq!(point.doubles[..3], [1.5, -3.0, 0.0]);
        assert_eq!((point.blobs.len(), point.doubles.len()), (20, 20));
        for bad in ["", "[]", "{}", r#"{"timestamp":5}"#] {
            assert!(super::point(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
