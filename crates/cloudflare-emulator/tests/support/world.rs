//! An emulator with a zone, an origin that tells what it saw, and scripts.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test program uses a part of it"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use bytes::Bytes;
use cloudflare_emulator::account::script::{
    Binding, Code, Content, Deployment, Module, Script, Version,
};
use cloudflare_emulator::account::{Account, Namespace, Route, SharedWorld, Zone};
use cloudflare_emulator::{Emulator, Options};
use http::{Request, Response};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

pub const ACCOUNT: &str = "a0000000000000000000000000000001";
pub const ZONE: &str = "b0000000000000000000000000000001";
pub const OTHER_ZONE: &str = "b0000000000000000000000000000002";
pub const NAMESPACE: &str = "c0000000000000000000000000000001";

/// An emulator on free ports, with the zones `shop.example` and `blog.example` before one origin.
pub struct Place {
    pub emulator: Emulator,
    pub origin: Origin,
    pub http: reqwest::Client,
}

impl Place {
    pub async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let options = Options {
            listen: any,
            edge_listen: any,
            ..Options::default()
        };
        let emulator = Emulator::start(options)
            .await
            .expect("the emulator starts; if not, run `cargo xtask test`");
        let origin = Origin::start().await;
        let place = Self {
            emulator,
            origin,
            http: client(),
        };
        place.change(|world| {
            world.accounts.push(Account {
                id: ACCOUNT.into(),
                name: "Acme".into(),
                subdomain: Some("acme".into()),
                email_verified: true,
                workers: true,
                analytics_engine: true,
            });
            for (id, name) in [(ZONE, "shop.example"), (OTHER_ZONE, "blog.example")] {
                world.zones.push(Zone {
                    id: id.into(),
                    account: ACCOUNT.into(),
                    name: name.into(),
                    status: "active".into(),
                    plan: "free".into(),
                    paused: false,
                    origin: Some(place.origin.url.parse().unwrap()),
                    proxied: vec![name.into(), format!("www.{name}")],
                });
            }
            let namespace = Namespace {
                id: NAMESPACE.into(),
                account: ACCOUNT.into(),
                title: "variants".into(),
                ..Namespace::default()
            };
            world.namespaces.insert(NAMESPACE.into(), namespace);
        });
        place
    }

    pub fn world(&self) -> &Arc<SharedWorld> {
        self.emulator.world()
    }

    pub fn change(&self, f: impl FnOnce(&mut cloudflare_emulator::account::World)) {
        let done: Result<(), ()> = self.world().change(|world| {
            f(world);
            Ok(())
        });
        done.unwrap();
    }

    /// Puts a script in service-worker form, with the usual bindings, on a route of its own.
    pub fn script(&self, name: &str, code: &str) {
        let code = Code::ServiceWorker {
            name: "worker.js".into(),
            code: Bytes::from(code.to_owned()),
        };
        self.code(name, code);
    }

    /// Gives a script one more binding.
    pub fn bind(&self, name: &str, binding: &Binding) {
        self.change(|world| {
            let script = world.script_mut(ACCOUNT, name).expect("the script");
            for version in &mut script.versions {
                version.content.bindings.push(binding.clone());
            }
        });
    }

    pub fn modules(&self, name: &str, modules: &[(&str, &str, &str)]) {
        let main = modules[0].0.to_owned();
        let modules = modules
            .iter()
            .map(|(name, content_type, text)| Module {
                name: (*name).into(),
                content_type: (*content_type).into(),
                bytes: Bytes::from((*text).to_owned()),
            })
            .collect();
        self.code(name, Code::Modules { main, modules });
    }

    fn code(&self, name: &str, code: Code) {
        let content = Content {
            code,
            compatibility_date: Some("2026-04-01".into()),
            compatibility_flags: vec![],
            bindings: vec![
                Binding::KvNamespace {
                    name: "VARIANTS".into(),
                    namespace_id: NAMESPACE.into(),
                },
                Binding::SecretText {
                    name: "SITE_KEY".into(),
                    text: "quite \"secret\"\\\n\u{e9}".into(),
                },
                Binding::PlainText {
                    name: "PLAIN".into(),
                    text: "plain".into(),
                },
                Binding::Json {
                    name: "CONFIG".into(),
                    json: json!({"v": 1, "deep": [{"é": null}]}),
                },
            ],
            etag: String::new(),
            handlers: vec!["fetch".into()],
            extra: Map::new(),
        };
        let version = Version {
            id: "v1".into(),
            number: 1,
            created_ms: 0,
            source: "api".into(),
            annotations: Map::new(),
            content,
        };
        let deployment = Deployment {
            id: "d1".into(),
            created_ms: 0,
            source: "api".into(),
            annotations: Map::new(),
            versions: vec![("v1".into(), 100.0)],
        };
        let script = Script {
            tag: String::new(),
            created_ms: 0,
            modified_ms: 0,
            tags: vec![],
            settings: Map::new(),
            subdomain_enabled: false,
            previews_enabled: false,
            versions: vec![version],
            deployments: vec![deployment],
        };
        self.change(|world| {
            world.scripts.insert((ACCOUNT.into(), name.into()), script);
        });
    }

    pub fn route(&self, pattern: &str, script: Option<&str>) {
        let zone = if pattern.contains("blog.example") {
            OTHER_ZONE
        } else {
            ZONE
        };
        let route = Route {
            id: format!("route-{pattern}"),
            zone: zone.into(),
            pattern: pattern.into(),
            script: script.map(str::to_owned),
            request_limit_fail_open: true,
        };
        self.change(|world| {
            world.routes.insert(route.id.clone(), route);
        });
    }

    /// A request at the edge.
    pub fn request(&self, method: http::Method, host: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}{path}", self.emulator.edge_addr());
        self.http.request(method, url).header("host", host)
    }

    pub fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.request(http::Method::GET, "shop.example", path)
    }

    pub async fn json(&self, path: &str) -> Value {
        let response = self.get(path).send().await.expect("an answer");
        let status = response.status();
        let text = response.text().await.expect("a body");
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }

    /// Waits until `path` answers with `expected`.
    pub async fn until(&self, path: &str, expected: &str) -> Duration {
        let start = Instant::now();
        loop {
            let text = self
                .get(path)
                .send()
                .await
                .expect("an answer")
                .text()
                .await
                .expect("a body");
            if text == expected {
                return start.elapsed();
            }
            assert!(
                start.elapsed() < Duration::from_secs(10),
                "{path} still answers {text}, not {expected}"
            );
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a plain client, as strangers have"
)]
pub fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .no_gzip()
        .pool_idle_timeout(Duration::from_secs(1))
        .build()
        .expect("a client")
}

