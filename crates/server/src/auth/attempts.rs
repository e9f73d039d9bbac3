//! Failed sign-ins, counted in the database so that replicas and restarts share the count.
//!
//! An attempt is written down before the password is looked at, and struck out when it was right: a hundred attempts at
//! once count as a hundred.

use crate::{
    app::App,
    problem::{Code, Outcome, Problem},
};
use domain::time::Millis;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

/// How long a failure counts.
const WINDOW_SECONDS: i64 = 15 * 60;
/// Failures of one account in that time.
const ACCOUNT_MAX: u64 = 10;
/// Failures from one address in that time.
const ADDRESS_MAX: u64 = 30;

/// Counting and writing down belong together.
static TURN: Mutex<()> = Mutex::const_new(());

/// One attempt that was let in.
#[derive(Debug)]
pub(super) struct Attempt {
    keys: [String; 2],
}

/// Names of accounts are stored hashed: people type passwords into the wrong field.
fn account_key(account: &str) -> String {
    format!("account:{}", hex::encode(Sha256::digest(account)))
}

/// Lets an attempt in, or says how long to wait.
pub(super) async fn begin(app: &App, account: &str, address: &str) -> Outcome<Attempt> {
    let keys = [account_key(account), format!("address:{address}")];
    let _turn = TURN.lock().await;
    let now = app.clock.now();
    for (key, limit) in keys.iter().zip([ACCOUNT_MAX, ADDRESS_MAX]) {
        let since = now.plus_seconds(-WINDOW_SECONDS);
        if app.store.failed_sign_ins(key, since).await? >= limit {
            return Err(too_many(wait(app, key, limit, now).await?));
        }
    }
    for key in &keys {
        app.store.record_failed_sign_in(key, now).await?;
    }
    Ok(Attempt { keys })
}

/// The attempt was right: what failed before is forgotten.
pub(super) async fn succeeded(app: &App, attempt: Attempt) -> Outcome<()> {
    for key in &attempt.keys {
        app.store.clear_failed_sign_ins(key).await?;
    }
    Ok(())
}

/// Seconds until fewer than `limit` failures count, to the minute: by halving, since the store only counts.
async fn wait(app: &App, key: &str, limit: u64, now: Millis) -> Outcome<i64> {
    let (mut low, mut high) = (0, WINDOW_SECONDS / 60);
    while high - low > 1 {
        let middle = i64::midpoint(low, high);
        let since = now.plus_seconds(middle * 60 - WINDOW_SECONDS);
        if app.store.failed_sign_ins(key, since).await? >= limit {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(high * 60)
}

fn too_many(seconds: i64) -> Problem {
    Problem::new(
        Code::RateLimited,
        format!(
            "Too many sign-ins failed. The next try is possible in {} min.",
            (seconds / 60).max(1)
        ),
    )
    .cause("Too many wrong passwords for this account, or from this address, within 15 minutes.")
    .remedy("Wait, then try again with the right password.")
    .remedy("If it was not you: somebody else may be guessing. The log names their addresses.")
    .with_retry_after(u64::try_from(seconds).unwrap_or(60).max(1))
}

/// Forgets failures that no longer count.
pub(crate) async fn forget_old(app: &App) -> Outcome<u64> {
    let before = app.clock.now().plus_seconds(-WINDOW_SECONDS);
    Ok(app.store.delete_failed_sign_ins_before(before).await?)
}
