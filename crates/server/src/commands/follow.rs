//! Follows a deployment from the command line to its end. The command works on it itself, so that it needs no `serve`;
//! where one runs, either of the two takes it.

mod several;

pub(super) use several::all_to_the_end;

use super::{print_json, print_line};
use crate::{
    app::AppState,
    clock::{Clock, parse_rfc3339, rfc3339},
    reconcile::{driver, outlook::warnings_of},
    services::deployments::{self, Standing},
};
use domain::{
    deployment::{DeploymentKind, DeploymentStatus},
    time::Millis,
};
use futures::StreamExt;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use serde_json::{Value, json};
use std::{
    io::{IsTerminal, Write},
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
        let _ = writeln!(
            std::io::stderr(),
            "Stopped between two steps. The next `deploy`, or a running `serve`, goes on with it."
        );
        return Ok(ExitCode::from(INTERRUPTED));
    }
    if as_json {
        print_json(&to_json(&ended))?;
    } else {
        print_line(&format!(
            "{}: {} ({} steps, {} calls to Cloudflare)",
            ended.site_name,
            ended.status,
            ended.steps.len(),
            ended.api_calls
        ))?;
    }
    if !as_json && !progress.is_shown() {
        for warning in warnings_of(&ended) {
            print_line(&format!("note: {}", warning.detail))?;
        }
    }
    if matches!(
        ended.status,
        DeploymentStatus::Live | DeploymentStatus::Removed
    ) {
        return Ok(ExitCode::SUCCESS);
    }
    if !as_json {
        let standing = deployments::standing(app, app.workspace, &ended).await?;
        let _ = write!(std::io::stderr(), "{}", failure(&ended, &standing));
    }
    Ok(ExitCode::FAILURE)
}

/// Which step failed and why, what is in place, and what can be done.
fn failure(ended: &Deployment, standing: &Standing) -> String {
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
    if standing.can_continue {
        let command = match ended.kind {
            DeploymentKind::Remove => "remove",
            _ => "deploy",
        };
        lines.push(format!(
            "go on with what is left: edge-delivery {command} {:?}",
            ended.site_name
        ));
    }
    if standing.can_undo {
        lines.push(format!(
            "take back what it did: POST /api/v1/deployments/{id}/undo, or its page /deployments/{id} in the console",
            id = ended.id
        ));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A stored problem as it is shown on a terminal.
fn in_words(problem: &Value) -> String {
    match serde_json::from_value::<crate::problem::Problem>(problem.clone()) {
        Ok(problem) => format!("error: {problem}"),
        Err(_) => format!("error: {}", problem["detail"].as_str().unwrap_or("unknown")),
    }
}

/// The same names as in the REST API.
fn to_json(deployment: &Deployment) -> Value {
    let steps: Vec<Value> = deployment
        .steps
        .iter()
        .map(|step| {
            json!({
                "action": step.step.action,
                "resource": step.step.resource,
                "name": step.step.name,
                "status": step.status,
                "startedAt": step.started_at.map(rfc3339),
                "finishedAt": step.finished_at.map(rfc3339),
                "note": step.note,
                "problem": step.problem,
            })
        })
        .collect();
    json!({
        "id": deployment.id.to_string(),
        "siteId": deployment.site.to_string(),
        "siteName": deployment.site_name,
        "kind": deployment.kind,
        "status": deployment.status,
        "steps": steps,
        "apiCalls": deployment.api_calls,
        "createdAt": rfc3339(deployment.created_at),
        "startedAt": deployment.started_at.map(rfc3339),
        "finishedAt": deployment.finished_at.map(rfc3339),
        "proof": deployment.proof,
        "problem": deployment.problem,
    })
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
