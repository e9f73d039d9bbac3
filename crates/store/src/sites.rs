//! Sites: what we deploy.

mod find;

use crate::{
    Listed, Page, Result, Store, StoreError, contents,
    convert::{Row, to_json},
    entities::{site, site_hostname},
    error::is_unique_violation,
    ingest_keys,
};
use domain::{
    agents::AgentPolicy,
    deployment::SiteStatus,
    desired::RouteChoice,
    ids::{AccountId, ConnectionId, SiteId, WorkspaceId, ZoneId},
    names::Hostname,
    observed::Recorded,
    path::PathPolicy,
    time::Millis,
    visit::VisitStore,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Select,
    sea_query::{Expr, LockType},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// What the owner can set for a site. A document: a setting that an older version did not know gets its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SiteSettings {
    /// How long the Worker waits for KV before it lets the origin answer, in milliseconds.
    pub kv_deadline_ms: u32,
    /// Whether a deployment is taken back when its proof fails: when people get an error or our content.
    pub undo_on_failed_proof: bool,
    /// What Cloudflare's Workers plan of the account is, as far as the owner said it.
    pub workers_plan: WorkersPlan,
    /// What becomes of content that takes more KV writes than a free account has left.
    pub over_quota: OverQuota,
    /// Whether variants may hold scripts.
    pub allow_scripts: bool,
    /// The route patterns that cover a part of a host name in the place of all of it.
    pub route_patterns: BTreeMap<Hostname, Vec<String>>,
    /// What was decided about foreign routes.
    pub route_choices: Vec<RouteChoice>,
    /// Which agents get variants.
    pub agents: AgentPolicy,
    /// How its paths are read. Changed by [`Store::set_path_policy`] alone, which brings the variants along.
    #[serde(skip_serializing_if = "PathPolicy::is_default")]
    pub paths: PathPolicy,
    /// What becomes of a variant whose page changed since it was made.
    pub on_page_change: OnPageChange,
    /// Whether variants are withheld from the edge while the origin does not show their page.
    pub withhold_broken: bool,
    /// Whether each published HTML variant brings a Markdown one along, made from it.
    pub markdown_from_html: bool,
    /// How many days single visits are kept, once they are counted.
    pub visits_kept_days: u16,
    /// Whether a visit keeps a shortened address.
    pub keeps_network: bool,
    /// Where the Worker brings visits.
    pub visit_store: VisitStore,
}

/// What becomes of a variant whose page changed since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnPageChange {
    /// It is marked.
    #[default]
    Mark,
    /// It is marked and unpublished, until somebody looks.
    Pause,
    /// It is marked and made again, as a draft.
    Remake,
}

impl Default for SiteSettings {
    fn default() -> Self {
        Self {
            kv_deadline_ms: 300,
            undo_on_failed_proof: true,
            workers_plan: WorkersPlan::Unknown,
            over_quota: OverQuota::Ask,
            allow_scripts: false,
            route_patterns: BTreeMap::new(),
            route_choices: Vec::new(),
            agents: AgentPolicy::default(),
            paths: PathPolicy::default(),
            on_page_change: OnPageChange::default(),
            withhold_broken: true,
            markdown_from_html: false,
            visits_kept_days: 30,
            keeps_network: false,
            visit_store: VisitStore::Console,
        }
    }
}

/// Cloudflare's Workers plan of an account: the free one has 1,000 KV writes a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkersPlan {
    /// Nobody said it: taken for paid until Cloudflare says that a day's writes are spent.
    #[default]
    Unknown,
    /// Free.
    Free,
    /// Paid: no limit a day.
    Paid,
}

/// What becomes of content that takes more KV writes than the account has left today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverQuota {
    /// Nothing is written until the owner says how.
    #[default]
    Ask,
    /// It is spread over days.
    Spread,
}

