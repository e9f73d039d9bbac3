//! When a connection is checked again: spread around the setting, and soon after its token expires.

use crate::{
    app::App,
    config::CHECK_EVERY,
    problem::{Outcome, Problem},
};
use domain::time::Millis;
use std::time::Duration;

/// So long after its end a token is looked at: clocks differ a little.
const AFTER_EXPIRY_SECONDS: i64 = 30;

/// When Cloudflare did not answer, it is asked again after so long, or sooner when the setting is shorter.
const AFTER_FAILURE: Duration = Duration::from_secs(10 * 60);

/// The time of the check after one that was just done.
pub(super) fn next_check(app: &App, expires_at: Option<Millis>) -> Outcome<Millis> {
    let now = app.clock.now();
    let every = app.config.check_every.unwrap_or(CHECK_EVERY);
    let next = spread(now, every)?;
    let after_expiry = expires_at
        .filter(|end| *end > now)
        .map(|end| end.plus_seconds(AFTER_EXPIRY_SECONDS));
    Ok(after_expiry.map_or(next, |after| after.min(next)))
}

/// The time of the check after one that Cloudflare did not answer.
pub(crate) fn after_failed_check(app: &App) -> Outcome<Millis> {
    let every = app.config.check_every.unwrap_or(CHECK_EVERY);
    spread(app.clock.now(), every.min(AFTER_FAILURE))
}

/// `span` from now, a tenth more or less, so that connections made together are not checked together.
fn spread(now: Millis, span: Duration) -> Outcome<Millis> {
    let random = getrandom::u32().map_err(|error| Problem::internal(&error))?;
    let factor = 0.9 + 0.2 * f64::from(random) / f64::from(u32::MAX);
    let span = i64::try_from(span.mul_f64(factor).as_millis()).unwrap_or(i64::MAX);
    Ok(Millis(now.0.saturating_add(span)))
}
