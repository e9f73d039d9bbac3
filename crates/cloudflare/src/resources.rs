//! One file per API resource.

pub(crate) mod accounts;
pub(crate) mod analytics_engine;
pub(crate) mod kv_bulk_body;
pub(crate) mod kv_namespaces;
pub(crate) mod kv_values;
pub(crate) mod permission_probes;
pub(crate) mod routes;
pub(crate) mod scripts;
pub(crate) mod tokens;
pub(crate) mod zones;
