//! Which agents came to a site.

use super::{SiteHead, head};
use crate::{
    clock::rfc3339,
    console::{
        desk::{Desk, id, page},
        parts::{Mark, ProblemPanel, count},
        shell::Shell,
    },
    problem::Problem,
    services::{
        agents, sites,
        traffic::{self, AgentCounts, Asked, PathCounts, Point, Summary},
    },
};
use askama::Template;
use axum::{
    extract::{Path, Query},
    response::Response,
};
use domain::{agents::Registry, identity::Identity, ids::SiteId, time::Millis, traffic::HOUR_MS};

/// The words and labels of a choice.
type Choices = &'static [(&'static str, &'static str)];

const SPANS: Choices = &[
    ("24h", "24 hours"),
    ("7d", "7 days"),
    ("30d", "30 days"),
    ("90d", "90 days"),
    ("12mo", "12 months"),
];
const OUTCOMES: Choices = &[
    ("variant", "The variant"),
    ("not_modified", "Had the variant already"),
    ("origin", "The page that people get"),
    ("error", "The page, since KV was slow or failed"),
];
const IDENTITIES: Choices = &[
    ("verified", "Verified"),
    ("claimed", "Claimed"),
    ("contradicted", "Contradicted"),
];

/// Rows of a table.
const ROWS: usize = 50;

/// The chart's height, in its own units.
const HEIGHT: f64 = 120.0;

/// Units that a bar and the gap beside it take.
const STEP: usize = 10;

/// A site's traffic.
#[derive(Debug, Template)]
#[template(path = "pages/traffic.html")]
pub(crate) struct TrafficPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The site.
    pub(crate) site: SiteHead,
    /// The spans that can be chosen.
    pub(crate) spans: Choices,
    /// The outcomes that can be chosen.
    pub(crate) outcomes: Choices,
    /// The identities that can be chosen.
    pub(crate) identities: Choices,
    /// The chosen span.
    pub(crate) asked_from: String,
    /// The agent as typed.
    pub(crate) asked_agent: String,
    /// The path as typed.
    pub(crate) asked_path: String,
    /// The chosen outcome.
    pub(crate) asked_outcome: String,
    /// The chosen identity.
    pub(crate) asked_identity: String,
    /// Whether something is left out.
    pub(crate) is_narrow: bool,
    /// All visits.
    pub(crate) visits: String,
    /// Those of the time before.
    pub(crate) previous: String,
    /// Those that got a variant.
    pub(crate) served: String,
    /// Those that were lost on their way, if any.
    pub(crate) dropped: Option<String>,
    /// What a bar is: `hour`, `day`, `week`.
    pub(crate) bucket: &'static str,
    /// The chart's width, in its own units.
    pub(crate) chart_width: usize,
    /// The bars.
    pub(crate) bars: Vec<Bar>,
    /// The agents.
    pub(crate) agents: Vec<TrafficAgentRow>,
    /// The pages.
    pub(crate) pages: Vec<PageRow>,
    /// What to know of the counts.
    pub(crate) notes: Vec<String>,
    /// Why nothing can be shown.
    pub(crate) problem: Option<ProblemPanel>,
}

/// One bar of the chart, in its units, and what it stands for.
#[derive(Debug, Clone)]
pub(crate) struct Bar {
    /// When it begins.
    pub(crate) at: String,
    /// Visits.
    pub(crate) visits: String,
    /// Of these got a variant.
    pub(crate) served: String,
    /// Left edge.
    pub(crate) x: usize,
    /// Its width.
    pub(crate) width: usize,
    /// Upper edge.
    pub(crate) y: String,
    /// Its height.
    pub(crate) height: String,
    /// The upper edge of the part that got a variant.
    pub(crate) served_y: String,
    /// That part's height.
    pub(crate) served_height: String,
}

/// An agent.
#[derive(Debug, Clone)]
pub(crate) struct TrafficAgentRow {
    /// Its name.
    pub(crate) name: String,
    /// Who runs it.
    pub(crate) operator: String,
    /// Visits.
    pub(crate) visits: String,
    /// Got a variant.
    pub(crate) served: String,
    /// By identity.
    pub(crate) verified: String,
    /// By identity.
    pub(crate) claimed: String,
    /// By identity.
    pub(crate) contradicted: String,
}

/// A page.
#[derive(Debug, Clone)]
pub(crate) struct PageRow {
    /// Its path.
    pub(crate) path: String,
    /// Visits.
    pub(crate) visits: String,
    /// Got a variant.
    pub(crate) served: String,
    /// Got the page that people get.
    pub(crate) missed: String,
    /// Whether a variant can be made of it: it has none, and is a page that is named.
    pub(crate) can_make: bool,
}