/// A site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The id.
    pub id: SiteId,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The connection it is deployed through; may be gone, when its deletion was forced.
    pub connection: ConnectionId,
    /// The account that holds the zone.
    pub account: AccountId,
    /// The zone.
    pub zone: ZoneId,
    /// The zone's name.
    pub zone_name: String,
    /// What its owner calls it; unique in the workspace.
    pub name: String,
    /// The host names it covers, in the owner's order; a host name belongs to one site at most.
    pub hostnames: Vec<Hostname>,
    /// What the owner set.
    pub settings: SiteSettings,
    /// The site's own key, sealed by the vault.
    pub sealed_key: Vec<u8>,
    /// How it is.
    pub status: SiteStatus,
    /// What we made of it at Cloudflare, or meant to.
    pub recorded: Recorded,
    /// When it was last compared with the account.
    pub observed_at: Option<Millis>,
    /// When it was made.
    pub created_at: Millis,
    /// When its owner last changed it.
    pub updated_at: Millis,
}

/// A site by its name, and what it is deployed through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteName {
    /// The id.
    pub id: SiteId,
    /// What its owner calls it.
    pub name: String,
    /// The connection; may be gone, when its deletion was forced.
    pub connection: ConnectionId,
}

impl Store {
    /// Stores a new site.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] about `name` or `hostname` when one is taken.
    pub async fn create_site(&self, site: &Site) -> Result<()> {
        let tx = self.begin().await?;
        refuse_taken(&tx, site).await?;
        site::Entity::insert(to_row(site))
            .exec_without_returning(&tx)
            .await
            .map_err(|error| StoreError::conflict(error, "name", &site.name))?;
        put_hostnames(&tx, site).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The site with this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn site(&self, workspace: WorkspaceId, id: SiteId) -> Result<Option<Site>> {
        let row = of(workspace)
            .filter(site::Column::Id.eq(id.to_string()))
            .one(self.reader())
            .await?;
        from_row(self.reader(), row).await
    }

    /// The site with exactly this name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn site_by_name(&self, workspace: WorkspaceId, name: &str) -> Result<Option<Site>> {
        let row = of(workspace)
            .filter(site::Column::Name.eq(name))
            .one(self.reader())
            .await?;
        from_row(self.reader(), row).await
    }

    /// The sites, oldest first.
    ///
    /// # Errors
    /// [`StoreError::InvalidCursor`], or when the database fails.
    pub async fn list_sites(&self, workspace: WorkspaceId, page: &Page) -> Result<Listed<Site>> {
        let mut query = of(workspace)
            .order_by_asc(site::Column::Id)
            .limit(page.rows() + 1);
        if let Some(after) = page.start::<String>()? {
            query = query.filter(site::Column::Id.gt(after));
        }
        let rows = query.all(self.reader()).await?;
        let listed = Listed::cut(rows, page, |row| row.id.clone());
        Ok(Listed {
            items: from_rows(self.reader(), listed.items).await?,
            next: listed.next,
        })
    }

