//! Follows several deployments at once.

use super::{INTERRUPTED, failure, hint, print_json, print_line, summary};
use crate::{
    api::deployment_json,
    app::AppState,
    problem::{Code, Problem},
    reconcile::driver,
    services::deployments::{self, edits::told_of, event_stream},
};
use domain::deployment::DeploymentStatus;
use futures::{StreamExt, future::join_all};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::{io::IsTerminal, process::ExitCode, time::Duration};
use store::{Deployment, DeploymentEvent};
use tokio_util::sync::CancellationToken;

/// Waits for the end of all, with a line each on a terminal. Those that were `refused` are told with them.
pub(crate) async fn all_to_the_end(
    app: &AppState,
    started: &[Deployment],
    refused: &[(String, Problem)],
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let stop = CancellationToken::new();
    let driver = tokio::spawn(driver::run(app.clone(), stop.clone()));
    let lines = MultiProgress::new();
    let is_shown = std::io::stderr().is_terminal();
    let follows = started.iter().map(|deployment| {
        let line = is_shown.then(|| lines.add(line(deployment)));
        let events = event_stream(app.clone(), app.workspace, deployment.id, 0);
        async move {
            let mut events = std::pin::pin!(events);
            while let Some(event) = events.next().await {
                if let Some(line) = &line {
                    show(line, &event);
                }
            }
            if let Some(line) = line {
                line.finish();
            }
        }
    });
    let is_interrupted = tokio::select! {
        _ = join_all(follows) => false,
        signal = tokio::signal::ctrl_c() => { signal?; true }
    };
    stop.cancel();
    // The driver gives its leases back; killed, they run out by themselves.
    driver.await?;
    let mut ended = Vec::with_capacity(started.len());
    for deployment in started {
        ended.push(deployments::get(app, app.workspace, deployment.id).await?);
    }
    if is_interrupted && ended.iter().any(|one| !one.status.is_final()) {
        hint(
            "Stopped between two steps. The next `deploy`, or a running `serve`, goes on with them.",
        );
        return Ok(ExitCode::from(INTERRUPTED));
    }
    tell(app, &ended, refused, as_json).await
}

/// Nothing failed, and a site was left alone because of edits from outside.
const EDITS_OUTSIDE: u8 = 3;

/// The exit code when all that was begun went well: 0, 1 when something could not be begun, 3 when sites were left alone.
pub(crate) fn code_of_refusals(refused: &[(String, Problem)]) -> ExitCode {
    let is_left_alone = |(_, problem): &(String, Problem)| problem.code == Code::EditsOutside;
    if refused.is_empty() {
        ExitCode::SUCCESS
    } else if refused.iter().all(is_left_alone) {
        ExitCode::from(EDITS_OUTSIDE)
    } else {
        ExitCode::FAILURE
    }
}

/// Why a site's deployment was not begun. Edits from outside were named before.
pub(crate) fn refusal_line(name: &str, problem: &Problem) -> String {
    match problem.code {
        Code::EditsOutside => format!(
            "{name}: left as it is, because of what was changed outside. Keep what you need of it, then put it back with --overwrite-edits."
        ),
        _ => format!("{name}: error: {problem}"),
    }
}

/// A line for each on standard output, and on standard error why each that failed did.
async fn tell(
    app: &AppState,
    ended: &[Deployment],
    refused: &[(String, Problem)],
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    if as_json {
        let refused = refused
            .iter()
            .map(|(name, problem)| json!({ "siteName": name, "problem": problem }));
        let all: Vec<Value> = ended
            .iter()
            .map(|deployment| deployment_json(deployment, None))
            .chain(refused)
            .collect();
        print_json(&all)?;
    }
    let mut is_good = true;
    for deployment in ended {
        let name = &deployment.site_name;
        if !as_json {
            print_line(&summary(deployment))?;
            for warning in told_of(deployment) {
                print_line(&format!("{name}: note: {}", warning.detail))?;
            }
        }
        if deployment.status != DeploymentStatus::Live {
            is_good = false;
            let standing = deployments::standing(app, app.workspace, deployment).await?;
            for line in failure(deployment, &standing).lines() {
                hint(&format!("{name}: {line}"));
            }
        }
    }
    for (name, problem) in refused {
        hint(&refusal_line(name, problem));
    }
    Ok(if is_good {
        code_of_refusals(refused)
    } else {
        ExitCode::FAILURE
    })
}

fn line(deployment: &Deployment) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{spinner} {prefix}  {bar:20} {pos}/{len} {msg} {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
    let line = ProgressBar::new(0)
        .with_style(style)
        .with_prefix(deployment.site_name.clone());
    line.set_message("waiting");
    line.enable_steady_tick(Duration::from_millis(100));
    line
}

fn show(line: &ProgressBar, event: &DeploymentEvent) {
    let text = |name: &str| event.data[name].as_str().unwrap_or_default().to_owned();
    match event.kind.as_str() {
        "steps" => {
            let all = event.data["steps"].as_array().map_or(0, Vec::len);
            line.set_length(all as u64);
        }
        "step" if event.data["status"] == "running" => {
            line.set_message(format!("{} {}", text("action"), text("resource")));
        }
        "step" if event.data["status"] == "done" => line.inc(1),
        "status" => line.set_message(text("status")),
        _ => {}
    }
}
