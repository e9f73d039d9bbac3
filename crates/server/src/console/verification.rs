//! The lists that agents are verified by: whose, how old, and what went wrong.

use super::{
    desk::{Desk, done, refused},
    parts::{Mark, ProblemPanel, State, When},
    shell::Shell,
};
use crate::{
    audit::{Event, Kind},
    problem::Problem,
    services::{
        agents,
        verification::{self, Asked, Freshness, Standing},
    },
};
use askama::Template;
use axum::{extract::Query, response::Response};
use domain::{
    identity::{Identity, ListKind},
    time::Millis,
};
use serde::Deserialize;
use store::ListOrigin;

/// What agents are verified by.
#[derive(Debug, Template)]
#[template(path = "pages/agents_verification.html")]
pub(crate) struct VerificationPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// Lists of addresses.
    pub(crate) ranges: Vec<ListRow>,
    /// Directories of keys.
    pub(crate) keys: Vec<ListRow>,
    /// Whether lists are fetched without being asked for.
    pub(crate) is_kept_up: bool,
    /// Whether a list waits to be fetched, or is being fetched.
    pub(crate) is_under_way: bool,
    /// The tokens that can be asked about.
    pub(crate) agents: Vec<String>,
    /// What was asked.
    pub(crate) asked: CheckQuery,
    /// What is known of it.
    pub(crate) found: Option<Found>,
    /// Why it could not be told.
    pub(crate) problem: Option<ProblemPanel>,
}

/// What the address of the page may ask.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CheckQuery {
    /// An agent's token.
    pub(crate) agent: String,
    /// An IP address.
    pub(crate) address: String,
}

/// Who somebody would be.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// `Verified`.
    pub(crate) state: State,
    /// Who, and why.
    pub(crate) words: String,
}

impl Found {
    fn of(asked: &Asked) -> Self {
        let state = match asked.judgement.identity {
            Identity::Verified => State::new("ok", Mark::Tick, "Verified"),
            Identity::Claimed => State::new("warn", Mark::Half, "Claimed"),
            Identity::Contradicted => State::new("bad", Mark::Cross, "Contradicted"),
        };
        Self {
            state,
            words: format!(
                "{} from {}. {}",
                asked.agent.name(),
                asked.address,
                verification::in_words(asked.judgement.ground)
            ),
        }
    }
}

/// A list.
#[derive(Debug, Clone)]
pub(crate) struct ListRow {
    /// Whose.
    pub(crate) operator: String,
    /// For which agents.
    pub(crate) agents: String,
    /// Where.
    pub(crate) url: String,
    /// How old it is.
    pub(crate) state: State,
    /// What that means.
    pub(crate) meaning: &'static str,
    /// `22 prefixes`; empty when there is none.
    pub(crate) entries: String,
    /// When it was last seen as it is held.
    pub(crate) confirmed: Option<When>,
    /// It came with the program.
    pub(crate) is_shipped: bool,
    /// Why the last fetch failed.
    pub(crate) error: Option<String>,
    /// When that was.
    pub(crate) attempted: Option<When>,
}

impl ListRow {
    fn of(standing: Standing, now: Millis) -> Self {
        let kind = standing.source.kind;
        let list = standing.list.as_ref();
        let current = list.and_then(|list| list.current.as_ref());
        let (state, meaning) = words(kind, standing.freshness);
        Self {
            operator: standing.source.operator,
            agents: standing.source.agents.join(", "),
            url: standing.source.url,
            state,
            meaning,
            entries: current.map_or_else(String::new, |current| counted(kind, current.entries)),
            confirmed: current.map(|current| When {
                at: current.confirmed_at,
                now,
            }),
            is_shipped: current.is_some_and(|current| current.origin == ListOrigin::Shipped),
            error: list.and_then(|list| list.last_error.clone()),
            attempted: list.and_then(|list| {
                Some(When {
                    at: list.last_attempt_at?,
                    now,
                })
            }),
        }
    }
}

fn counted(kind: ListKind, entries: u64) -> String {
    match (kind, entries) {
        (ListKind::Ranges, 1) => "1\u{a0}prefix".to_owned(),
        (ListKind::Ranges, _) => format!("{entries}\u{a0}prefixes"),
        (ListKind::Keys, 1) => "1 key".to_owned(),
        (ListKind::Keys, _) => format!("{entries} keys"),
    }
}

/// The state of a list, and what visits are judged by it.
fn words(kind: ListKind, freshness: Freshness) -> (State, &'static str) {
    let state = match freshness {
        Freshness::Fresh => State::new("ok", Mark::Tick, "Up to date"),
        Freshness::Stale => State::new("warn", Mark::Clock, "Old"),
        Freshness::TooOld => State::new("bad", Mark::Cross, "Too old"),
        Freshness::Missing => State::new("idle", Mark::Dotted, "Not read yet"),
    };
    let meaning = match (kind, freshness) {
        (ListKind::Ranges, Freshness::Fresh) => "Visits are verified or contradicted by it",
        (ListKind::Ranges, Freshness::Stale) => {
            "Visits from it are verified; others are only claimed"
        }
        (ListKind::Keys, Freshness::Fresh | Freshness::Stale) => "Signed visits are verified by it",
        (_, Freshness::TooOld | Freshness::Missing) => "Visits are only claimed",
    };
    (state, meaning)
}

/// The lists, and what was asked of them.
pub(super) async fn index(
    desk: Desk,
    Query(query): Query<CheckQuery>,
) -> Result<Response, Problem> {
    let now = desk.now();
    let standings = verification::standings(desk.app()).await?;
    let is_kept_up = desk.app().config.verification_every.is_some();
    let is_due = |standing: &Standing| {
        let list = standing.list.as_ref();
        is_kept_up && list.is_some_and(|list| list.next_fetch_at <= now)
    };
    let is_under_way = standings.iter().any(is_due);
    let (ranges, keys) = standings
        .into_iter()
        .partition(|standing: &Standing| standing.source.kind == ListKind::Ranges);
    let rows = |list: Vec<Standing>| {
        list.into_iter()
            .map(|standing| ListRow::of(standing, now))
            .collect()
    };
    let answer = if query.agent.is_empty() && query.address.is_empty() {
        None
    } else {
        Some(verification::ask(desk.app(), &query.agent, &query.address).await)
    };
    let (found, problem) = match answer {
        Some(Ok(asked)) => (Some(Found::of(&asked)), None),
        Some(Err(problem)) => (None, Some(ProblemPanel::new(problem))),
        None => (None, None),
    };
    let registry = agents::active(desk.app(), desk.ws()).await?;
    let view = VerificationPage {
        shell: desk.shell("agents"),
        ranges: rows(ranges),
        keys: rows(keys),
        is_kept_up,
        is_under_way,
        agents: registry
            .agents()
            .iter()
            .map(|agent| agent.token.clone())
            .collect(),
        asked: query,
        found,
        problem,
    };
    Ok(refused(&view, view.problem.as_ref()))
}

/// Fetches every list now.
pub(super) async fn refresh(desk: Desk) -> Result<Response, Problem> {
    verification::refresh(desk.app()).await?;
    desk.record(Event::new(Kind::VerificationRefreshed)).await;
    Ok(done("/agents/verification", "lists"))
}
