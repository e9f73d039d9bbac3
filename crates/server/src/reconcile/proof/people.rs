//! What people, a search engine and an agent got before the first change, and what they get now.

use super::{
    Proving,
    pages::{self, Page, Seen},
};
use crate::{
    app::App,
    clock::rfc3339,
    problem::{Outcome, Problem},
    services::{
        agents,
        visit_as::{Visitor, visitor},
    },
};
use domain::{
    agents::Treatment,
    proof::{Before, Finding, Verdict, judge, judge_agent},
    time::Millis,
    variant::Format,
};
use futures::future::{join_all, try_join_all};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use store::{Baseline, Site};

/// Who looks: somebody with a browser, a search engine, and an agent that is served.
const LOOKING: [&str; 3] = ["chrome", "googlebot", AGENT];
const AGENT: &str = "gptbot";

/// How long looking before the first change may take.
const BEFORE_TIME: Duration = Duration::from_secs(20);

/// A look of an earlier attempt counts as *before* for so long.
const BASELINE_AGE_MS: i64 = 60 * 60 * 1000;

/// How long a page that differs is looked at again: an origin hiccups, and a route takes a moment to get everywhere.
const PEOPLE_PATIENCE: Duration = Duration::from_secs(3);

/// How long an agent may get what was there before. KV shows what is new within a minute or more (Cloudflare API notes
/// §6.6, official); nobody is kept waiting so long.
const AGENT_PATIENCE: Duration = Duration::from_secs(10);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(300);

/// What one visitor got of one page before.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Sight {
    page: Page,
    visitor: String,
    before: Before,
    /// What the first fetch answered, for people to compare.
    status: Option<u16>,
    bytes: Option<usize>,
}

/// Looks at the pages, unless an attempt shortly before did: this one goes on with its work.
pub(super) async fn look_before(app: &App, site: &Site) -> Outcome<()> {
    let now = app.clock.now();
    let kept = app.store.baseline(site.workspace, site.id).await?;
    if kept.is_some_and(|kept| now.0 - kept.taken_at.0 < BASELINE_AGE_MS) {
        return Ok(());
    }
    let mut looks = Vec::new();
    for page in pages::chosen(app, site).await? {
        looks.extend(LOOKING.map(|id| (page.clone(), id)));
    }
    let end = tokio::time::Instant::now() + BEFORE_TIME;
    let sights = join_all(looks.iter().map(|(page, id)| async move {
        let looked = tokio::time::timeout_at(end, look_twice(app, page, id)).await;
        looked.unwrap_or_else(|_| nothing(page, id, "it took too long to answer".to_owned()))
    }))
    .await;
    let baseline = Baseline {
        taken_at: now,
        pages: serde_json::to_value(&sights).map_err(|error| Problem::internal(&error))?,
    };
    app.store
        .keep_baseline(site.workspace, site.id, &baseline)
        .await?;
    Ok(())
}

async fn look_twice(app: &App, page: &Page, id: &str) -> Sight {
    let first = match look(app, page, id).await {
        Ok(seen) => seen.snapshot,
        Err(why) => return nothing(page, id, why),
    };
    let before = match look(app, page, id).await {
        Ok(second) => Before::of(&first, &second.snapshot),
        Err(why) => Before::Nothing { why },
    };
    Sight {
        page: page.clone(),
        visitor: id.to_owned(),
        before,
        status: Some(first.status),
        bytes: Some(first.body.bytes),
    }
}

fn nothing(page: &Page, id: &str, why: String) -> Sight {
    Sight {
        page: page.clone(),
        visitor: id.to_owned(),
        before: Before::Nothing { why },
        status: None,
        bytes: None,
    }
}

async fn look(app: &App, page: &Page, id: &str) -> Result<Seen, String> {
    let visitor: &Visitor = visitor(id).ok_or_else(|| format!("there is no visitor {id}"))?;
    pages::fetch(app, page, visitor).await
}

/// What came of looking again.
#[derive(Debug)]
pub(super) struct Compared {
    /// The sum.
    pub(super) verdict: Verdict,
    /// When the pages were looked at before.
    pub(super) before_at: Option<Millis>,
    /// One row per page and visitor.
    pub(super) rows: Vec<Row>,
}

/// One page as one visitor gets it.
#[derive(Debug)]
pub(super) struct Row {
    address: String,
    visitor: &'static Visitor,
    finding: Finding,
    before: Option<(u16, usize)>,
    after: Option<(u16, usize)>,
    /// The revision that an agent got.
    revision: Option<String>,
    /// Whether the page goes on behind what was read of it.
    is_cut: bool,
}

impl Row {
    /// In the shape of the API.
    pub(super) fn to_json(&self) -> Value {
        let answer = |answer: Option<(u16, usize)>| {
            answer.map(|(status, bytes)| json!({ "status": status, "bytes": bytes }))
        };
        let (verdict, detail) = match &self.finding {
            Finding::Identical if self.revision.is_some() => {
                ("proved", "the published revision".to_owned())
            }
            Finding::Identical if self.visitor.id == AGENT => (
                "proved",
                "the origin's page; no variant is published here, or the site gives this agent none"
                    .to_owned(),
            ),
            Finding::Identical if self.is_cut => (
                "proved",
                "the same, byte for byte, in the part that was compared: it goes on after that"
                    .to_owned(),
            ),
            Finding::Identical => ("proved", "the same, byte for byte".to_owned()),
            Finding::SameOutside(1) => (
                "proved",
                "the same outside one place that varies by itself".to_owned(),
            ),
            Finding::SameOutside(places) => (
                "proved",
                format!("the same outside {places} places that vary by themselves"),
            ),
            Finding::NotProvable(why) => ("not_provable", why.clone()),
            Finding::Failed(why) => ("failed", why.clone()),
        };
        json!({
            "page": self.address,
            "visitor": self.visitor.label,
            "kind": self.visitor.kind,
            "verdict": verdict,
            "detail": detail,
            "before": answer(self.before),
            "after": answer(self.after),
            "revision": self.revision,
        })
    }

