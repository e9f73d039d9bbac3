//! `POST /ingest/v1/visits`: what Workers report of the agents that came.
//!
//! In this order: a limit by address, the key (by its hash, remembered for some seconds), the body's size, its shape, each
//! visit. A batch is taken whole or refused whole. It is acknowledged when it is on the disk; batches that wait at the
//! same time are written together. The same batch again is acknowledged and counts once. When more comes than can be
//! written, the answer is 429 with Retry-After.

mod address;
mod door;
mod writer;

use crate::{
    api::extract::read_body,
    app::AppState,
    auth::peer::Peer,
    problem::{Code, Outcome, Problem},
    services::{agents, verification},
};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use domain::{
    agents::{Registry, Visitor},
    identity::{Identity, Lists},
    ids::SiteId,
    time::Millis,
    visit::{self, SentVisit, UNKNOWN_AGENT, Visit, parse_batch},
};
use store::{NewBatch, PackedBatch};

pub(crate) use address::{announce, url};
pub(crate) use door::{hash_of, register, register_missing};
pub(crate) use writer::{Ingest, run as run_writer};

/// Where Workers send to, below the console's public address.
pub(crate) const PATH: &str = "/ingest/v1/visits";

/// The most bytes of a batch.
const BODY_MAX: usize = 1024 * 1024;

/// The one route.
pub(crate) fn router() -> Router<AppState> {
    Router::new().route(PATH, post(visits))
}

async fn visits(State(app): State<AppState>, request: Request) -> Outcome<StatusCode> {
    let (parts, body) = request.into_parts();
    let counted = take(&app, Peer::of(&parts, &app), &parts.headers, body).await;
    if let Err(problem) = &counted {
        metrics::counter!("edge_delivery_ingest_refused_total", "code" => problem.code.as_str())
            .increment(1);
    }
    counted.map(|()| StatusCode::NO_CONTENT)
}

async fn take(app: &AppState, peer: Peer, headers: &HeaderMap, body: Body) -> Outcome<()> {
    let sender = door::open(app, peer.address, headers).await?;
    let batch = batch_id(headers)?;
    let dropped = dropped(headers)?;
    let body = read_body(body, BODY_MAX).await?;
    let now = app.clock.now();
    let sent = parse_batch(&body, now).map_err(|error| {
        Problem::new(
            Code::ValidationFailed,
            format!("Nothing was taken: {error}."),
        )
        .cause("The body was not made by this version's Worker, or was changed on its way.")
        .remedy("Deploy the site again, so that its Worker is the one of this version.")
    })?;
    let registry = agents::active(app, sender.workspace).await?;
    let judge = Judge {
        registry: &registry,
        lists: &app.lists.get(),
    };
    let keeps_network = sender.keeps_network;
    let visits: Vec<Visit> = sent
        .into_iter()
        .map(|sent| kept(&judge, sent, keeps_network))
        .collect();
    let new = NewBatch {
        workspace: sender.workspace,
        site: sender.site,
        key_hash: sender.key_hash,
        batch,
        received_at: now,
        dropped,
        visits,
    };
    let count = new.visits.len() as u64;
    app.ingest.write(PackedBatch::of(&new)).await?;
    metrics::counter!("edge_delivery_visits_taken_total").increment(count);
    metrics::counter!("edge_delivery_visits_dropped_total").increment(dropped.into());
    Ok(())
}

/// What is kept of a visit: its whole address goes no further than this.
fn kept(judge: &Judge<'_>, mut sent: SentVisit<'_>, keeps_network: bool) -> Visit {
    if let Some(token) = judge.known_by_now(&sent) {
        sent.agent = token.into();
    }
    let identity = judge.identity(&sent);
    let is_unknown = sent.agent.eq_ignore_ascii_case(UNKNOWN_AGENT);
    Visit {
        at: Millis(sent.t),
        identity,
        outcome: sent.outcome,
        status: sent.status,
        revision: sent.revision,
        format: sent.format,
        country: sent.country.map(|country| country.to_ascii_uppercase()),
        asn: sent.asn,
        spent_ms: sent.ms.unwrap_or(0),
        user_agent: sent.ua.filter(|_| is_unknown).map(String::from),
        network: sent.ip.filter(|_| keeps_network).map(visit::network_of),
        agent: sent.agent.into_owned(),
        path: sent.path.into_owned(),
    }
}

/// What visits are judged by.
struct Judge<'a> {
    registry: &'a Registry,
    lists: &'a Lists,
}

impl Judge<'_> {
    /// The agent that the registry in force knows by a user agent which the Worker, with an older table, did not.
    fn known_by_now(&self, sent: &SentVisit<'_>) -> Option<String> {
        if !sent.agent.eq_ignore_ascii_case(UNKNOWN_AGENT) {
            return None;
        }
        match self.registry.classify(sent.ua.as_deref()?) {
            Visitor::Agent(agent) => Some(agent.token.clone()),
            _ => None,
        }
    }

    /// Whether somebody is who they say. Whoever says nothing that is known cannot be checked.
    fn identity(&self, sent: &SentVisit<'_>) -> Identity {
        let Some(agent) = self.registry.agent(&sent.agent) else {
            return Identity::Claimed;
        };
        let signature = sent.signature.as_ref();
        verification::judge(self.lists, agent, sent.ip, signature, Millis(sent.t)).identity
    }
}

/// The header that makes a repeat count once.
fn batch_id(headers: &HeaderMap) -> Outcome<String> {
    let is_id = |text: &&str| {
        (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    headers
        .get("idempotency-key")
        .and_then(|value| value.to_str().ok())
        .filter(is_id)
        .map(str::to_owned)
        .ok_or_else(|| {
            Problem::field(
                "Idempotency-Key",
                "must be an id of the batch: 1 to 64 letters, digits, hyphens and underscores",
            )
        })
}

/// How many visits the Worker gave up before this batch.
fn dropped(headers: &HeaderMap) -> Outcome<u32> {
    let Some(value) = headers.get("x-edge-delivery-dropped") else {
        return Ok(0);
    };
    value
        .to_str()
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| {
            Problem::field(
                "X-Edge-Delivery-Dropped",
                "must be a whole number, 0 or more",
            )
        })
}

/// Whose batch it is.
struct Sender {
    workspace: domain::ids::WorkspaceId,
    site: SiteId,
    key_hash: String,
    keeps_network: bool,
}
