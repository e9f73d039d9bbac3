//! What the program does, apart from how it is asked: the API, the console and the commands all call these functions.
//! One file per aggregate; every error is a [`Problem`](crate::problem::Problem).

pub(crate) mod agents;
pub(crate) mod alerts;
pub(crate) mod compare;
pub(crate) mod connections;
pub(crate) mod deployments;
pub(crate) mod expiry_news;
pub(crate) mod history;
pub(crate) mod imports;
pub(crate) mod lints;
pub(crate) mod live_pages;
pub(crate) mod preflight;
pub(crate) mod previews;
pub(crate) mod receipt;
pub(crate) mod schedules;
pub(crate) mod site_keys;
pub(crate) mod sites;
pub(crate) mod sync;
pub(crate) mod token_check;
pub(crate) mod token_text;
pub(crate) mod token_url;
pub(crate) mod traffic;
pub(crate) mod variant_files;
pub(crate) mod variants;
pub(crate) mod verification;
pub(crate) mod visit_as;
pub(crate) mod visits;
pub(crate) mod warnings;
pub(crate) mod webhooks;
pub(crate) mod zones;
