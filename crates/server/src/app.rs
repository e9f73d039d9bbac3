//! The running program's shared parts.

use crate::{
    clock::Clock,
    config::Config,
    console::bulk::uploads::Uploads,
    edge_client::EdgeClient,
    ingest::Ingest,
    list_client::ListClient,
    problem::{Code, Outcome, Problem},
    reconcile::{BulkRoom, Signals},
    services::{agents::Remembered, traffic::Answers, verification::ListsInMemory, zones::Reads},
    vault::{IfNoKey, SealedRow, Vault},
    webhook_client::WebhookClient,
};
use anyhow::Context;
use cloudflare::{Client, ClientConfig};
use domain::{ids::WorkspaceId, secret::Secret};
use std::sync::Arc;
use store::Store;
use uuid::Uuid;

/// What handlers and jobs share; also axum's state.
pub(crate) type AppState = Arc<App>;

/// The open database, the unlocked vault and the ways out of the process.
#[derive(Debug)]
pub(crate) struct App {
    /// The checked settings.
    pub(crate) config: Config,
    /// The database.
    pub(crate) store: Store,
    /// Seals and opens secrets.
    pub(crate) vault: Vault,
    /// Cloudflare's API.
    pub(crate) cloudflare: Client,
    /// The time.
    pub(crate) clock: Clock,
    /// The one workspace there is so far.
    pub(crate) workspace: WorkspaceId,
    /// Who wakes whom inside this process.
    pub(crate) signals: Signals,
    /// Memory for what is on its way to KV.
    pub(crate) bulk_room: BulkRoom,
    /// This process's name on leases.
    pub(crate) process: String,
    /// Which connections' zones are being read.
    pub(crate) zone_reads: Reads,
    /// The registry of agents in force, as it was read last.
    pub(crate) agents: Remembered,
    /// Files that were uploaded to be imported.
    pub(crate) uploads: Uploads,
    /// The edge, as visitors reach it.
    pub(crate) edge: EdgeClient,
    /// The way to the webhook.
    pub(crate) webhooks: WebhookClient,
    /// The way for visits.
    pub(crate) ingest: Ingest,
    /// The way to the operators' lists.
    pub(crate) list_client: ListClient,
    /// What agents are verified by.
    pub(crate) lists: ListsInMemory,
    /// What Analytics Engine answered in the last seconds.
    pub(crate) engine_answers: Answers,
}

impl App {
    /// Opens the database and the vault, and makes both if need be: `serve` begins so, and what may come before it.
    /// Several processes may be open at once.
    ///
    /// # Errors
    ///
    /// When the database cannot be opened, the key is wrong, or a setting cannot be used.
    pub(crate) async fn open(config: Config) -> anyhow::Result<AppState> {
        Self::open_with(config, IfNoKey::Make).await
    }

    /// The same for a command that reports on what is there or works with it: it makes neither a database nor a key.
    ///
    /// # Errors
    ///
    /// As [`Self::open`], and when there is no database or no key.
    pub(crate) async fn open_existing(config: Config) -> anyhow::Result<AppState> {
        config.require_database()?;
        Self::open_with(config, IfNoKey::Refuse).await
    }

    async fn open_with(config: Config, if_no_key: IfNoKey) -> anyhow::Result<AppState> {
        let store = Store::connect(&config.store_options()?)
            .await
            .context("the database cannot be opened")?;
        // Before the database is touched: a wrong key changes nothing.
        Vault::refuse_wrong_key(&config, &store).await?;
        store
            .migrate()
            .await
            .context("the database could not be brought to this version")?;
        let vault = Vault::unlock_with(&config, &store, if_no_key).await?;
        Self::with(config, store, vault).await
    }

    /// The parts around a migrated database and its unlocked vault.
    ///
    /// # Errors
    ///
    /// When the database cannot be written or a setting cannot be used.
    pub(crate) async fn with(
        config: Config,
        store: Store,
        vault: Vault,
    ) -> anyhow::Result<AppState> {
        let clock = Clock;
        let workspace = store
            .ensure_workspace(clock.now())
            .await
            .context("the database cannot be written")?;
        let user_agent = concat!("edge-delivery/", env!("CARGO_PKG_VERSION"));
        let cloudflare = Client::new(ClientConfig::new(
            config.cloudflare_base_url.clone(),
            user_agent,
        ))?;
        let edge = EdgeClient::new(config.edge_url.clone())
            .context("the edge's client could not be made")?;
        crate::console::parts::set_support(config.support_url.as_ref());
        let webhooks = WebhookClient::new(config.webhook_allow_private)
            .context("the webhook's client could not be made")?;
        let list_client = ListClient::new(config.verification_mirror.clone())
            .context("the lists' client could not be made")?;
        Ok(Arc::new(Self {
            store,
            vault,
            cloudflare,
            clock,
            workspace,
            signals: Signals::new(),
            bulk_room: BulkRoom::new(),
            process: format!("{}-{}", std::process::id(), Uuid::new_v4().simple()),
            zone_reads: Reads::default(),
            agents: Remembered::default(),
            uploads: Uploads::default(),
            edge,
            webhooks,
            ingest: Ingest::default(),
            list_client,
            lists: ListsInMemory::default(),
            engine_answers: Answers::default(),
            config,
        }))
    }

    /// Seals a secret that is about to be stored. A process whose key was rotated away beside it must not: nobody could
    /// open what it seals.
    ///
    /// # Errors
    ///
    /// When the database is sealed under another key by now.
    pub(crate) async fn seal(&self, row: &SealedRow, secret: &Secret) -> Outcome<Vec<u8>> {
        self.vault.check(&self.store).await.map_err(|error| {
            tracing::error!(%error, "nothing is sealed under a key that the database no longer uses");
            Problem::new(Code::InvalidState, "This server's key is no longer the one of the database; nothing was stored.")
                .cause("The key was rotated while this server was running.")
                .remedy("Restart the server with the new key.")
        })?;
        Ok(self.vault.seal(row, secret)?)
    }
}
