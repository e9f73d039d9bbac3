//! A free account's KV writes of a day: how many there are, what of a site's changes may go today, and what waits.
//!
//! With our permissions the Workers plan cannot be read. The owner may say it (`settings.workersPlan`); until then an account
//! is taken for unlimited, until Cloudflare says once that its writes of the day are spent (code 10048, measured).

use super::Push;
use crate::{app::App, problem::Outcome};
use domain::{
    ids::{AccountId, WorkspaceId},
    time::Millis,
};
use store::{KvUsage, OverQuota, PendingCounts, SyncPause, SyncPauseReason, WorkersPlan};

/// KV writes that a free account has in a day, UTC, and as many deletions; each pair of a bulk call is one (Cloudflare API
/// notes §6.6, official).
pub(crate) const FREE_A_DAY: u64 = 1_000;

/// Writes kept for the index, its filter and the marker.
const INDEX_WRITES: u64 = 3;

/// Cloudflare's code for a spent day (§6.5, measured).
const DAY_IS_SPENT: i64 = 10_048;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A little after midnight: clocks differ.
const AFTER_MIDNIGHT_MS: i64 = 60 * 1000;

/// What may be done in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Share {
    /// Variants to write.
    pub(super) writes: u64,
    /// Keys to delete.
    pub(super) deletes: u64,
    /// Why the rest waits.
    pub(super) pause: Option<SyncPause>,
}

/// Whether Cloudflare says that the account's day is spent.
pub(super) fn is_spent(error: &cloudflare::Error) -> bool {
    error.code() == Some(DAY_IS_SPENT)
}

/// When the account's next day begins.
pub(crate) fn next_day(now: Millis) -> Millis {
    Millis((now.0.div_euclid(DAY_MS) + 1) * DAY_MS)
}

/// What an account has left today; `None`: it is not limited, as far as is known.
pub(crate) fn left_today(plan: WorkersPlan, usage: KvUsage) -> Option<u64> {
    let is_limited = match plan {
        WorkersPlan::Paid => false,
        WorkersPlan::Free => true,
        WorkersPlan::Unknown => usage.was_spent,
    };
    is_limited.then(|| {
        if usage.is_spent {
            0
        } else {
            FREE_A_DAY.saturating_sub(usage.writes)
        }
    })
}

/// What an account had today.
pub(crate) async fn usage(app: &App, ws: WorkspaceId, account: &AccountId) -> Outcome<KvUsage> {
    Ok(app.store.kv_usage(ws, account, app.clock.now()).await?)
}

/// What of this may go in this run.
pub(super) async fn share(push: &Push<'_>, waiting: PendingCounts) -> Outcome<Share> {
    let usage = usage(push.app, push.site.workspace, &push.site.account).await?;
    let settings = &push.site.settings;
    Ok(decide(
        settings.workers_plan,
        settings.over_quota,
        usage,
        waiting,
        push.app.clock.now(),
    ))
}

fn decide(
    plan: WorkersPlan,
    over: OverQuota,
    usage: KvUsage,
    waiting: PendingCounts,
    now: Millis,
) -> Share {
    let Some(left) = left_today(plan, usage) else {
        return Share {
            writes: u64::MAX,
            deletes: u64::MAX,
            pause: None,
        };
    };
    let deletes = FREE_A_DAY.saturating_sub(usage.deletes);
    let pause = |reason, writes| SyncPause {
        reason,
        until: Some(Millis(next_day(now).0 + AFTER_MIDNIGHT_MS)),
        writes,
        days: writes.div_ceil(FREE_A_DAY - INDEX_WRITES),
    };
    let share = |writes, pause| Share {
        writes,
        deletes,
        pause,
    };
    let wanted = waiting.writes;
    if wanted == 0 || wanted + INDEX_WRITES <= left {
        return share(wanted, None);
    }
    let now_possible = left.saturating_sub(INDEX_WRITES);
    if over == OverQuota::Spread {
        return share(
            now_possible,
            Some(pause(SyncPauseReason::QuotaSpread, wanted - now_possible)),
        );
    }
    if usage.is_spent && wanted + INDEX_WRITES <= FREE_A_DAY {
        return share(0, Some(pause(SyncPauseReason::QuotaSpent, wanted)));
    }
    share(0, Some(pause(SyncPauseReason::QuotaAsk, wanted)))
}

