//! The running program's shared parts.

use crate::{
    clock::Clock,
    config::Config,
    edge_client::EdgeClient,
    problem::{Code, Outcome, Problem},
    reconcile::Signals,
    vault::{SealedRow, Vault},
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
    /// This process's name on leases.
    pub(crate) process: String,
    /// The edge, as visitors reach it.
    pub(crate) edge: EdgeClient,
    /// The way to the webhook.
    pub(crate) webhooks: WebhookClient,
}

impl App {
    /// Opens the database (made and migrated if need be) and the vault. `serve` and every command that works on the
    /// database begin so; several processes may be open at once.
    ///
    /// # Errors
    ///
    /// When the database cannot be opened, the key is wrong, or a setting cannot be used.
    pub(crate) async fn open(config: Config) -> anyhow::Result<AppState> {
        let store = Store::connect(&config.store_options()?)
            .await
            .context("the database cannot be opened")?;
        store
            .migrate()
            .await
            .context("the database could not be brought to this version")?;
        let clock = Clock;
        let workspace = store
            .ensure_workspace(clock.now())
            .await
            .context("the database cannot be written")?;
        let vault = Vault::unlock(&config, &store).await?;
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
        Ok(Arc::new(Self {
            store,
            vault,
            cloudflare,
            clock,
            workspace,
            signals: Signals::new(),
            process: format!("{}-{}", std::process::id(), Uuid::new_v4().simple()),
            edge,
            webhooks,
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