    /// In a sentence.
    pub(super) fn sentence(&self) -> String {
        let why = match &self.finding {
            Finding::NotProvable(why) | Finding::Failed(why) => why.as_str(),
            _ => "it is the same",
        };
        format!("{} as {}: {why}", self.address, self.visitor.label)
    }

    /// Whether we broke it.
    pub(super) const fn is_failed(&self) -> bool {
        self.finding.is_failed()
    }
}

/// Looks at the pages again and compares.
pub(super) async fn compare(
    app: &App,
    site: &Site,
    proving: &Proving,
) -> Outcome<Option<Compared>> {
    let Some(baseline) = app.store.baseline(site.workspace, site.id).await? else {
        return Ok(None);
    };
    let sights: Vec<Sight> =
        serde_json::from_value(baseline.pages).map_err(|error| Problem::internal(&error))?;
    let rows = try_join_all(sights.iter().map(|sight| row(app, site, proving, sight))).await?;
    Ok(Some(Compared {
        verdict: Verdict::of(rows.iter().map(|row| &row.finding)),
        before_at: Some(baseline.taken_at),
        rows,
    }))
}

/// Looks until the page is as it should be, or patience is over: what is said then counts.
async fn row(app: &App, site: &Site, proving: &Proving, sight: &Sight) -> Outcome<Row> {
    let visitor =
        visitor(&sight.visitor).ok_or_else(|| Problem::not_found("visitor", &sight.visitor))?;
    let registry = agents::active(app, site.workspace).await?;
    let is_wanted = site
        .settings
        .agents
        .of_visitor(registry.classify(visitor.user_agent))
        == Treatment::Serve;
    // A search engine that the owner lets have variants is looked at like an agent.
    let is_agent = visitor.id == AGENT || is_wanted;
    let is_silent = proving.is_silent(&sight.page.host);
    let published = pages::published(app, site, &sight.page.path).await?;
    let begun = Instant::now();
    loop {
        let seen = pages::fetch(app, &sight.page, visitor).await;
        let finding = match &seen {
            Err(why) => Finding::NotProvable(format!("it could not be fetched: {why}")),
            Ok(seen) if is_agent => {
                let wanted = published
                    .iter()
                    .find(|(format, _)| *format == Format::Html)
                    .map(|(_, revision)| revision.as_str());
                judge_agent(&sight.before, &seen.snapshot).unwrap_or_else(|| {
                    if is_silent && is_wanted && wanted.is_some() && seen.revision.is_none() {
                        return Finding::NotProvable(
                            "the Worker does not answer at this host, so agents get the origin's page instead of what is published"
                                .to_owned(),
                        );
                    }
                    let wanted =
                        wanted.filter(|_| is_wanted && proving.is_served(&sight.page.host));
                    agent_finding(wanted, seen, proving)
                })
            }
            Ok(seen) => judge(
                &sight.before,
                &seen.snapshot,
                pages::is_ours(&seen.snapshot, &published),
            ),
        };
        // Only what is on its way to KV is worth the longer wait.
        let patience = if is_agent && !finding.is_failed() {
            AGENT_PATIENCE
        } else {
            PEOPLE_PATIENCE
        };
        let is_over = finding.is_same()
            || begun.elapsed() > patience
            // Nothing was known before, so looking again tells nothing new.
            || (matches!(sight.before, Before::Nothing { .. }) && !finding.is_failed() && !is_agent)
            || (is_agent && (seen.is_err() || is_silent));
        if is_over {
            let seen = seen.ok();
            return Ok(Row {
                address: sight.page.address(),
                visitor,
                finding,
                before: sight.status.zip(sight.bytes),
                after: seen
                    .as_ref()
                    .map(|seen| (seen.snapshot.status, seen.snapshot.body.bytes)),
                is_cut: seen.as_ref().is_some_and(|seen| seen.snapshot.body.is_cut),
                revision: seen.and_then(|seen| seen.revision),
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether an agent gets the published revision, or the origin's page where there is none.
fn agent_finding(wanted: Option<&str>, seen: &Seen, proving: &Proving) -> Finding {
    match (wanted, seen.revision.as_deref()) {
        (Some(wanted), Some(got)) if wanted == got => Finding::Identical,
        (None, None) => Finding::Identical,
        (Some(_), Some(_)) => Finding::NotProvable(
            "it still gets an earlier revision: KV takes up to a minute, at times longer, to show a new one everywhere"
                .to_owned(),
        ),
        (Some(_), None) => Finding::NotProvable(
            "it still gets the origin's page: KV takes up to a minute, at times longer, to show a new variant everywhere"
                .to_owned(),
        ),
        (None, Some(_)) if proving.is_removal => Finding::NotProvable(
            "it still gets a variant: the removal takes a moment to get everywhere".to_owned(),
        ),
        (None, Some(_)) => Finding::NotProvable(
            "it still gets a variant that is not published any more, or the Worker does not answer as it should here"
                .to_owned(),
        ),
    }
}

/// The comparison in the shape of the API.
pub(super) fn to_json(compared: &Compared) -> (Value, Option<String>) {
    let rows = compared.rows.iter().map(Row::to_json).collect();
    (rows, compared.before_at.map(rfc3339))
}
