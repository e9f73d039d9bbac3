//! Follows a deployment from the command line to its end. The command works on it itself, so that it needs no `serve`;
//! where one runs, either of the two takes it.

mod several;

pub(super) use several::{all_to_the_end, code_of_refusals, refusal_line};

use super::{hint, print_json, print_line};
use crate::{
    api::deployment_json,
    app::AppState,
    clock::{Clock, parse_rfc3339},
    reconcile::driver,
    services::deployments::{
        self, Standing,
        edits::{EDIT_PUT_BACK, told_of},
    },
    words::{plural, shell_word},
};
use domain::{
    deployment::{DeploymentKind, DeploymentStatus, StepStatus},
    plan::{Conflict, WayOut},
    time::Millis,
};
use futures::StreamExt;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use serde_json::Value;
use std::{
    io::IsTerminal,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use store::{Deployment, DeploymentEvent};
use tokio_util::sync::CancellationToken;

/// What a shell expects of a command that was interrupted.
const INTERRUPTED: u8 = 130;

/// Waits for the end, with progress on a terminal. Exit code 0 when it went well.
pub(super) async fn to_the_end(
    app: &AppState,
    deployment: &Deployment,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    match watch(app, deployment).await? {
        Watched::Ended(ended, has_seen_notes) => tell(app, &ended, as_json, has_seen_notes).await,
        Watched::Left => Ok(ExitCode::from(INTERRUPTED)),
    }
}

/// Waits until a deployment that was told to stop has stopped. Exit code 0 when it did, and not ended before.
pub(super) async fn to_its_stop(
    app: &AppState,
    deployment: &Deployment,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    match watch(app, deployment).await? {
        Watched::Ended(ended, has_seen_notes) => {
            tell(app, &ended, as_json, has_seen_notes).await?;
            Ok(if ended.status == DeploymentStatus::Cancelled {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
        Watched::Left => Ok(ExitCode::from(INTERRUPTED)),
    }
}

/// How the watching ended.
enum Watched {
    /// With the deployment, and whether its notes were shown meanwhile.
    Ended(Box<Deployment>, bool),
    /// Before it.
    Left,
}

async fn watch(app: &AppState, deployment: &Deployment) -> anyhow::Result<Watched> {
    let stop = CancellationToken::new();
    let driver = tokio::spawn(driver::run(app.clone(), stop.clone()));
    let progress = Progress::new(app.clock);
    let events = deployments::event_stream(app.clone(), app.workspace, deployment.id, 0);
    let is_interrupted = tokio::select! {
        () = events.for_each(|event| { progress.show(&event); std::future::ready(()) }) => false,
        signal = tokio::signal::ctrl_c() => { signal?; true }
    };
    progress.clear();
    stop.cancel();
    // The driver gives its leases back; killed, they run out by themselves.
    driver.await?;
    let ended = deployments::get(app, app.workspace, deployment.id).await?;
    if is_interrupted && !ended.status.is_final() {
        hint(
            "Stopped between two steps. The next `deploy`, or a running `serve`, goes on with it.",
        );
        return Ok(Watched::Left);
    }
    Ok(Watched::Ended(Box::new(ended), progress.is_shown()))
}

/// What came of it. Exit code 0 when it went well.
async fn tell(
    app: &AppState,
    ended: &Deployment,
    as_json: bool,
    has_seen_notes: bool,
) -> anyhow::Result<ExitCode> {
    let standing = deployments::standing(app, app.workspace, ended).await?;
    let went_well = is_success(ended);
    if as_json {
        print_json(&deployment_json(ended, Some(standing)))?;
    } else {
        print_line(&summary(ended))?;
        for warning in told_of(ended) {
            // Notes came as they happened; what is put back was named before.
            if !has_seen_notes || warning.code == EDIT_PUT_BACK {
                print_line(&format!("note: {}", warning.detail))?;
            }
        }
        if !went_well {
            hint(failure(ended, &standing).trim_end());
        }
    }
    Ok(if went_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Whether it came to what was asked for.
fn is_success(ended: &Deployment) -> bool {
    match ended.status {
        DeploymentStatus::Live | DeploymentStatus::Removed => true,
        // One that takes another back is called so, too.
        DeploymentStatus::Undone => ended.kind == DeploymentKind::Remove,
        _ => false,
    }
}

/// `shop: failed (1 of 4 steps done, 9 calls to Cloudflare)`.
pub(super) fn summary(ended: &Deployment) -> String {
    let all = ended.steps.len();
    let done = ended
        .steps
        .iter()
        .filter(|step| step.status == StepStatus::Done)
        .count();
    let steps = if done == all {
        plural(all as u64, "step")
    } else {
        format!("{done} of {} done", plural(all as u64, "step"))
    };
    format!(
        "{}: {} ({steps}, {} to Cloudflare)",
        ended.site_name,
        ended.status,
        plural(u64::from(ended.api_calls), "call")
    )
}

/// Which step failed and why, what is in place, and what can be done: by which command.
pub(super) fn failure(ended: &Deployment, standing: &Standing) -> String {
    let mut lines = Vec::new();
    let failed = ended
        .steps
        .iter()
        .find(|step| Some(step.index) == standing.failed_step);
    if let Some(step) = failed {
        lines.push(format!(
            "failed at step {} of {}: {} {} {}",
            step.index + 1,
            ended.steps.len(),
            step.step.action.as_str(),
            step.step.resource.title(),
            step.step.name
        ));
    }
    if let Some(problem) = &ended.problem {
        lines.push(in_words(problem));
    }
    for (resource, name) in &standing.in_place {
        lines.push(format!("in place: {} {name}", resource.title()));
    }
    lines.extend(next_steps(ended, standing));
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// What can be done now, by which command. Going on alone does not help while something is in the way.
pub(super) fn next_steps(ended: &Deployment, standing: &Standing) -> Vec<String> {
    let conflicts = match (&ended.plan, ended.status) {
        (Some(plan), DeploymentStatus::Failed) if standing.can_continue => &plan.conflicts[..],
        _ => &[],
    };
    let mut lines = ways_out(&ended.site_name, conflicts);
    if standing.can_continue {
        let what = if lines.is_empty() {
            "go on with what is left"
        } else {
            "then go on"
        };
        lines.push(format!(
            "{what}: edge-delivery deployment continue {}",
            ended.id
        ));
    }
    if standing.can_undo {
        lines.push(format!(
            "take back what it did: edge-delivery deployment undo {}",
            ended.id
        ));
    }
    if standing.can_roll_back {
        lines.push(format!(
            "bring its Worker and published revisions back: edge-delivery deployment rollback {}",
            ended.id
        ));
    }
    lines
}

/// The commands that solve conflicts, of each the choices that it leaves.
pub(super) fn ways_out(site: &str, conflicts: &[Conflict]) -> Vec<String> {
    let site = shell_word(site);
    let mut lines = Vec::new();
    for conflict in conflicts {
        let pattern = shell_word(&conflict.name);
        let host = conflict.host.as_ref().map(ToString::to_string);
        let host = host.unwrap_or_default();
        for way in &conflict.choices {
            lines.push(match way {
                WayOut::Adopt => {
                    format!("adopt that route: edge-delivery route adopt {site} {pattern}")
                }
                WayOut::Accept => {
                    format!("accept it: edge-delivery route accept {site} {pattern}")
                }
                WayOut::NarrowerPattern => format!(
                    "or cover a part only: edge-delivery route narrow {site} {host} '{host}/…/*'"
                ),
                WayOut::LeaveOutHost => {
                    format!("or leave it out: edge-delivery route leave-out {site} {host}")
                }
                WayOut::NewSite => continue,
            });
        }
    }
    lines
}

/// A stored problem as it is shown on a terminal.
fn in_words(problem: &Value) -> String {
    match serde_json::from_value::<crate::problem::Problem>(problem.clone()) {
        Ok(problem) => format!("error: {problem}"),
        Err(_) => format!("error: {}", problem["detail"].as_str().unwrap_or("unknown")),
    }
}

/// Progress on standard error, when that is a terminal.
struct Progress {
    bar: Option<ProgressBar>,
    /// Until when Cloudflare asks to wait, in milliseconds since 1970; 0: it does not.
    waiting: Arc<AtomicI64>,
}

/// `, Cloudflare asks to wait: it goes on in 17 s`, counted down as the bar is drawn.
fn countdown(until: Millis, now: Millis) -> String {
    match (until.0 - now.0).max(0).unsigned_abs().div_ceil(1000) {
        0 => String::new(),
        seconds => format!(", Cloudflare asks to wait: it goes on in {seconds} s"),
    }
}

impl Progress {
    fn new(clock: Clock) -> Self {
        let waiting = Arc::new(AtomicI64::new(0));
        if !std::io::stderr().is_terminal() {
            return Self { bar: None, waiting };
        }
        let until = Arc::clone(&waiting);
        let style = ProgressStyle::with_template("{spinner} {msg}{countdown} {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner())
            .with_key(
                "countdown",
                move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
                    let until = Millis(until.load(Ordering::Relaxed));
                    // A bar that cannot be drawn is no reason to stop.
                    let _ = out.write_str(&countdown(until, clock.now()));
                },
            );
        let bar = ProgressBar::new_spinner().with_style(style);
        bar.set_message("looking at the account");
        bar.enable_steady_tick(Duration::from_millis(100));
        Self {
            bar: Some(bar),
            waiting,
        }
    }

    /// Whether somebody sees it: then the notes were told as they came.
    const fn is_shown(&self) -> bool {
        self.bar.is_some()
    }

    fn show(&self, event: &DeploymentEvent) {
        let Some(bar) = &self.bar else { return };
        let data = &event.data;
        // Whatever happens next, the wait is over.
        let until = data["waiting"]["until"].as_str().and_then(parse_rfc3339);
        self.waiting
            .store(until.map_or(0, |until| until.0), Ordering::Relaxed);
        let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
        match event.kind.as_str() {
            "step" => {
                let what = format!("{} {} {}", text("action"), text("resource"), text("name"));
                match data["status"].as_str() {
                    Some("running") => bar.set_message(what),
                    Some("done") => bar.println(format!("  ✓ {what}")),
                    Some("failed") => bar.println(format!("  ✗ {what}")),
                    _ => {}
                }
            }
            "note" if data["done"].is_u64() => {
                bar.set_message(format!("content {} of {}", data["done"], data["total"]));
            }
            "note" if data["warning"].is_object() => bar.println(format!(
                "  ! {}",
                data["warning"]["detail"].as_str().unwrap_or_default()
            )),
            "status" => bar.set_message(text("status")),
            _ => {}
        }
    }

    fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_counted_down() {
        assert_eq!(countdown(Millis(0), Millis(5)), "");
        assert_eq!(
            countdown(Millis(17_000), Millis(100)),
            ", Cloudflare asks to wait: it goes on in 17 s"
        );
    }
}
