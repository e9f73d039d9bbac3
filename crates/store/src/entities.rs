//! The rows as SeaORM sees them, one file per table. They never leave this crate: each aggregate turns them into its own
//! types.

pub(crate) mod access_key;
pub(crate) mod audit_event;
pub(crate) mod connection;
pub(crate) mod connection_notice;
pub(crate) mod connection_zone;
pub(crate) mod content;
pub(crate) mod deployment;
pub(crate) mod deployment_event;
pub(crate) mod deployment_step;
pub(crate) mod ingest_key;
pub(crate) mod kv_ledger;
pub(crate) mod meta;
pub(crate) mod publication;
pub(crate) mod session;
pub(crate) mod sign_in_attempt;
pub(crate) mod site;
pub(crate) mod site_baseline;
pub(crate) mod site_hostname;
pub(crate) mod traffic_cube;
pub(crate) mod traffic_day;
pub(crate) mod user;
pub(crate) mod variant;
pub(crate) mod variant_revision;
pub(crate) mod visit_batch;
pub(crate) mod webhook;
pub(crate) mod webhook_delivery;
pub(crate) mod workspace;
