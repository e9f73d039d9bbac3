//! Visits that a site keeps in Cloudflare's Workers Analytics Engine, counted into the same answer as those of our own database.
//!
//! Three things are different, and are told ([`Estimate`]): Cloudflare samples, so counts are estimates; it keeps three
//! months; and nobody is judged, since the Worker writes no address: every visit counts as *claimed*. Answers are kept in
//! memory for some seconds: each question counts against what Cloudflare allows in a day (10,000 on the free plan, official).

mod answers;
mod counting;
mod estimate;

use super::Summary;
use crate::{
    app::App,
    problem::{Code, Outcome, Problem},
    reconcile::cloudflare_ids::account_id,
    services::connections,
};
use cloudflare::{Api, DataGroup, DataQuery, DatasetName, GroupBy};
use counting::{add_others, put};
use domain::{
    edge::data_point::{
        AGENT_BLOB, FORMAT_BLOB, KEPT_DAYS, OUTCOME_BLOB, PATH_BLOB, SPENT_DOUBLE, VISITS_DATASET,
    },
    time::Millis,
    traffic::{Cell, Cube, HOUR_MS, OTHER_PATHS, Wanted},
    visit::VisitStore,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use store::Site;

pub(crate) use answers::Answers;
pub(crate) use estimate::Estimate;

/// The most groups of a question that names paths, and of one by time; beyond them less is told apart.
const GROUPS_MAX: u32 = 10_000;

/// How long a question may take, with what is repeated of it.
const TIME: Duration = Duration::from_secs(20);

/// How long a question waits when Cloudflare asks to; after that it is told.
const PATIENCE: Duration = Duration::from_secs(2);

const HOUR_S: u32 = 3_600;
const DAY_S: u32 = 24 * HOUR_S;

/// Where the site's visits are now: a changed setting counts from its deployment on.
pub(crate) fn store_of(site: &Site) -> VisitStore {
    match &site.recorded.applied {
        Some(applied) if applied.dataset.is_some() => VisitStore::AnalyticsEngine,
        Some(_) => VisitStore::Console,
        None => site.settings.visit_store,
    }
}

/// Counts what Analytics Engine has of a site's visits, and tells how far that can be relied on.
pub(super) async fn count(
    app: &App,
    site: Site,
    wanted: &Wanted,
    summary: &mut Summary,
) -> Outcome<()> {
    let span = (summary.from_hour, summary.to_hour);
    let engine = Engine::open(app, site, wanted.path.as_deref(), span).await?;
    let admits = |cell: &Cell<'_>| wanted.admits(cell.agent, cell.outcome, cell.identity);
    for cell in engine.whole(app).await?.cells().filter(admits) {
        summary.add_of_agent(&cell);
        summary.add_of_path(&cell);
    }
    for (from, to) in [(summary.previous_hour(), span.0), span] {
        for (hour, cube) in engine.steps(app, from, to).await? {
            for cell in cube.cells().filter(admits) {
                let got = (cell.outcome, cell.identity);
                summary.add_at(hour, cell.agent, got, cell.sum.visits);
            }
        }
    }
    summary.estimate = Some(engine.estimate());
    Ok(())
}

/// The visits of a site, for one question.
#[derive(Debug)]
struct Engine {
    api: Api,
    site: Site,
    connection: String,
    dataset: DatasetName,
    /// The beginning of the path that is asked for.
    path: Option<String>,
    /// The hours of the question.
    span: (i64, i64),
    estimate: Mutex<Estimate>,
}

impl Engine {
    /// The way to the site's visits, with its connection's token.
    async fn open(app: &App, site: Site, path: Option<&str>, span: (i64, i64)) -> Outcome<Self> {
        let connection = connections::get(app, site.workspace, site.connection).await?;
        let api = connections::api_for(app, &connection)?.with_patience(PATIENCE);
        let sure = (app.clock.now().0 / HOUR_MS) - KEPT_DAYS * 24;
        // With the time of the same length before, which it is compared with.
        let first = span.0 - (span.1 - span.0);
        Ok(Self {
            api,
            connection: connection.name,
            dataset: VISITS_DATASET
                .parse()
                .expect("a constant that is a dataset's name"),
            path: path.map(str::to_owned),
            span,
            estimate: Mutex::new(Estimate {
                kept_from: (first < sure).then_some(sure),
                ..Estimate::default()
            }),
            site,
        })
    }

    /// How far the counts can be relied on that were read so far.
    fn estimate(&self) -> Estimate {
        let estimate = self.estimate.lock();
        estimate.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The visits of the whole question by agent, path, outcome and format. The paths that are beyond the limit are counted
    /// under one *other*: what all were, less those that are named.
    async fn whole(&self, app: &App) -> Outcome<Cube> {
        let (from, to) = self.span;
        let by = [AGENT_BLOB, PATH_BLOB, OUTCOME_BLOB, FORMAT_BLOB].map(GroupBy::Blob);
        let named = self.ask(app, (from, to), &by).await?;
        let mut cube = Cube::default();
        let mut estimate = (0, 0);
        for group in named.iter() {
            let [agent, path, outcome, format] = group.keys.as_slice() else {
                continue;
            };
            estimate = (estimate.0 + group.written, estimate.1 + group.kept);
            put(&mut cube, [agent, path, outcome, format], group);
        }
        if named.len() >= GROUPS_MAX as usize {
            let by = [AGENT_BLOB, OUTCOME_BLOB, FORMAT_BLOB].map(GroupBy::Blob);
            let all = self.ask(app, (from, to), &by).await?;
            estimate = all.iter().fold((0, 0), |sum, group| {
                (sum.0 + group.written, sum.1 + group.kept)
            });
            add_others(&mut cube, &all, self.other());
        }
        let mut told = self.estimate.lock().unwrap_or_else(PoisonError::into_inner);
        (told.visits, told.points) = estimate;
        drop(told);
        Ok(cube)
    }

    /// The visits of some hours without their paths, by the first hour of a step: an hour, or where these are too many groups a
    /// day.
    async fn steps(&self, app: &App, from: i64, to: i64) -> Outcome<BTreeMap<i64, Cube>> {
        let by = |step| {
            [
                GroupBy::Seconds(step),
                GroupBy::Blob(AGENT_BLOB),
                GroupBy::Blob(OUTCOME_BLOB),
            ]
        };
        let mut hours = 1;
        let mut groups = self.ask(app, (from, to), &by(HOUR_S)).await?;
        if groups.len() >= GROUPS_MAX as usize {
            hours = 24;
            groups = self.ask(app, (from, to), &by(DAY_S)).await?;
        }
        let mut steps: BTreeMap<i64, Cube> = BTreeMap::new();
        for group in groups.iter() {
            let [step, agent, outcome] = group.keys.as_slice() else {
                continue;
            };
            let Ok(step) = step.parse::<i64>() else {
                continue;
            };
            // A day may begin before the first hour that is asked for.
            let start = step.saturating_mul(hours).max(from);
            let cube = steps.entry(start).or_default();
            put(cube, [agent, self.other(), outcome, ""], group);
        }
        Ok(steps)
    }

    /// The path of what is counted without its path: one that the question lets through.
    fn other(&self) -> &str {
        self.path.as_deref().unwrap_or(OTHER_PATHS)
    }

    async fn ask(
        &self,
        app: &App,
        (from, to): (i64, i64),
        group: &[GroupBy],
    ) -> Outcome<Arc<Vec<DataGroup>>> {
        let index = self.site.id.to_string();
        let query = DataQuery {
            dataset: &self.dataset,
            index: &index,
            from: second(from),
            to: second(to),
            group,
            sum: Some(SPENT_DOUBLE),
            begins: self.path.as_deref().map(|path| (PATH_BLOB, path)),
            limit: GROUPS_MAX,
        };
        let key = format!("{} {query:?}", self.site.account);
        if let Some(groups) = app.engine_answers.get(&key) {
            return Ok(groups);
        }
        let groups = match tokio::time::timeout(TIME, self.call(&query)).await {
            Ok(answered) => Arc::new(answered?),
            Err(_) => return Err(late()),
        };
        app.engine_answers.put(key, Arc::clone(&groups));
        Ok(groups)
    }

    async fn call(&self, query: &DataQuery<'_>) -> Outcome<Vec<DataGroup>> {
        let account = account_id(&self.site.account);
        let error = match self.api.query_data_points(&account, query).await {
            Ok(groups) => return Ok(groups),
            Err(error) => error,
        };
        if error.is_forbidden() {
            return Err(self.not_allowed(&error));
        }
        let is_refused = error
            .status
            .is_some_and(|status| (400..500).contains(&status))
            && !error.is_unauthenticated()
            && !error.is_rate_limited();
        // A dataset is there from its first data point on. How its absence is told is not documented, so it is looked up.
        if is_refused
            && let Ok(names) = self.api.list_datasets(&account).await
            && !names.iter().any(|name| name == VISITS_DATASET)
        {
            return Ok(Vec::new());
        }
        Err(error.into())
    }

    fn not_allowed(&self, error: &cloudflare::Error) -> Problem {
        let said = error.into();
        Problem::new(
            Code::InsufficientPermissions,
            format!(
                "The visits of this site are kept in Workers Analytics Engine, and the token of the connection {} may not read them there.",
                self.connection
            ),
        )
        .cause("Account Analytics: Read is missing, or leaves this account out. It is not one of the five permissions: only reading these visits needs it.")
        .cause("Or Analytics Engine is not enabled for the account: Cloudflare answers the same then, as people report.")
        .remedy("Edit the token at Cloudflare (My Profile → API Tokens), add Account → Account Analytics → Read, then look again: an edited token keeps its text, and nothing has to be deployed.")
        .remedy("Or choose in the site's settings that visits are kept by the console, and deploy.")
        .with_cloudflare(said)
    }
}

fn late() -> Problem {
    Problem::new(
        Code::CloudflareUnavailable,
        "Cloudflare did not answer in time what visits there were.",
    )
    .cause("Its Analytics Engine or the way to it is slow at the moment.")
    .remedy("Try again in a minute, or ask for a shorter time; see www.cloudflarestatus.com.")
}

fn second(hour: i64) -> u32 {
    u32::try_from(Millis(hour * HOUR_MS).0 / 1_000).unwrap_or(u32::MAX)
}
