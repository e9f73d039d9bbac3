//! People who look at a site and at somebody else's Worker beside it, without a pause, while things go wrong.

use super::lanes::Lane;
use crate::local_cloudflare::client;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

/// Between two looks of one person.
const PACE: Duration = Duration::from_millis(100);

/// What people saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) requests: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) changed: AtomicU64,
}

impl Seen {
    /// Requests, failed ones, and such with another page.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (of(&self.requests), of(&self.failed), of(&self.changed))
    }
}

/// Somebody who looks at one lane until told to stop.
pub(crate) struct Person {
    stop: CancellationToken,
    looking: JoinHandle<()>,
}

impl Person {
    pub(crate) fn look(edge: String, lane: Lane, seen: Arc<Seen>) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let looking = tokio::spawn(async move {
            let client = client();
            let mut pace = tokio::time::interval(PACE);
            for number in 0u64.. {
                tokio::select! {
                    () = stopped.cancelled() => return,
                    _ = pace.tick() => {}
                }
                let (host, path, expected) = if number % 2 == 0 {
                    let path = format!("/page?visit={number}");
                    let page = format!("<h1>origin of {}{path}</h1>", lane.host);
                    (lane.host.clone(), path, page)
                } else {
                    (lane.foreign_host(), "/".to_owned(), lane.foreign_page())
                };
                let answer = client
                    .get(format!("{edge}{path}"))
                    .header("host", &host)
                    .header("user-agent", CHROME)
                    .header("accept", "text/html,*/*;q=0.8")
                    .send()
                    .await;
                seen.requests.fetch_add(1, Ordering::Relaxed);
                let (status, is_marked, body) = match answer {
                    Ok(answer) => (
                        answer.status().as_u16(),
                        answer.headers().contains_key("x-edge-delivery"),
                        answer
                            .text()
                            .await
                            .unwrap_or_else(|error| error.to_string()),
                    ),
                    Err(error) => (0, false, format!("{error:?}")),
                };
                if status != 200 {
                    seen.failed.fetch_add(1, Ordering::Relaxed);
                    println!("a person at {host}{path} got {status}: {body}");
                } else if is_marked || body != expected {
                    seen.changed.fetch_add(1, Ordering::Relaxed);
                    println!("a person at {host}{path} got another page: {body}");
                }
            }
        });
        Self { stop, looking }
    }

    /// Ends the looking; a look that is under way is finished.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.looking.await.expect("a person does not panic");
    }
}