    /// The sites on these zones, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sites_on_zones(
        &self,
        workspace: WorkspaceId,
        zones: &[ZoneId],
    ) -> Result<Vec<Site>> {
        let rows = of(workspace)
            .filter(site::Column::ZoneId.is_in(zones.iter().map(ZoneId::as_str)))
            .order_by_asc(site::Column::Id)
            .all(self.reader())
            .await?;
        from_rows(self.reader(), rows).await
    }

    /// Stores the name, host names, settings and `updated_at`; everything else of `site` is left as it is stored, and so is
    /// how its paths are read ([`Store::set_path_policy`]).
    /// `false` when there is no such site.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] about `name` or `hostname` when one is taken.
    pub async fn update_site(&self, workspace: WorkspaceId, site: &Site) -> Result<bool> {
        let tx = self.begin().await?;
        if !lock(&tx, workspace, site.id).await? {
            return Ok(false);
        }
        refuse_taken(&tx, site).await?;
        let stored = site::Entity::find_by_id(site.id.to_string())
            .one(&tx)
            .await?;
        let mut settings = site.settings.clone();
        if let Some(row) = stored {
            let stored: SiteSettings =
                Row::new("sites", &row.id).json("settings", &row.settings)?;
            settings.paths = stored.paths;
        }
        site::Entity::update_many()
            .col_expr(site::Column::Name, Expr::value(site.name.as_str()))
            .col_expr(site::Column::Settings, Expr::value(to_json(&settings)))
            .col_expr(site::Column::UpdatedAt, Expr::value(site.updated_at.0))
            .filter(site::Column::Id.eq(site.id.to_string()))
            .exec(&tx)
            .await
            .map_err(|error| StoreError::conflict(error, "name", &site.name))?;
        site_hostname::Entity::delete_many()
            .filter(site_hostname::Column::SiteId.eq(site.id.to_string()))
            .exec(&tx)
            .await?;
        put_hostnames(&tx, site).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Stores how the site is; `observed_at` only when it was compared with the account. `false` when there is no such
    /// site.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_site_status(
        &self,
        workspace: WorkspaceId,
        id: SiteId,
        status: SiteStatus,
        observed_at: Option<Millis>,
    ) -> Result<bool> {
        let mut update = site::Entity::update_many()
            .col_expr(site::Column::Status, Expr::value(status.as_str()));
        if let Some(at) = observed_at {
            update = update.col_expr(site::Column::ObservedAt, Expr::value(at.0));
        }
        let done = update
            .filter(site::Column::Id.eq(id.to_string()))
            .filter(site::Column::WorkspaceId.eq(workspace.to_string()))
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Stores how the site is, unless it is no longer as it was: a deployment may have begun meanwhile. Says whether it did.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn change_site_status(
        &self,
        workspace: WorkspaceId,
        id: SiteId,
        from: SiteStatus,
        to: SiteStatus,
        observed_at: Option<Millis>,
    ) -> Result<bool> {
        let mut update =
            site::Entity::update_many().col_expr(site::Column::Status, Expr::value(to.as_str()));
        if let Some(at) = observed_at {
            update = update.col_expr(site::Column::ObservedAt, Expr::value(at.0));
        }
        let done = update
            .filter(site::Column::Id.eq(id.to_string()))
            .filter(site::Column::WorkspaceId.eq(workspace.to_string()))
            .filter(site::Column::Status.eq(from.as_str()))
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Stores what we made at Cloudflare, or are about to make: before the call, so that a crash in between is known.
    /// `false` when there is no such site.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_recorded(
        &self,
        workspace: WorkspaceId,
        id: SiteId,
        recorded: &Recorded,
    ) -> Result<bool> {
        let done = site::Entity::update_many()
            .col_expr(site::Column::Recorded, Expr::value(to_json(recorded)))
            .filter(site::Column::Id.eq(id.to_string()))
            .filter(site::Column::WorkspaceId.eq(workspace.to_string()))
            .exec(self.writer())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Puts another sealed key in the place of the site's. `false` when there is no such site.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_sealed_key(
        &self,
        workspace: WorkspaceId,
        id: SiteId,
        sealed_key: &[u8],
    ) -> Result<bool> {
        let done = site::Entity::update_many()
            .col_expr(site::Column::SealedKey, Expr::value(sealed_key.to_vec()))
            .filter(site::Column::Id.eq(id.to_string()))
            .filter(site::Column::WorkspaceId.eq(workspace.to_string()))
            .exec(self.writer())
            .await?;
        self.forget_deleted_bytes().await?;
        Ok(done.rows_affected > 0)
    }

    /// Puts the site under another connection; how it is, is not known until somebody looks. `false` when there is no such
    /// site.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn attach_site(
        &self,
        workspace: WorkspaceId,
        id: SiteId,
        connection: ConnectionId,
        at: Millis,
    ) -> Result<bool> {
        let tx = self.begin().await?;
        if !lock(&tx, workspace, id).await? {
            return Ok(false);
        }
        site::Entity::update_many()
            .col_expr(
                site::Column::ConnectionId,
                Expr::value(connection.to_string()),
            )
            .col_expr(site::Column::UpdatedAt, Expr::value(at.0))
            .filter(site::Column::Id.eq(id.to_string()))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Every site's id, name and connection, oldest first: what uses what, without reading whole sites.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn site_names(&self, workspace: WorkspaceId) -> Result<Vec<SiteName>> {
        let rows: Vec<(String, String, String)> = of(workspace)
            .select_only()
            .columns([
                site::Column::Id,
                site::Column::Name,
                site::Column::ConnectionId,
            ])
            .order_by_asc(site::Column::Id)
            .into_tuple()
            .all(self.reader())
            .await?;
        rows.into_iter()
            .map(|(id, name, connection)| {
                let row = Row::new("sites", &id);
                Ok(SiteName {
                    id: row.parse("id", &id)?,
                    connection: row.parse("connection_id", &connection)?,
                    name,
                })
            })
            .collect()
    }

    /// Deletes the site with its host names, variants, revisions and ledger, and the contents that nobody else uses. Its
    /// deployments stay, as history. `false` when there is no such site.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_site(&self, workspace: WorkspaceId, id: SiteId) -> Result<bool> {
        let tx = self.begin().await?;
        ingest_keys::lock(&tx, id).await?;
        contents::lock_for_removal(&tx, workspace).await?;
        if !lock(&tx, workspace, id).await? {
            return Ok(false);
        }
        // Foreign keys take the rest along.
        site::Entity::delete_by_id(id.to_string()).exec(&tx).await?;
        contents::remove_unused(&tx, workspace, None).await?;
        tx.commit().await?;
        self.forget_deleted_bytes().await?;
        Ok(true)
    }

    /// The sites of every workspace, for the background driver.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn all_sites_for_background(&self) -> Result<Vec<Site>> {
        let rows = site::Entity::find()
            .order_by_asc(site::Column::Id)
            .all(self.reader())
            .await?;
        from_rows(self.reader(), rows).await
    }
}

