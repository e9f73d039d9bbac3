//! `demo --check`: the whole story from outside, over the REST API and at the edge, without a browser. Each step is
//! printed with its result and time; the first one that fails ends the story.

mod edge;
mod report;
mod rest;
mod steps;

use super::{Demo, words::Ink};
use anyhow::Context;
use report::Report;
use rest::Rest;
use serde_json::Value;
use std::time::Duration;

/// What is published must be served at the edge within this time.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(30);
/// How long a deployment may take here.
const DEPLOYED_WITHIN: Duration = Duration::from_secs(60);

/// Everything the steps need.
struct Story<'a> {
    demo: &'a Demo,
    rest: Rest,
    visitors: edge::Visitors,
}

/// Runs the story; true when every step passed.
pub(super) async fn run(demo: &Demo, as_json: bool) -> anyhow::Result<bool> {
    let app = &demo.server.app;
    let (_, key) = crate::auth::access_keys::create(app, app.workspace, "demo --check")
        .await
        .map_err(|problem| anyhow::anyhow!("no access key could be made: {problem}"))?;
    let story = Story {
        demo,
        rest: Rest::new(&demo.console(), &key)?,
        visitors: edge::Visitors::new(&demo.edge(), demo.origin.address())?,
    };
    let mut report = Report::new(as_json, Ink::for_stdout());
    let outcome = story.tell(&mut report).await;
    report.end(outcome.is_ok())?;
    Ok(outcome.is_ok())
}

impl Story<'_> {
    /// The steps in their order. An error was reported by its step already.
    async fn tell(&self, report: &mut Report) -> Result<(), report::Failed> {
        report
            .step("unusable tokens are refused, each for its reason", || {
                steps::refuse_tokens(self)
            })
            .await?;
        let connection = report
            .step("connect Cloudflare with the good token", || {
                steps::connect(self)
            })
            .await?;
        let zone = report
            .step("list zones: which can be deployed to", || {
                steps::zones(self, &connection)
            })
            .await?;
        let before = report
            .step("note the account's state", || steps::state(self))
            .await?;
        let site = report
            .step("create the site, plan it", || {
                steps::site(self, &connection, &zone)
            })
            .await?;
        report
            .step("deploy to live", || steps::deploy(self, &site))
            .await?;
        report
            .step("plan again: nothing to do", || {
                steps::empty_plan(self, &site)
            })
            .await?;
        report
            .step("publish a variant of /pricing", || {
                steps::publish(self, &site)
            })
            .await?;
        report
            .step("GPTBot gets the variant", || edge::gptbot(self))
            .await?;
        report
            .step("HEAD and If-None-Match", || edge::conditional(self))
            .await?;
        report
            .step("people and search engines get the origin's bytes", || {
                edge::untouched(self)
            })
            .await?;
        report
            .step("POST reaches the origin", || edge::post(self))
            .await?;
        report
            .step("remove the site", || steps::remove(self, &site))
            .await?;
        report
            .step("the account is as it was before", || {
                steps::as_before(self, &before)
            })
            .await?;
        report
            .step("the token's text is nowhere on the disk", || {
                steps::canary(self, &connection)
            })
            .await?;
        Ok(())
    }

    /// What the local Cloudflare has now.
    async fn cloudflare_state(&self) -> anyhow::Result<Value> {
        self.visitors
            .client()
            .get(format!("{}/__emulator/state", self.demo.api()))
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .context("the local Cloudflare did not tell its state")?
            .json()
            .await
            .context("the local Cloudflare's state is not JSON")
    }
}

/// Asks again and again until `ready` gives something, for `within` at most.
async fn until<T, F: Future<Output = anyhow::Result<Option<T>>>>(
    within: Duration,
    what: &str,
    mut ready: impl FnMut() -> F,
) -> anyhow::Result<T> {
    let end = tokio::time::Instant::now() + within;
    loop {
        if let Some(value) = ready().await? {
            return Ok(value);
        }
        anyhow::ensure!(
            tokio::time::Instant::now() < end,
            "{what} did not happen within {} s",
            within.as_secs()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
