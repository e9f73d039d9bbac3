//! How the Worker writes a visit as a data point of Workers Analytics Engine, where a site's visits are kept there.
//!
//! One data point each, in one dataset for all sites of an account; its index, by which Cloudflare samples, is the site's id.
//! Blobs and doubles are told by their number alone, so these numbers never change: another layout is another dataset. The
//! address of who came is not written, and so nobody can be judged: every visit counts as *claimed*.
//!
//! Limits (Cloudflare's docs, *Analytics Engine, Limits*, official): 20 blobs of 16 KB together, 20 doubles, an index of 96
//! bytes, 250 data points in one request. A visit stays far below: the longest path has 2,048 bytes, a user agent 256 characters.

/// The name of the binding to the dataset.
pub const VISITS_BINDING: &str = "VISITS";

/// The dataset. Cloudflare makes it with the first data point; nobody can delete it, what is in it ends after three months.
pub const VISITS_DATASET: &str = "edge_delivery_visits";

/// The blob with the agent's token.
pub const AGENT_BLOB: u8 = 1;
/// The blob with the path.
pub const PATH_BLOB: u8 = 2;
/// The blob with the outcome's word.
pub const OUTCOME_BLOB: u8 = 3;
/// The blob with the format's word; empty where no variant was served.
pub const FORMAT_BLOB: u8 = 4;
/// The blob with the revision; empty where no variant was served.
pub const REVISION_BLOB: u8 = 5;
/// The blob with two letters of the country.
pub const COUNTRY_BLOB: u8 = 6;
/// The blob with the user agent of who is no agent that we know; empty for those we know.
pub const USER_AGENT_BLOB: u8 = 7;

/// The double with the answer's status.
pub const STATUS_DOUBLE: u8 = 1;
/// The double with the milliseconds spent in the Worker.
pub const SPENT_DOUBLE: u8 = 2;
/// The double with the number of the network.
pub const ASN_DOUBLE: u8 = 3;

/// How long Cloudflare keeps data points: three months (official); 90 days are sure.
pub const KEPT_DAYS: i64 = 90;
