//! A database per story, gone afterwards.

use crate::samples::NOW;
use domain::ids::WorkspaceId;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use std::{future::Future, path::PathBuf};
use store::{Store, StoreOptions};

/// What a story has to play with.
#[derive(Clone)]
pub(crate) struct World {
    /// A migrated store.
    pub(crate) store: Store,
    /// The default workspace.
    pub(crate) workspace: WorkspaceId,
    /// The address of the store's database.
    pub(crate) url: String,
    /// The file of a SQLite database.
    pub(crate) file: Option<PathBuf>,
}

impl World {
    /// A second store on the same database, as another process would have it.
    pub(crate) async fn second_store(&self) -> Store {
        connect(&self.url).await
    }

    /// A way past the store, to spoil rows and to look at them.
    pub(crate) async fn raw(&self) -> DatabaseConnection {
        let mut options = ConnectOptions::new(&self.url);
        options.max_connections(1).sqlx_logging(false);
        Database::connect(options)
            .await
            .expect("the database is there")
    }
}

async fn connect(url: &str) -> Store {
    let options = StoreOptions {
        url: url.to_owned(),
        max_connections: 4,
    };
    Store::connect(&options)
        .await
        .expect("the database is there")
}

/// Runs a story in a new file.
pub(crate) async fn on_sqlite<S, F>(story: S)
where
    S: FnOnce(World) -> F,
    F: Future<Output = ()>,
{
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("store.db");
    play(story, format!("sqlite://{}", file.display()), Some(file)).await;
}

/// Runs a story in a new database of the server.
pub(crate) async fn on_postgres<S, F>(story: S)
where
    S: FnOnce(World) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let Ok(admin_url) = std::env::var("EDGE_DELIVERY_TEST_POSTGRES_URL") else {
        panic!(
            "EDGE_DELIVERY_TEST_POSTGRES_URL is not set: run cargo xtask test, which starts one"
        );
    };
    let mut options = ConnectOptions::new(&admin_url);
    options.max_connections(1).sqlx_logging(false);
    let admin = Database::connect(options)
        .await
        .expect("the server of EDGE_DELIVERY_TEST_POSTGRES_URL answers");
    let name = format!("store_{}", uuid::Uuid::now_v7().simple());
    admin
        .execute_unprepared(&format!("CREATE DATABASE {name}"))
        .await
        .expect("the administrator may make databases");
    let mut url = url::Url::parse(&admin_url).expect("an address");
    url.set_path(&name);
    // In a task of its own, so that a failing story leaves no database behind either.
    let outcome = tokio::spawn(async move { play(story, url.to_string(), None).await }).await;
    admin
        .execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)"))
        .await
        .expect("the administrator may drop databases");
    admin.close().await.expect("closes");
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure.into_panic());
    }
}

async fn play<S, F>(story: S, url: String, file: Option<PathBuf>)
where
    S: FnOnce(World) -> F,
    F: Future<Output = ()>,
{
    let store = connect(&url).await;
    store.migrate().await.expect("migrates");
    let workspace = store.ensure_workspace(NOW).await.expect("a workspace");
    let world = World {
        store: store.clone(),
        workspace,
        url,
        file,
    };
    story(world).await;
    store.close().await.expect("closes");
}
