//! Cloudflare's limits, as far as the emulator enforces them. Source: Cloudflare API notes §4.7, §5, §6.3–6.6.

use std::time::Duration;

/// Longest KV key, in bytes of UTF-8.
pub const KV_KEY_BYTES: usize = 512;
/// Largest KV value, in bytes.
pub const KV_VALUE_BYTES: usize = 25 * 1024 * 1024;
/// Largest KV metadata, in bytes of JSON.
pub const KV_METADATA_BYTES: usize = 1024;
/// Shortest time to live of a KV value, in seconds.
pub const KV_MIN_TTL_SECONDS: u64 = 60;
/// Most pairs of one bulk write, and most keys of one bulk delete.
pub const KV_BULK_PAIRS: usize = 10_000;
/// Largest body of a bulk write, in bytes.
pub const KV_BULK_BYTES: usize = 100 * 1024 * 1024;
/// Most keys of one bulk get.
pub const KV_BULK_GET_KEYS: usize = 100;
/// Most bytes that one bulk get answers with.
pub const KV_BULK_GET_BYTES: usize = 25 * 1024 * 1024;
/// Most keys on one page of a key list, and how many when nothing is asked.
pub const KV_LIST_KEYS: usize = 1000;
/// Fewest keys that a caller may ask for on one page of a key list.
pub const KV_LIST_MIN_KEYS: usize = 10;
/// Longest namespace title, in bytes.
pub const KV_TITLE_BYTES: usize = 512;
/// Most namespaces of one account.
pub const KV_NAMESPACES: usize = 1000;

/// Largest script with all its modules, in bytes as uploaded.
pub const SCRIPT_BYTES: usize = 64 * 1024 * 1024;
/// Longest script name: it becomes one label of a workers.dev hostname.
pub const SCRIPT_NAME_BYTES: usize = 63;
/// Most text variables and secrets of one script (the paid plan's).
pub const SCRIPT_VARIABLES: usize = 128;
/// Largest variable or secret, in bytes.
pub const SCRIPT_VARIABLE_BYTES: usize = 5 * 1024;
/// Most tags of one script.
pub const SCRIPT_TAGS: usize = 8;
/// Most scripts of one account (the paid plan's).
pub const SCRIPTS: usize = 500;
/// Most secrets that one bulk call may change.
pub const SECRETS_BULK: usize = 100;
/// Most routes of one zone.
pub const ROUTES: usize = 1000;

/// Most bytes that any request body may have.
pub const BODY_BYTES: usize = 101 * 1024 * 1024;

/// Calls that one token may make in [`RATE_WINDOW`].
pub const RATE_CALLS: u64 = 1200;
/// The window of [`RATE_CALLS`]; after too many calls, all are refused until as much time has gone by again.
pub const RATE_WINDOW: Duration = Duration::from_secs(300);

/// Most blobs of one data point of Analytics Engine (this and the next four: Cloudflare's docs, *Limits*, official).
pub const ANALYTICS_BLOBS: usize = 20;
/// Most doubles of one data point.
pub const ANALYTICS_DOUBLES: usize = 20;
/// Longest index, in bytes.
pub const ANALYTICS_INDEX_BYTES: usize = 96;
/// Most bytes of all blobs of one data point.
pub const ANALYTICS_BLOB_BYTES: usize = 16 * 1024;
/// How long data points are kept: three months, taken as 92 days.
pub const ANALYTICS_KEPT_MS: u64 = 92 * 86_400_000;
/// Most data points of one dataset that the emulator keeps; the oldest are forgotten. The real service has no such limit.
pub const ANALYTICS_POINTS: usize = 1_000_000;