/// A server that answers with what it was asked, in JSON; `/page` is a fixed page.
pub struct Origin {
    pub url: String,
    pub address: SocketAddr,
    pub requests: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

pub const PAGE: &str = "<!doctype html>\r\n<title>caf\u{e9}</title>\n\0 end";

impl Origin {
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(AtomicUsize::new(0));
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&requests));
        let task =
            tokio::spawn(async move { axum::serve(listener, router).await.expect("served") });
        Self {
            url: format!("http://{address}"),
            address,
            requests,
            task,
        }
    }

    pub fn count(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    State(requests): State<Arc<AtomicUsize>>,
    request: Request<Body>,
) -> Response<Body> {
    requests.fetch_add(1, Ordering::SeqCst);
    let (parts, body) = request.into_parts();
    if parts.uri.path() == "/page" {
        return Response::builder()
            .header("content-type", "text/html; charset=utf-8")
            .header("etag", "\"page-1\"")
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2")
            .header("server", "demo")
            .body(Body::from(PAGE))
            .unwrap();
    }
    if parts.uri.path() == "/drip" {
        let first =
            futures::stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"first")) });
        return Response::new(Body::from_stream(futures::StreamExt::chain(
            first,
            futures::stream::pending(),
        )));
    }
    if let Some(ms) = parts
        .uri
        .path()
        .strip_prefix("/slow/")
        .and_then(|ms| ms.parse().ok())
    {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    let body = axum::body::to_bytes(body, 64 * 1024 * 1024)
        .await
        .unwrap_or_default();
    let headers: Map<String, Value> = parts
        .headers
        .iter()
        .map(|(name, value)| {
            (
                name.to_string(),
                json!(String::from_utf8_lossy(value.as_bytes())),
            )
        })
        .collect();
    let seen = json!({
        "origin": true,
        "method": parts.method.as_str(),
        "path": parts.uri.to_string(),
        "headers": headers,
        "bytes": body.len(),
        "sum": body.iter().map(|byte| u64::from(*byte)).sum::<u64>(),
    });
    Response::builder()
        .header("content-type", "application/json")
        .body(Body::from(seen.to_string()))
        .unwrap()
}
