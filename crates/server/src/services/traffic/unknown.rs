//! Bots that are in no list, from the single visits that are still kept; and their user agents read again when the
//! registry of agents changed.

use super::store_of;
use crate::{
    app::App,
    problem::{Outcome, Problem},
    services::{agents, sites},
};
use domain::{
    agents::{Registry, Visitor},
    ids::{SiteId, WorkspaceId},
    time::Millis,
    visit::VisitStore,
};
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};
use store::{ReadAgain, Reread};

/// Batches that are read for one answer.
const BATCHES_MAX: usize = 1_000;

/// Batches that are held at once.
const TOGETHER: u64 = 50;

/// User agents that are told apart.
const USER_AGENTS_MAX: usize = 5_000;

/// User agents that are named.
const NAMED_MAX: usize = 200;

/// A batch younger than this is left alone, in milliseconds: one of a lower number may still be on its way to the disk.
const SETTLED_MS: i64 = 5_000;

/// How long after a change of the registry visits may still come that were judged by the former one, in milliseconds.
const SETTLING_MS: i64 = 60_000;

/// Somebody who is in no list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnknownBot {
    /// The user agent; the first 256 characters.
    pub(crate) user_agent: String,
    /// How often it came.
    pub(crate) visits: u64,
    /// How many of them got a variant: Markdown, asked for by name.
    pub(crate) served: u64,
    /// The first of these visits.
    pub(crate) first_seen: Millis,
    /// The last of them.
    pub(crate) last_seen: Millis,
}

/// Who came that is in no list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnknownBots {
    /// From when on all visits were looked at.
    pub(crate) from: Millis,
    /// Whether that is as far back as was asked. Otherwise there was too much to read.
    pub(crate) is_complete: bool,
    /// How many user agents were told apart.
    pub(crate) user_agents: usize,
    /// The most frequent of them, most visits first.
    pub(crate) bots: Vec<UnknownBot>,
}

/// The bots that are in no list and came to a site at or after `from`, by their user agents. Those that the registry in
/// force knows are left out, though their visits were counted as unknown.
///
/// # Errors
///
/// `not_found` for an unknown site.
pub(crate) async fn unknown_bots(
    app: &App,
    ws: WorkspaceId,
    site: SiteId,
    from: Millis,
) -> Outcome<UnknownBots> {
    if store_of(&sites::get(app, ws, site).await?) == VisitStore::AnalyticsEngine {
        return Ok(UnknownBots {
            from,
            is_complete: false,
            user_agents: 0,
            bots: Vec::new(),
        });
    }
    let registry = agents::active(app, ws).await?;
    let mut found: HashMap<String, UnknownBot> = HashMap::new();
    let mut before = None;
    let mut reached = from;
    let mut is_complete = true;
    for read in (0..).step_by(usize::try_from(TOGETHER).unwrap_or(1)) {
        if read >= BATCHES_MAX {
            is_complete = false;
            break;
        }
        let batches = app
            .store
            .unknown_visit_batches(ws, site, from, before, TOGETHER)
            .await?;
        let Some((last_at, last)) = batches.last() else {
            break;
        };
        before = Some((*last_at, last.id));
        reached = *last_at;
        let is_last = (batches.len() as u64) < TOGETHER;
        let visits = batches.into_iter().flat_map(|(_, batch)| batch.visits);
        for visit in visits.filter(|visit| visit.is_unknown() && visit.at >= from) {
            let served = u64::from(visit.outcome.is_served());
            let Some(user_agent) = visit.user_agent else {
                continue;
            };
            let is_full = found.len() >= USER_AGENTS_MAX;
            match found.entry(user_agent) {
                Entry::Occupied(mut entry) => {
                    let bot = entry.get_mut();
                    bot.visits += 1;
                    bot.served += served;
                    bot.first_seen = bot.first_seen.min(visit.at);
                    bot.last_seen = bot.last_seen.max(visit.at);
                }
                Entry::Vacant(_) if is_full => is_complete = false,
                Entry::Vacant(entry) => {
                    let user_agent = entry.key().clone();
                    entry.insert(UnknownBot {
                        user_agent,
                        visits: 1,
                        served,
                        first_seen: visit.at,
                        last_seen: visit.at,
                    });
                }
            }
        }
        if is_last {
            break;
        }
    }
    let mut bots: Vec<UnknownBot> = found
        .into_values()
        .filter(|bot| registry.classify(&bot.user_agent) == Visitor::Other)
        .collect();
    let user_agents = bots.len();
    bots.sort_by(|a, b| {
        (b.visits, b.last_seen, &a.user_agent).cmp(&(a.visits, a.last_seen, &b.user_agent))
    });
    bots.truncate(NAMED_MAX);
    Ok(UnknownBots {
        from: if is_complete { from } else { reached },
        is_complete,
        user_agents,
        bots,
    })
}

/// Gives visits that were counted as unknown to the agents that the registry in force knows by their user agents. Some
/// batches at a time; killed anywhere, it goes on where it was.
pub(crate) async fn read_again(app: &App, ws: WorkspaceId) -> Outcome<()> {
    let registry = agents::active(app, ws).await?;
    let digest = registry.digest();
    let now = app.clock.now();
    let reading = app.store.visit_reading(ws).await?;
    let Some(reading) = reading.filter(|reading| reading.digest == digest) else {
        app.store.begin_visit_reading(ws, digest, now).await?;
        return Ok(());
    };
    if reading.is_done {
        return Ok(());
    }
    let before = Millis(now.0 - SETTLED_MS);
    let mut up_to = reading.up_to;
    loop {
        let batches = app
            .store
            .batches_to_read_again(ws, up_to, before, TOGETHER)
            .await?;
        if batches.is_empty() {
            let is_done = now.0 - reading.begun_at.0 > SETTLING_MS;
            return Ok(app
                .store
                .advance_visit_reading(ws, digest, up_to, is_done)
                .await?);
        }
        for (batch, found) in look(&registry, batches).await? {
            // One that is not counted yet is about to be; one that changed meanwhile is looked at again.
            if !batch.is_counted
                || (!found.is_empty() && !app.store.read_again(&batch, &found).await?)
            {
                return Ok(());
            }
            metrics::counter!("edge_delivery_visits_read_again_total")
                .increment(found.len() as u64);
            up_to = batch.batch.id;
            app.store
                .advance_visit_reading(ws, digest, up_to, false)
                .await?;
        }
    }
}

/// Whose visits the unknown ones of these batches are.
async fn look(
    registry: &Arc<Registry>,
    batches: Vec<Reread>,
) -> Outcome<Vec<(Reread, Vec<ReadAgain>)>> {
    let registry = Arc::clone(registry);
    tokio::task::spawn_blocking(move || {
        batches
            .into_iter()
            .map(|batch| {
                let found = found_in(&registry, &batch);
                (batch, found)
            })
            .collect()
    })
    .await
    .map_err(|error| Problem::internal(&error))
}

fn found_in(registry: &Registry, batch: &Reread) -> Vec<ReadAgain> {
    let visits = batch.batch.visits.iter().enumerate();
    visits
        .filter(|(_, visit)| visit.is_unknown())
        .filter_map(|(index, visit)| {
            match registry.classify(visit.user_agent.as_deref().unwrap_or_default()) {
                Visitor::Agent(agent) => Some(ReadAgain {
                    index,
                    agent: agent.token.clone(),
                }),
                _ => None,
            }
        })
        .collect()
}
