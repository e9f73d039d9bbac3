//! Follows a deployment from the command line to its end. The command works on it itself, so that it needs no `serve`;
//! where one runs, either of the two takes it.

mod several;

pub(super) use several::all_to_the_end;

use super::{print_json, print_line};
use crate::{
    app::AppState,
    clock::rfc3339,
    reconcile::{driver, outlook::warnings_of},
    services::deployments,
};
use domain::deployment::DeploymentStatus;
use futures::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
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
    let progress = Progress::new();
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
    if let Some(problem) = ended.problem.filter(|_| !as_json) {
        let _ = writeln!(std::io::stderr(), "{}", in_words(&problem));
    }
    Ok(ExitCode::FAILURE)
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
}

impl Progress {
    fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { bar: None };
        }
        let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::new_spinner().with_style(style);
        bar.set_message("looking at the account");
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar: Some(bar) }
    }

    /// Whether somebody sees it: then the notes were told as they came.
    const fn is_shown(&self) -> bool {
        self.bar.is_some()
    }

    fn show(&self, event: &DeploymentEvent) {
        let Some(bar) = &self.bar else { return };
        let data = &event.data;
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
