//! From a reply to the response that goes out: the envelope, the headers that every answer has, and what faults make
//! of both.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;

use super::{
    Closed, HttpResponse,
    answer::{Answer, Body, Refusal, Reply},
    new_id,
    rate::Standing,
    read,
};
use crate::{
    faults::{Fault, FaultKind},
    limits::{RATE_CALLS, RATE_WINDOW},
};

/// The reply as it goes out, with the headers that every answer has.
pub(super) fn seal(reply: Reply, standing: Standing) -> HttpResponse {
    let (status, headers, content_type, bytes) = match reply {
        Ok(answer) => {
            let (kind, bytes) = match answer.body {
                Body::Envelope(value) | Body::Bare(value) => {
                    (Some("application/json"), Bytes::from(value.to_string()))
                }
                Body::Raw(bytes) => (None, bytes),
            };
            (answer.status, answer.headers, kind, bytes)
        }
        Err(refusal) => match refusal.plain {
            Some(text) => (
                refusal.status,
                Vec::new(),
                Some("text/plain; charset=utf-8"),
                Bytes::from(text.into_owned()),
            ),
            None => {
                let envelope = refusal.envelope().to_string();
                (
                    refusal.status,
                    Vec::new(),
                    Some("application/json"),
                    Bytes::from(envelope),
                )
            }
        },
    };
    let mut response = Response::new(Full::new(bytes));
    *response.status_mut() = status;
    let map = response.headers_mut();
    if let Some(kind) = content_type {
        map.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    for (name, value) in headers {
        map.append(name, value);
    }
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            map.insert(HeaderName::from_static(name), value);
        }
    };
    set("cf-ray", format!("{}-DEV", &new_id()[..16]));
    set(
        "ratelimit",
        format!("\"default\";r={};t={}", standing.remaining, standing.reset),
    );
    set(
        "ratelimit-policy",
        format!("\"default\";q={RATE_CALLS};w={}", RATE_WINDOW.as_secs()),
    );
    if let Some(seconds) = standing.retry_after {
        set("retry-after", seconds.to_string());
    }
    response
}

/// What a fault makes of a call that is not done.
pub(super) async fn injected(fault: Fault, body: Incoming) -> Result<HttpResponse, Closed> {
    if fault.kind == FaultKind::Timeout {
        fault.hold().await;
        return Err(Closed);
    }
    let _ = read(body).await;
    fault.hold().await;
    let standing = Standing::unlimited();
    Ok(match fault.kind {
        FaultKind::Html => {
            let page = "<!DOCTYPE html>\n<html><head><title>502: Bad gateway</title></head>\
                <body><h1>Bad gateway</h1><p>Error code 502</p></body></html>\n";
            let mut answer = Answer::raw(
                Bytes::from_static(page.as_bytes()),
                "text/html; charset=UTF-8",
            );
            answer.status = StatusCode::BAD_GATEWAY;
            seal(Ok(answer), standing)
        }
        FaultKind::RateLimited => {
            let standing = Standing {
                remaining: 0,
                reset: fault.retry_after,
                retry_after: Some(fault.retry_after),
            };
            seal(Err(throttled(fault.code)), standing)
        }
        _ => seal(Err(failure(&fault)), standing),
    })
}

pub(super) fn failure(fault: &Fault) -> Refusal {
    Refusal::new(fault.status, fault.code, "workers.api.error.unknown")
}

pub(super) fn throttled(code: u32) -> Refusal {
    Refusal::new(
        429,
        code,
        "Please wait and consider throttling your request speed",
    )
}