pub(crate) fn of(workspace: WorkspaceId) -> Select<site::Entity> {
    site::Entity::find().filter(site::Column::WorkspaceId.eq(workspace.to_string()))
}

/// Locks the site's row until the transaction ends; `false` when there is no such site. Everything that changes a site's
/// variants or its work does this first, so that none of it happens twice at once.
pub(crate) async fn lock(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    id: SiteId,
) -> Result<bool> {
    locked(tx, workspace, id, LockType::Update).await
}

/// Locks the site's row for whoever counts its visits: one at a time, and against deletion, but visits may be added meanwhile.
pub(crate) async fn lock_for_counting(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    id: SiteId,
) -> Result<bool> {
    locked(tx, workspace, id, LockType::NoKeyUpdate).await
}

async fn locked(
    tx: &DatabaseTransaction,
    workspace: WorkspaceId,
    id: SiteId,
    lock: LockType,
) -> Result<bool> {
    Ok(of(workspace)
        .filter(site::Column::Id.eq(id.to_string()))
        .lock(lock)
        .one(tx)
        .await?
        .is_some())
}

/// Says which name is taken. Whoever takes it between this and the insert is stopped by the unique index, which names the
/// rule but not the value.
async fn refuse_taken(tx: &DatabaseTransaction, site: &Site) -> Result<()> {
    let own = site.id.to_string();
    let same_name = of(site.workspace)
        .filter(site::Column::Name.eq(site.name.as_str()))
        .filter(site::Column::Id.ne(own.as_str()))
        .one(tx)
        .await?;
    if same_name.is_some() {
        return Err(StoreError::Conflict {
            what: "name",
            value: site.name.clone(),
        });
    }
    let taken = site_hostname::Entity::find()
        .filter(site_hostname::Column::Hostname.is_in(site.hostnames.iter().map(Hostname::as_str)))
        .filter(site_hostname::Column::SiteId.ne(own))
        .order_by_asc(site_hostname::Column::Position)
        .one(tx)
        .await?;
    match taken {
        Some(row) => Err(StoreError::Conflict {
            what: "hostname",
            value: row.hostname,
        }),
        None => Ok(()),
    }
}

