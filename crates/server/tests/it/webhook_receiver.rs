//! Somebody who takes webhook messages: verifies each as docs/webhooks.md says, and answers as told.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// What the next answer is; 204 when nothing was told.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// This status.
    Status(u16),
    /// A redirect there.
    Redirect(String),
    /// None at all.
    Silence,
    /// 200, and a body without end.
    Endless,
}

/// A message as it came.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) body: Value,
    headers: HeaderMap,
    raw: Bytes,
}

impl Message {
    pub(crate) fn kind(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default()
    }

    /// Whether the signature is that of the secret, and the time that of now.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let header = |name: &str| self.headers[name].to_str().expect("text").to_owned();
        let sent_at: i64 = header("webhook-timestamp").parse().expect("seconds");
        let age = jiff::Timestamp::now().as_second() - sent_at;
        let key = STANDARD
            .decode(secret.strip_prefix("whsec_").expect("the prefix"))
            .expect("base64");
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length");
        mac.update(format!("{}.{sent_at}.", self.id).as_bytes());
        mac.update(&self.raw);
        let expected = STANDARD.encode(mac.finalize().into_bytes());
        (0..300).contains(&age) && header("webhook-signature") == format!("v1,{expected}")
    }
}

#[derive(Debug, Default)]
struct Desk {
    messages: Mutex<Vec<Message>>,
    replies: Mutex<VecDeque<Reply>>,
}

/// It, running; dropping it ends it.
pub(crate) struct Receiver {
    /// Its address.
    pub(crate) url: String,
    desk: Arc<Desk>,
    task: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(State(desk): State<Arc<Desk>>, headers: HeaderMap, raw: Bytes) -> Response {
    let id = headers["webhook-id"].to_str().expect("text").to_owned();
    desk.messages.lock().expect("whole").push(Message {
        id,
        body: serde_json::from_slice(&raw).expect("JSON"),
        headers,
        raw,
    });
    let reply = desk.replies.lock().expect("whole").pop_front();
    match reply.unwrap_or(Reply::Status(204)) {
        Reply::Status(status) => StatusCode::from_u16(status).expect("one").into_response(),
        Reply::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [("location", to)]).into_response(),
        Reply::Silence => std::future::pending().await,
        Reply::Endless => {
            let piece = Bytes::from(vec![b'x'; 64 * 1024]);
            let stream = futures::stream::repeat_with(move || {
                Ok::<_, std::convert::Infallible>(piece.clone())
            });
            Body::from_stream(stream).into_response()
        }
    }
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let desk = Arc::new(Desk::default());
        let router = Router::new()
            .route("/hook", post(take))
            .with_state(Arc::clone(&desk));
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves");
        });
        Self {
            url: format!("http://{address}/hook"),
            desk,
            task,
        }
    }

    /// What it answers next, one after the other.
    pub(crate) fn answers(&self, replies: impl IntoIterator<Item = Reply>) {
        self.desk.replies.lock().expect("whole").extend(replies);
    }

    /// What came so far.
    pub(crate) fn messages(&self) -> Vec<Message> {
        self.desk.messages.lock().expect("whole").clone()
    }

    /// Waits until the messages are as wanted.
    pub(crate) async fn until(&self, is_wanted: impl Fn(&[Message]) -> bool) -> Vec<Message> {
        let begun = Instant::now();
        loop {
            let messages = self.messages();
            if is_wanted(&messages) {
                return messages;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{messages:#?}");
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }
}
