//! Follows several deployments at once.

use super::{INTERRUPTED, in_words, print_json, print_line, to_json};
use crate::{
    app::AppState,
    reconcile::driver,
    services::deployments::{self, event_stream},
};
use domain::deployment::DeploymentStatus;
use futures::{StreamExt, future::join_all};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
    time::Duration,
};
use store::{Deployment, DeploymentEvent};
use tokio_util::sync::CancellationToken;

/// Waits for the end of all, with a line each on a terminal. Exit code 0 when all went well.
pub(crate) async fn all_to_the_end(
    app: &AppState,
    started: &[Deployment],
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
        let _ = writeln!(
            std::io::stderr(),
            "Stopped between two steps. The next `deploy`, or a running `serve`, goes on with them."
        );
        return Ok(ExitCode::from(INTERRUPTED));
    }
    tell(&ended, as_json)
}

fn tell(ended: &[Deployment], as_json: bool) -> anyhow::Result<ExitCode> {
    if as_json {
        print_json(&ended.iter().map(to_json).collect::<Vec<_>>())?;
    }
    let mut is_good = true;
    for deployment in ended {
        is_good &= deployment.status == DeploymentStatus::Live;
        if as_json {
            continue;
        }
        print_line(&format!(
            "{}: {} ({} steps, {} calls to Cloudflare)",
            deployment.site_name,
            deployment.status,
            deployment.steps.len(),
            deployment.api_calls
        ))?;
        if let Some(problem) = &deployment.problem {
            let _ = writeln!(
                std::io::stderr(),
                "{}: {}",
                deployment.site_name,
                in_words(problem)
            );
        }
    }
    Ok(if is_good {
        ExitCode::SUCCESS
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