async fn put_hostnames(tx: &DatabaseTransaction, site: &Site) -> Result<()> {
    for (position, hostname) in (0i64..).zip(&site.hostnames) {
        let row = site_hostname::ActiveModel {
            hostname: Set(hostname.to_string()),
            workspace_id: Set(site.workspace.to_string()),
            site_id: Set(site.id.to_string()),
            position: Set(position),
        };
        site_hostname::Entity::insert(row)
            .exec_without_returning(tx)
            .await
            .map_err(|error| {
                if is_unique_violation(&error) {
                    StoreError::Conflict {
                        what: "hostname",
                        value: hostname.to_string(),
                    }
                } else {
                    error.into()
                }
            })?;
    }
    Ok(())
}

fn to_row(site: &Site) -> site::ActiveModel {
    site::ActiveModel {
        id: Set(site.id.to_string()),
        workspace_id: Set(site.workspace.to_string()),
        connection_id: Set(site.connection.to_string()),
        account_id: Set(site.account.to_string()),
        zone_id: Set(site.zone.to_string()),
        zone_name: Set(site.zone_name.clone()),
        name: Set(site.name.clone()),
        settings: Set(to_json(&site.settings)),
        sealed_key: Set(site.sealed_key.clone()),
        status: Set(site.status.as_str().to_owned()),
        recorded: Set(to_json(&site.recorded)),
        observed_at: Set(site.observed_at.map(|at| at.0)),
        created_at: Set(site.created_at.0),
        updated_at: Set(site.updated_at.0),
        sync_wanted_at: Set(None),
        sync_not_before: Set(0),
        sync_lease_owner: Set(None),
        sync_lease_until: Set(None),
        last_synced_at: Set(None),
        sync_api_calls: Set(0),
        observe_after: Set(0),
        drift: Set(None),
    }
}

/// One site with its host names.
pub(crate) async fn from_row(
    db: &impl ConnectionTrait,
    row: Option<site::Model>,
) -> Result<Option<Site>> {
    Ok(from_rows(db, row.into_iter().collect()).await?.pop())
}

/// Sites with their host names, in the order of the rows.
pub(crate) async fn from_rows(
    db: &impl ConnectionTrait,
    rows: Vec<site::Model>,
) -> Result<Vec<Site>> {
    let mut hostnames: HashMap<String, Vec<String>> = HashMap::new();
    for chunk in rows.chunks(1000) {
        let found = site_hostname::Entity::find()
            .filter(site_hostname::Column::SiteId.is_in(chunk.iter().map(|row| row.id.as_str())))
            .order_by_asc(site_hostname::Column::Position)
            .all(db)
            .await?;
        for row in found {
            hostnames.entry(row.site_id).or_default().push(row.hostname);
        }
    }
    rows.into_iter()
        .map(|model| {
            let hostnames = hostnames.remove(&model.id).unwrap_or_default();
            read(model, &hostnames)
        })
        .collect()
}

fn read(model: site::Model, hostnames: &[String]) -> Result<Site> {
    let row = Row::new("sites", &model.id);
    Ok(Site {
        id: row.parse("id", &model.id)?,
        workspace: row.parse("workspace_id", &model.workspace_id)?,
        connection: row.parse("connection_id", &model.connection_id)?,
        account: row.parse("account_id", &model.account_id)?,
        zone: row.parse("zone_id", &model.zone_id)?,
        hostnames: hostnames
            .iter()
            .map(|name| row.parse("hostname", name))
            .collect::<Result<_>>()?,
        settings: row.json("settings", &model.settings)?,
        status: row.word("status", &model.status, SiteStatus::from_word)?,
        recorded: row.json("recorded", &model.recorded)?,
        zone_name: model.zone_name,
        name: model.name,
        sealed_key: model.sealed_key,
        observed_at: model.observed_at.map(Millis),
        created_at: Millis(model.created_at),
        updated_at: Millis(model.updated_at),
    })
}