/// The page.
pub(crate) async fn traffic(
    desk: Desk,
    Path(text): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let site = sites::get(desk.app(), desk.ws(), id::<SiteId>(&text, "site")?).await?;
    let answer = match asked.question(desk.now()) {
        Ok(question) => traffic::ask(desk.app(), desk.ws(), site.id, &question)
            .await
            .map(|summary| (question, summary)),
        Err(problem) => Err(problem),
    };
    let registry = agents::active(desk.app(), desk.ws()).await?;
    let mut view = empty(&desk, head(&desk, &site, "traffic").await?, &asked);
    match answer {
        Ok((question, summary)) => view.fill(&registry, &question.bucket, &summary),
        Err(problem) => view.problem = Some(ProblemPanel::new(problem)),
    }
    Ok(page(&view))
}

fn empty(desk: &Desk, site: SiteHead, asked: &Asked) -> TrafficPage {
    let given = |text: &Option<String>| text.clone().unwrap_or_default();
    let filters = [&asked.agent, &asked.path, &asked.outcome, &asked.identity];
    TrafficPage {
        shell: desk.shell(&site.id),
        site,
        spans: SPANS,
        outcomes: OUTCOMES,
        identities: IDENTITIES,
        asked_from: asked.from.clone().unwrap_or_else(|| "7d".to_owned()),
        asked_agent: given(&asked.agent),
        asked_path: given(&asked.path),
        asked_outcome: given(&asked.outcome),
        asked_identity: given(&asked.identity),
        is_narrow: filters
            .iter()
            .any(|it| it.as_deref().is_some_and(|text| !text.is_empty())),
        visits: "0".to_owned(),
        previous: String::new(),
        served: String::new(),
        dropped: None,
        bucket: "day",
        chart_width: STEP,
        bars: Vec::new(),
        agents: Vec::new(),
        pages: Vec::new(),
        notes: Vec::new(),
        problem: None,
    }
}

impl TrafficPage {
    fn fill(&mut self, registry: &Registry, bucket: &traffic::Bucket, summary: &Summary) {
        self.notes = summary.notes();
        self.visits = count(summary.totals.visits);
        self.previous = count(summary.previous.visits);
        self.served = count(summary.totals.served());
        self.dropped = (summary.dropped > 0).then(|| count(summary.dropped));
        self.bucket = bucket.as_str();
        self.chart_width = summary.series.len().max(1) * STEP;
        let most = summary
            .series
            .iter()
            .map(|point| point.visits)
            .max()
            .unwrap_or(0);
        self.bars = (0..)
            .zip(&summary.series)
            .map(|(at, point)| bar(at, point, most))
            .collect();
        self.agents = summary
            .agents
            .iter()
            .take(ROWS)
            .map(|found| agent(registry, found))
            .collect();
        self.pages = summary.paths.iter().take(ROWS).map(path).collect();
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a bar need not be exact to one visit in 2^52"
)]
fn bar(at: usize, point: &Point, most: u64) -> Bar {
    let height = |visits: u64| HEIGHT * visits as f64 / most.max(1) as f64;
    let (whole, served) = (height(point.visits), height(point.served));
    Bar {
        at: rfc3339(Millis(point.start * HOUR_MS))
            .chars()
            .take(16)
            .collect::<String>()
            .replace('T', " "),
        visits: count(point.visits),
        served: count(point.served),
        x: at * STEP,
        width: STEP - 2,
        y: format!("{:.1}", HEIGHT - whole),
        height: format!("{whole:.1}"),
        served_y: format!("{:.1}", HEIGHT - served),
        served_height: format!("{served:.1}"),
    }
}

fn agent(registry: &Registry, found: &AgentCounts) -> TrafficAgentRow {
    let known = registry.agent(&found.agent);
    let counts = &found.counts;
    TrafficAgentRow {
        name: known.map_or_else(|| found.agent.clone(), |agent| agent.name().to_owned()),
        operator: known.map_or_else(|| "not known".to_owned(), |agent| agent.operator.clone()),
        visits: count(counts.visits),
        served: count(counts.served()),
        verified: count(counts.by(Identity::Verified)),
        claimed: count(counts.by(Identity::Claimed)),
        contradicted: count(counts.by(Identity::Contradicted)),
    }
}

fn path(found: &PathCounts) -> PageRow {
    let is_named = !found.path.is_empty();
    PageRow {
        path: if is_named {
            found.path.clone()
        } else {
            "all other pages".to_owned()
        },
        visits: count(found.counts.visits),
        served: count(found.counts.served()),
        missed: if found.has_variant {
            "0".to_owned()
        } else {
            count(found.counts.missed())
        },
        can_make: is_named && !found.has_variant,
    }
}
