//! A typed client for the part of Cloudflare's API v4 that deploys Workers with KV and routes. It knows nothing of our
//! product, and takes the base URL as a parameter.
//!
//! [`Client`] holds the connection pool and the limits; [`Client::with_token`] gives an [`Api`] that calls with one
//! token. Calls are grouped by Cloudflare's resource, one file each in `resources`. `request` builds a request without
//! sending it, `send` sends it (time limits, repetitions, rate limit), `envelope` reads the answer, `error` says what
//! failed. Section numbers in the comments are those of the Cloudflare API notes that the project keeps.

mod client;
mod envelope;
mod error;
mod ids;
mod limiter;
mod request;
mod resources;
mod send;
mod token;

pub use client::{Api, Client, ClientConfig, InvalidClientConfig};
pub use error::{ApiErrorEntry, Error, ErrorKind};
pub use ids::{AccountId, InvalidId, NamespaceId, RouteId, ScriptName, ZoneId};
pub use resources::{
    accounts::Account,
    analytics_engine::{DataGroup, DataQuery, DatasetName, GroupBy, InvalidDatasetName},
    kv_bulk_body::BulkBody,
    kv_namespaces::Namespace,
    kv_values::{BulkOutcome, BulkPair, KeyEntry, KeyPage},
    permission_probes::Granted,
    routes::{NewRoute, Route},
    scripts::{
        Binding, Module, Observability, Script, ScriptForm, ScriptSettings, ScriptUpload,
        TailConsumer, UploadedScript,
    },
    tokens::{TokenStatus, TokenVerification},
    zones::{Zone, ZoneAccount, ZoneFilter, ZonePlan},
};
pub use token::ApiToken;
