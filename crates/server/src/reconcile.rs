//! Brings accounts to what is desired, and content to the edge.
//!
//! One deployment is: observe the account → plan → check the plan → apply step by step → observe again; the second
//! plan must be empty. Nothing here remembers where it was: killed anywhere, it is run again and finds out by looking.
//! What makes that safe:
//!
//! - an intent is recorded before the first call that acts on it ([`apply`]);
//! - a call whose answer was lost is never repeated blindly: the account is observed again and planned anew;
//! - one process at a time works on a site: deployments are leased, and a dead process's lease runs out ([`driver`]).
//!
//! Published content reaches the edge apart from deployments ([`sync`]). What changes in an account behind our back is
//! noticed by looking now and then ([`drift`]); it is told, and never mended without being asked.

mod alignment;
pub(crate) mod apply;
pub(crate) mod cloudflare_ids;
pub(crate) mod content;
pub(crate) mod drift;
pub(crate) mod driver;
mod execute;
pub(crate) mod material;
pub(crate) mod observe;
pub(crate) mod outlook;
mod proof;
mod room;
mod rounds;
mod signals;
pub(crate) mod sync;

pub(crate) use proof::health;
pub(crate) use room::BulkRoom;
pub(crate) use rounds::PATIENCE;
pub(crate) use signals::Signals;

use crate::app::AppState;
use tokio_util::sync::CancellationToken;

/// The background work of one process: deployments, content, and the watch over accounts. Ends soon after `stop`.
pub(crate) async fn run(app: AppState, stop: CancellationToken) {
    tokio::join!(
        driver::run(app.clone(), stop.clone()),
        sync::run(app.clone(), stop.clone()),
        drift::watch::run(app, stop),
    );
}