/// Cloudflare said that the day is spent: writes it down, and says until when the rest waits.
pub(super) async fn spent(push: &Push<'_>) -> Outcome<SyncPause> {
    let (store, workspace, now) = (&push.app.store, push.site.workspace, push.app.clock.now());
    store
        .kv_quota_spent(workspace, &push.site.account, now)
        .await?;
    let waiting = store.pending_counts(workspace, push.site.id).await?;
    let usage = usage(push.app, workspace, &push.site.account).await?;
    let settings = &push.site.settings;
    let share = decide(
        settings.workers_plan,
        settings.over_quota,
        KvUsage {
            is_spent: true,
            was_spent: true,
            ..usage
        },
        waiting,
        now,
    );
    // Told to be paid, and still refused: until the day is over there is nothing to be done either.
    Ok(share.pause.unwrap_or(SyncPause {
        reason: SyncPauseReason::QuotaSpent,
        until: Some(Millis(next_day(now).0 + AFTER_MIDNIGHT_MS)),
        writes: waiting.writes,
        days: 1,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_795_000_000_000);

    fn share_of(plan: WorkersPlan, over: OverQuota, usage: KvUsage, writes: u64) -> Share {
        let waiting = PendingCounts { writes, deletes: 0 };
        decide(plan, over, usage, waiting, NOW)
    }

    fn had(writes: u64) -> KvUsage {
        KvUsage {
            writes,
            ..KvUsage::default()
        }
    }

    #[test]
    fn what_goes_today() {
        use OverQuota::{Ask, Spread};
        use SyncPauseReason::{QuotaAsk, QuotaSpent, QuotaSpread};
        use WorkersPlan::{Free, Paid, Unknown};
        let spent = KvUsage {
            writes: 400,
            is_spent: true,
            was_spent: true,
            ..KvUsage::default()
        };
        let once = KvUsage {
            was_spent: true,
            ..KvUsage::default()
        };
        for (plan, over, usage, wanted, writes, pause) in [
            (Unknown, Ask, had(0), 10_000, u64::MAX, None),
            (Paid, Ask, spent, 10_000, u64::MAX, None),
            (Free, Ask, had(0), 997, 997, None),
            (Free, Ask, had(0), 998, 0, Some((QuotaAsk, 998, 2))),
            (Free, Ask, had(900), 200, 0, Some((QuotaAsk, 200, 1))),
            (
                Free,
                Spread,
                had(0),
                10_000,
                997,
                Some((QuotaSpread, 9_003, 10)),
            ),
            (Free, Spread, had(999), 5, 0, Some((QuotaSpread, 5, 1))),
            (Free, Ask, spent, 500, 0, Some((QuotaSpent, 500, 1))),
            (Free, Ask, spent, 5_000, 0, Some((QuotaAsk, 5_000, 6))),
            (Unknown, Spread, spent, 500, 0, Some((QuotaSpread, 500, 1))),
            // Spent once this month: a free account.
            (Unknown, Ask, once, 998, 0, Some((QuotaAsk, 998, 2))),
            (Unknown, Ask, once, 10, 10, None),
            (Free, Ask, spent, 0, 0, None),
        ] {
            let share = share_of(plan, over, usage, wanted);
            let found = share
                .pause
                .map(|pause| (pause.reason, pause.writes, pause.days));
            assert_eq!(
                (share.writes, found),
                (writes, pause),
                "{plan:?} {over:?} {usage:?} {wanted}"
            );
        }
    }

    #[test]
    fn a_day_ends_at_midnight() {
        let midnight = next_day(NOW);
        assert_eq!(midnight.0 % DAY_MS, 0);
        assert!((1..=DAY_MS).contains(&(midnight.0 - NOW.0)));
        assert_eq!(next_day(midnight), Millis(midnight.0 + DAY_MS));
    }
}
