//! What was seen when a deployment had nothing left to do: the account as it should be, the Worker answering at the edge,
//! people and search engines getting what they got before, agents getting what is published.
//!
//! The account decides whether a deployment went well; an edge that does not answer (a host name that is not proxied, say)
//! is only told. One thing alone turns a deployment into a failure: that people get an error they did not get before, or
//! our content ([`domain::proof`]).

pub(crate) mod health;
mod pages;
mod people;
mod unanswered;

use super::apply::Work;
use crate::{
    app::App,
    clock::rfc3339,
    problem::{Code, Outcome, Problem},
    services::{preflight::why_no_worker_runs, receipt},
};
use domain::{
    names::Hostname,
    observed::Observed,
    plan::{Plan, Warning},
    proof::Verdict,
};
use serde_json::{Value, json};

/// How many of a site's hosts are looked at.
const HOSTS_MAX: usize = 5;

/// What the comparison has to know of the deployment.
#[derive(Debug)]
struct Proving {
    /// Hosts at which the Worker answers.
    answering: Vec<String>,
    /// Hosts that are routed to the Worker and where it does not answer.
    silent: Vec<String>,
    /// Whether everything was taken out.
    is_removal: bool,
}

impl Proving {
    /// Whether agents should get variants there.
    fn is_served(&self, host: &Hostname) -> bool {
        self.answering.iter().any(|other| other == host.as_str())
    }

    /// Whether agents should get variants there and cannot, as the Worker does not answer.
    fn is_silent(&self, host: &Hostname) -> bool {
        self.silent.iter().any(|other| other == host.as_str())
    }
}

/// Looks at the pages before the first change.
pub(super) async fn look_before(work: &Work<'_>) -> Outcome<()> {
    let app = work.app;
    let note =
        json!({ "text": "Looking at pages as people, search engines and agents get them now." });
    app.store
        .note_deployment(work.deployment, app.clock.now(), note)
        .await?;
    app.signals.deployment_changed(work.deployment);
    people::look_before(app, &work.site).await
}

/// Keeps the proof with the deployment (a later rollback finds its Worker there), and what there is to know as notes.
/// `has_changed`: whether this deployment changed anything, so that there is a before and an after.
///
/// # Errors
/// `proof_failed` when people get an error or our content; the proof is kept all the same.
pub(super) async fn keep(
    work: &Work<'_>,
    observed: &Observed,
    plan: &Plan,
    has_changed: bool,
) -> Outcome<()> {
    let app = work.app;
    let edge = match &work.material {
        Some(_) if !observed.recorded.routes_intended.is_empty() => health::ask_all(work).await?,
        _ => Vec::new(),
    };
    let mut warnings = unanswered(app, &edge, plan).await;
    warnings.extend(plan.warnings.iter().cloned());
    for warning in &warnings {
        let note = json!({ "warning": warning });
        app.store
            .note_deployment(work.deployment, app.clock.now(), note)
            .await?;
    }
    let hosts = |has_answered: bool| {
        edge.iter()
            .filter(|answer| answer["answered"] == has_answered)
            .filter_map(|answer| Some(answer["host"].as_str()?.to_owned()))
            .collect()
    };
    let proving = Proving {
        answering: hosts(true),
        silent: hosts(false),
        is_removal: work.material.is_none(),
    };
    let compared = if has_changed {
        people::compare(app, &work.site, &proving).await?
    } else {
        None
    };
    let mut proof = json!({
        "observedAt": rfc3339(app.clock.now()),
        "stepsLeft": plan.steps.len(),
        "warnings": warnings,
        "worker": work.material.as_ref().map(|material| &material.desired.script_hash),
        "namespace": observed.recorded.namespace,
        "routes": observed.recorded.routes_intended,
        "edge": edge,
        // The moment that a rollback to this deployment brings back.
        "publication": app.store.last_publication(work.site.workspace, work.site.id).await?,
        "receipt": receipt::of_account(&work.site, observed),
    });
    if let Some(compared) = &compared {
        let (rows, before_at) = people::to_json(compared);
        proof["verdict"] = json!(compared.verdict);
        proof["beforeAt"] = json!(before_at);
        proof["pages"] = rows;
    } else if has_changed {
        proof["verdict"] = json!(Verdict::NotProvable);
        proof["why"] = json!(
            "The pages were not looked at before the first change: the deployment was taken over after it."
        );
    }
    app.store
        .set_deployment_proof(work.deployment, &proof)
        .await?;
    match compared {
        Some(compared) if compared.verdict == Verdict::Failed => Err(broken(&compared)),
        _ => Ok(()),
    }
}

/// A warning for each host at which the Worker did not answer, with why, as far as that is known.
async fn unanswered(app: &App, edge: &[Value], plan: &Plan) -> Vec<Warning> {
    let hosts: Vec<Hostname> = edge
        .iter()
        .filter(|answer| answer["answered"] == false)
        .filter_map(|answer| answer["host"].as_str()?.parse().ok())
        .collect();
    let mut warnings = Vec::with_capacity(hosts.len());
    for host in hosts {
        let seen = why_no_worker_runs(app, &host).await;
        warnings.push(unanswered::warning(&host, plan, seen.as_ref()));
    }
    warnings
}

fn broken(compared: &people::Compared) -> Problem {
    let mut problem = Problem::new(
        Code::ProofFailed,
        "After this deployment people or agents do not get what they got before.",
    );
    for row in compared.rows.iter().filter(|row| row.is_failed()).take(5) {
        problem = problem.cause(format!("{}.", row.sentence()));
    }
    problem
        .remedy("Its changes are taken back at once, unless that is switched off in the site's settings; see the newest deployment of the site.")
        .remedy("Open the page yourself. If it was an outage of the origin in the same moment, deploy again.")
}
