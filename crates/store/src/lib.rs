//! The only crate that speaks SQL: SQLite and PostgreSQL through one code path.

mod access_keys;
mod backup;
mod connections;
mod contents;
mod convert;
mod database;
mod deployments;

#[expect(
    unreachable_pub,
    reason = "the macros of SeaORM want public models; they never leave this crate"
)]
mod entities;
mod error;
mod kv_ledger;
mod meta;
mod migrations;
mod paging;
mod sealed;
mod sessions;
mod sign_in_attempts;
mod sites;
mod sync;
mod users;
mod variants;
mod workspaces;

pub use access_keys::AccessKey;
pub use connections::Connection;
pub use database::{DatabaseKind, Store, StoreOptions};
pub use deployments::{Deployment, DeploymentEvent, DeploymentStep, Enqueued};
pub use error::{Result, StoreError};
pub use kv_ledger::{KvDiff, KvStatus, KvWrite, LedgerEntry};
pub use paging::{Listed, PAGE_MAX, Page};
pub use sealed::SealedValue;
pub use sites::{Site, SiteSettings};
pub use sync::{SyncLease, SyncOutcome};
pub use users::User;
pub use variants::{IfMatch, NewRevision, RevisionInfo, Variant, VariantCounts};
