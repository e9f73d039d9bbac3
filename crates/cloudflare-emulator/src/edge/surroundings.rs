//! Ties the runtime to the world: which scripts there are, and who listens at their sockets.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use axum::Router;
use axum::body::Body;
use axum::routing::any;
use http::{Request, Response, StatusCode};
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

use super::{Edge, outbound, socket_error};
use crate::account::script::{Binding, Code, Content};
use crate::account::{Checked, ScriptCheck, SharedWorld};
use crate::analytics_backend;
use crate::kv_backend;
use crate::runtime::config::SocketPaths;
use crate::runtime::spec::{
    BindingSpec, BindingValue, ModuleKind, ModuleSpec, Source, WorkerId, WorkerSpec,
};
use crate::runtime::{Runtime, Surroundings};

/// Opens the sockets that scripts need, each once.
pub(super) struct Listeners {
    edge: Weak<Edge>,
    world: Arc<SharedWorld>,
    stop: CancellationToken,
    open: Mutex<HashSet<PathBuf>>,
}

impl Listeners {
    pub(super) fn new(edge: &Arc<Edge>, stop: CancellationToken) -> Self {
        Self {
            edge: Arc::downgrade(edge),
            world: Arc::clone(&edge.world),
            stop,
            open: Mutex::default(),
        }
    }

    fn open(&self, path: PathBuf, router: impl FnOnce() -> Router) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.contains(&path) {
            return Ok(());
        }
        let listener = bind(&path)?;
        let server = axum::serve(listener, router());
        let stop = self.stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                _ = server.into_future() => {}
            }
        });
        open.insert(path);
        Ok(())
    }
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    UnixListener::bind(path).map_err(|error| socket_error(path, &error))
}

impl Surroundings for Listeners {
    fn workers(&self) -> Vec<WorkerSpec> {
        let world = self.world.read();
        world
            .scripts
            .iter()
            .filter_map(|((account, name), script)| {
                let id = WorkerId {
                    account: account.clone(),
                    name: name.clone(),
                };
                Some(spec(id, &script.live()?.content))
            })
            .collect()
    }

    fn listen(&self, paths: &SocketPaths, workers: &[WorkerSpec]) -> io::Result<()> {
        self.open(paths.cache(), || Router::new().fallback(any(no_cache)))?;
        for worker in workers {
            let edge = self.edge.clone();
            let id = worker.id.clone();
            self.open(paths.outbound(&worker.id), || {
                Router::new().fallback(move |request: Request<Body>| {
                    let (edge, id) = (edge.upgrade(), id.clone());
                    async move {
                        match edge {
                            Some(edge) => outbound::handle(edge, id, request).await,
                            None => super::words::answer(503, "the edge is stopping"),
                        }
                    }
                })
            })?;
            for binding in &worker.bindings {
                let world = || Arc::clone(&self.world);
                match &binding.value {
                    BindingValue::Kv(namespace) => {
                        self.open(paths.kv(namespace), || {
                            kv_backend::router(world(), namespace)
                        })?;
                    }
                    BindingValue::AnalyticsEngine(dataset) => {
                        let account = &worker.id.account;
                        self.open(paths.dataset(account, dataset), || {
                            analytics_backend::router(world(), account, dataset)
                        })?;
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// A Cache API in which nothing is ever found: Cloudflare promises no more.
async fn no_cache(request: Request<Body>) -> Response<Body> {
    let status = match request.method().as_str() {
        "PUT" => StatusCode::NO_CONTENT,
        "PURGE" => StatusCode::NOT_FOUND,
        _ => StatusCode::GATEWAY_TIMEOUT,
    };
    // What was put is read and dropped.
    let _ = axum::body::to_bytes(request.into_body(), 512 * 1024 * 1024).await;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Tells uploaders whether their script starts.
pub(super) struct Check(pub(super) Arc<Runtime>);

impl ScriptCheck for Check {
    fn check<'a>(&'a self, name: &'a str, content: &'a Content) -> Checked<'a> {
        Box::pin(async move {
            let id = WorkerId {
                account: String::new(),
                name: name.to_owned(),
            };
            self.0
                .check(&spec(id, content))
                .await
                .map_err(|error| error.to_string())
        })
    }
}

/// What a version says, in the runtime's terms.
fn spec(id: WorkerId, content: &Content) -> WorkerSpec {
    let source = match &content.code {
        Code::ServiceWorker { code, .. } => Source::ServiceWorker(code.clone()),
        Code::Modules { main, modules } => {
            let mut modules: Vec<_> = modules
                .iter()
                .filter_map(|module| {
                    let kind = ModuleKind::from_content_type(&module.content_type)?;
                    // The main module cannot be anything but an ES module, whatever the part was called.
                    let kind = if module.name == *main {
                        ModuleKind::Es
                    } else {
                        kind
                    };
                    Some(ModuleSpec {
                        name: module.name.clone(),
                        kind,
                        content: module.bytes.clone(),
                    })
                })
                .collect();
            // workerd takes the first for the main one; the order of the rest stays.
            modules.sort_by_key(|module| module.name != *main);
            Source::Modules(modules)
        }
    };
    let bindings = content
        .bindings
        .iter()
        .filter_map(|binding| binding_spec(&id, binding))
        .collect();
    WorkerSpec {
        source,
        compatibility_date: content.compatibility_date.clone(),
        compatibility_flags: content.compatibility_flags.clone(),
        bindings,
        id,
    }
}

fn binding_spec(id: &WorkerId, binding: &Binding) -> Option<BindingSpec> {
    let value = match binding {
        Binding::KvNamespace { namespace_id, .. } => BindingValue::Kv(namespace_id.clone()),
        Binding::SecretText { text, .. } | Binding::PlainText { text, .. } => {
            BindingValue::Text(text.clone())
        }
        Binding::Json { json, .. } => BindingValue::Json(json.to_string()),
        Binding::AnalyticsEngine { dataset, .. } => BindingValue::AnalyticsEngine(dataset.clone()),
        Binding::Inherit { .. } => return None,
        Binding::Other(map) => match map.get("type").and_then(serde_json::Value::as_str) {
            Some("service") => {
                let name = map
                    .get("service")
                    .and_then(serde_json::Value::as_str)?
                    .to_owned();
                BindingValue::Service(WorkerId {
                    account: id.account.clone(),
                    name,
                })
            }
            _ => return None,
        },
    };
    Some(BindingSpec {
        name: binding.name().to_owned(),
        value,
    })
}
