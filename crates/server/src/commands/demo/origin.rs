//! The sample site behind the demo's zones: a small shop and a journal, with the weight that such pages have today —
//! inline styles, a bundle of script, a cookie, a consent bar — and the same bytes at every request, so that "untouched"
//! can be checked byte by byte.

use anyhow::Context;
use axum::{
    Router,
    body::Bytes,
    extract::Path,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use std::{fmt::Write, net::SocketAddr};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// How many made-up modules the pages' script bundle has; about 30 KB.
const BUNDLE_MODULES: usize = 160;

/// The running site.
#[derive(Debug)]
pub(super) struct Origin {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Origin {
    /// Starts it on a free port of loopback.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("the sample site found no free port")?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let served = axum::serve(listener, router())
                .with_graceful_shutdown(stopped.cancelled_owned())
                .await;
            if let Err(error) = served {
                tracing::error!(%error, "the sample site stopped");
            }
        });
        Ok(Self {
            address,
            stop,
            task,
        })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it. Kept-alive connections are not waited for.
    pub(super) async fn stop(mut self) {
        self.stop.cancel();
        let patience = std::time::Duration::from_millis(500);
        if tokio::time::timeout(patience, &mut self.task)
            .await
            .is_err()
        {
            self.task.abort();
        }
    }
}

fn router() -> Router {
    Router::new()
        .route("/", get(home))
        .route(
            "/robots.txt",
            get(|| async { text("User-agent: *\nAllow: /\n") }),
        )
        .route(
            "/contact",
            get(|headers| page(headers, "contact")).post(contact),
        )
        .route(
            "/{*path}",
            get(|headers, Path(path): Path<String>| async move { page(headers, &path).await }),
        )
}

fn text(body: &'static str) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
}

async fn home(headers: HeaderMap) -> Response {
    page(headers, "").await
}

/// Shows that bodies of requests get through.
async fn contact(body: Bytes) -> Response {
    let words = format!("Thank you. We received {} bytes.\n", body.len());
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], words).into_response()
}

struct Words {
    title: &'static str,
    description: &'static str,
    body: &'static str,
}

async fn page(headers: HeaderMap, path: &str) -> Response {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let is_blog = host.split(':').next() == Some("blog.localhost");
    let found = if is_blog { journal(path) } else { shop(path) };
    let (status, words) = match found {
        Some(words) => (StatusCode::OK, words),
        None => (StatusCode::NOT_FOUND, NOT_FOUND),
    };
    let brand = if is_blog {
        "Oak & Lamp Journal"
    } else {
        "Oak & Lamp"
    };
    (
        status,
        [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::SET_COOKIE, "visitor=sample; Path=/; SameSite=Lax"),
            (header::CACHE_CONTROL, "no-cache"),
        ],
        render(brand, &words),
    )
        .into_response()
}

const NOT_FOUND: Words = Words {
    title: "Not found",
    description: "There is no such page.",
    body: "<h1>Not found</h1><p>There is no such page. <a href=\"/\">To the front page</a>.</p>",
};

fn shop(path: &str) -> Option<Words> {
    Some(match path {
        "" => Words {
            title: "Lamps made of oak",
            description: "Desk and floor lamps, made to order in a small workshop.",
            body: include_str!("pages/shop-home.html"),
        },
        "pricing" => Words {
            title: "Pricing",
            description: "What our lamps cost, and what is included.",
            body: include_str!("pages/shop-pricing.html"),
        },
        "products/desk-lamp" => Words {
            title: "Desk lamp No. 4",
            description: "A desk lamp of oiled oak with a dimmable light.",
            body: include_str!("pages/shop-desk-lamp.html"),
        },
        "about" => Words {
            title: "About us",
            description: "A workshop of six people.",
            body: include_str!("pages/shop-about.html"),
        },
        "contact" => Words {
            title: "Contact",
            description: "Write to the workshop.",
            body: "<h1>Contact</h1><form method=\"post\"><label>Message <textarea name=\"message\"></textarea></label><button>Send</button></form>",
        },
        _ => return None,
    })
}

fn journal(path: &str) -> Option<Words> {
    Some(match path {
        "" => Words {
            title: "Notes from the workshop",
            description: "What we learn about wood and light.",
            body: "<h1>Notes from the workshop</h1><ul><li><a href=\"/posts/oiling-oak\">Oiling oak</a></li></ul>",
        },
        "posts/oiling-oak" => Words {
            title: "Oiling oak",
            description: "Three thin coats are better than one.",
            body: "<h1>Oiling oak</h1><p>Three thin coats of linseed oil, a day apart, last longer than one thick coat.</p>",
        },
        _ => return None,
    })
}

fn render(brand: &str, words: &Words) -> String {
    let brand = brand.replace('&', "&amp;");
    include_str!("pages/layout.html")
        .replace("{{bundle}}", &bundle())
        .replace("{{brand}}", &brand)
        .replace("{{title}}", words.title)
        .replace("{{description}}", words.description)
        .replace("{{body}}", words.body)
}

/// A script such as bundlers write: long, and of no use to a reader.
fn bundle() -> String {
    let mut script = String::from("window.__modules=window.__modules||{};");
    for number in 0..BUNDLE_MODULES {
        // Writing into a string cannot fail.
        let _ = writeln!(
            script,
            "__modules[{number}]=function(e,t,n){{\"use strict\";var r=n({}),o=r&&r.__esModule?r:{{default:r}};t.render=function(){{return o.default.createElement(\"div\",{{className:\"c-{number} u-{}\"}},e.children)}}}};",
            (number * 7 + 3) % BUNDLE_MODULES,
            number % 13
        );
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_whole_and_the_same_each_time() {
        for words in ["", "pricing", "products/desk-lamp", "about", "contact"]
            .map(|path| shop(path).unwrap())
            .into_iter()
            .chain(["", "posts/oiling-oak"].map(|path| journal(path).unwrap()))
        {
            let once = render("Oak & Lamp", &words);
            assert!(!once.contains("{{"), "{}", words.title);
            assert!(once.ends_with("</html>\n"));
            assert_eq!(once, render("Oak & Lamp", &words));
        }
        assert!(shop("../x").is_none());
    }
}
