//! The only crate that speaks SQL: SQLite and PostgreSQL through one code path (SeaORM).
//!
//! # The shape
//!
//! [`Store`] is the door; everything it can do stands in one file per aggregate (`connections.rs`, `sites.rs`, …), as
//! methods that take and give the domain's types. SeaORM's entities (`entities/`) never leave the crate. What is not there
//! is `None` or `false`; a rule that was broken is a [`StoreError`].
//!
//! * Every owned row carries its workspace, and every query for people takes a `WorkspaceId`. What operators publish of their agents
//!   (`verification.rs`) is nobody's: every workspace reads the same. Scans over all workspaces
//!   say so in their names (`…_for_background`); leases find their work themselves.
//! * Times are milliseconds since 1970, given by the caller: nothing here looks at a clock. Processes that share a
//!   database need clocks that agree to a second or two, since leases are compared with them.
//! * Work to be done is recorded in the transaction that makes it necessary: a publication writes the ledger of the edge
//!   and asks for a sync; a deployment in the queue marks its site.
//! * What two may change at once is locked in one order: a site's ingest keys, workspace, site, deployment. SQLite has one writer, which is the
//!   same thing.
//! * The store never sees a secret: tokens and site keys come sealed, passwords and access keys hashed. What is deleted is
//!   overwritten in SQLite's file, and its log emptied.
//!
//! # Adding an aggregate
//!
//! 1. A migration beside those in `migrations/`, added to the list in `migrations.rs`. One that was released is never
//!    edited. Text that is compared by `<` or sorted gets the order of bytes (`ordered`), or the two databases disagree.
//! 2. An entity in `entities/`, one file per table.
//! 3. A file named after the aggregate: its public types, `impl Store`, and two private functions, `to_row` and `from_row`.
//!    Columns are read by `convert::Row`, so that a spoilt value names its table, column and row instead of panicking.
//! 4. A story in `tests/contract/`, listed in its `main.rs`: it runs on both databases by
//!    `cargo xtask with-postgres cargo test -p store`. A race gets a story too.
//!
//! Reads go through `Store::reader`, single statements through `Store::writer`, read-then-write through `Store::begin`.
//! Many rows go in few statements (`database::bind_parameters_max`). Where the databases must differ, one small function
//! each, side by side in `database.rs`.

mod access_keys;
mod agent_registries;
mod alerts;
mod audit;
mod backup;
mod baselines;
mod connection_zones;
mod connections;
mod contents;
mod convert;
mod database;
mod deployments;
mod drift;
#[expect(
    unreachable_pub,
    reason = "the macros of SeaORM want public models; they never leave this crate"
)]
mod entities;
mod error;
mod ingest_keys;
mod kv_ledger;
mod kv_usage;
mod leases;
mod makings;
mod meta;
mod migrations;
mod packing;
mod page_watches;
mod paging;
mod path_policy;
mod previews;
mod publications;
mod sealed;
mod sessions;
mod sign_in_attempts;
mod site_keys;
mod site_syncs;
mod sites;
mod sync;
mod traffic;
mod users;
mod variants;
mod verification;
mod visit_deletions;
mod visit_readings;
mod visits;
mod webhooks;
mod workspaces;

pub use access_keys::AccessKey;
pub use agent_registries::{AgentRegistry, RegistryState};
pub use alerts::{Alert, AlertChange, AlertFilter, AlertLook, LookLease};
pub use audit::{AuditEntry, AuditEvent, AuditFilter};
pub use baselines::Baseline;
pub use connection_zones::{AccountZones, ConnectionZone, RoutesFinding, ZoneQuery};
pub use connections::{Checked, Connection, ConnectionGlance, FormerToken, Notice};
pub use database::{DatabaseKind, Store, StoreOptions};
pub use deployments::{Deployment, DeploymentEnd, DeploymentEvent, DeploymentStep, Enqueued};
pub use error::{Result, StoreError};
pub use ingest_keys::IngestKey;
pub use kv_ledger::{KvDiff, KvStatus, KvWrite, LedgerEntry, ListedKey, PendingCounts};
pub use kv_usage::KvUsage;
pub use makings::{Making, MakingCounts, MakingPage, MakingStatus, PageOutcome, PageStatus};
pub use page_watches::{Finding, FollowLease, Followed, Noticed, PageWatch, WatchFilter, Withheld};
pub use paging::{Listed, PAGE_MAX, Page};
pub use path_policy::{PathChange, PathMerge};
pub use previews::{PreviewKey, PreviewLink};
pub use publications::{Difference, Moment, Restored};
pub use sealed::SealedValue;
pub use site_keys::SiteKey;
pub use site_syncs::{RetiredFilter, SyncPause, SyncPauseReason, SyncRun, SyncState, WrittenIndex};
pub use sites::{OnPageChange, OverQuota, Site, SiteName, SiteSettings, WorkersPlan};
pub use sync::{SyncLease, SyncOutcome};
pub use traffic::{Addition, CountedStretch, Unfolded};
pub use users::User;
pub use variants::{
    CarriedOut, Deed, DeletedVariants, Expiry, HistoryEntry, HistoryKind, IfMatch, NewRevision,
    NewSchedule, RevisionInfo, ScheduledPublication, Variant, VariantCounts, VariantState,
};
pub use verification::{
    FetchEnd, FetchLease, ListOrigin, ListVersion, VerificationList, VersionSummary, VersionsStamp,
};
pub use visit_deletions::{DeletionStep, VisitDeletion};
pub use visit_readings::{ReadAgain, Reread, VisitReading};
pub use visits::{NewBatch, PackedBatch, StoredBatch, VisitQuery};
pub use webhooks::{
    Attempt, DeliveryLease, DeliveryStatus, NewDelivery, Webhook, WebhookDelivery, WebhookEvent,
};
