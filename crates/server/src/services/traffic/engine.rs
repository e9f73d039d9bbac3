//! Visits that a site keeps in Cloudflare's Workers Analytics Engine, as counts in the shapes in which our own database
//! gives them, so that nobody who asks needs to know.
//!
//! Three things are different, and are told ([`Estimate`]): Cloudflare samples, so counts are estimates; it keeps three
//! months; and nobody is judged, since the Worker writes no address: every visit counts as *claimed*. Answers are kept in
//! memory for some seconds: each question counts against what Cloudflare allows in a day (10,000 on the free plan, official).

mod answers;
mod counting;
mod estimate;

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
    traffic::{Cube, Day, HOUR_MS, Level, OTHER_PATHS, Stretch},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use store::{CountedStretch, Site};

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

/// The visits of a site, for one question.
#[derive(Debug)]
pub(super) struct Engine {
    api: Api,
    site: Site,
    connection: String,
    dataset: DatasetName,
    /// The beginning of the path that is asked for.
    path: Option<String>,
    estimate: Mutex<Estimate>,
}

impl Engine {
    /// The way to the site's visits, with its connection's token.
    pub(super) async fn open(
        app: &App,
        site: Site,
        path: Option<&str>,
        span: (i64, i64),
    ) -> Outcome<Self> {
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
            estimate: Mutex::new(Estimate {
                kept_from: (first < sure).then_some(sure),
                ..Estimate::default()
            }),
            site,
        })
    }

    /// How far the counts can be relied on that were read so far.
    pub(super) fn estimate(&self) -> Estimate {
        let estimate = self.estimate.lock();
        estimate.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// As `Store::traffic`. Where the level is a block, all hours are one piece that begins with the first of them; else the
    /// pieces tell no paths apart.
    pub(super) async fn traffic(
        &self,
        app: &App,
        from: i64,
        to: i64,
        coarsest: Level,
    ) -> Outcome<Vec<CountedStretch>> {
        match coarsest {
            Level::Block => self.whole(app, from, to).await,
            Level::Day => self.steps(app, from, to, Level::Day).await,
            Level::Hour => self.steps(app, from, to, Level::Hour).await,
        }
    }

    /// As `Store::traffic_days`. Where hours make too many groups, a day's visits stand in
    /// its first hour.
    pub(super) async fn days(&self, app: &App, from: i64, to: i64) -> Outcome<Vec<(i64, Day)>> {
        let mut days: BTreeMap<i64, Day> = BTreeMap::new();
        for piece in self.steps(app, from * 24, to * 24, Level::Hour).await? {
            let (hour, day) = (piece.stretch.start, piece.stretch.start.div_euclid(24));
            let counts = days.entry(day).or_default();
            for cell in piece.cube.cells() {
                counts.add(
                    usize::try_from(hour.rem_euclid(24)).unwrap_or(0),
                    cell.agent,
                    cell.outcome,
                    cell.identity,
                    u32::try_from(cell.sum.visits).unwrap_or(u32::MAX),
                );
            }
        }
        Ok(days.into_iter().collect())
    }

    /// The visits of the whole question by agent, path, outcome and format. The paths that are beyond the limit are counted
    /// under one *other*: what all were, less those that are named.
    async fn whole(&self, app: &App, from: i64, to: i64) -> Outcome<Vec<CountedStretch>> {
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
        Ok(pieces(from, cube))
    }

    /// The visits in steps of hours or days, without their paths.
    async fn steps(
        &self,
        app: &App,
        from: i64,
        to: i64,
        finest: Level,
    ) -> Outcome<Vec<CountedStretch>> {
        let by = |step| {
            [
                GroupBy::Seconds(step),
                GroupBy::Blob(AGENT_BLOB),
                GroupBy::Blob(OUTCOME_BLOB),
            ]
        };
        let mut level = finest;
        let mut groups = self.ask(app, (from, to), &by(seconds(level))).await?;
        if groups.len() >= GROUPS_MAX as usize && level == Level::Hour {
            level = Level::Day;
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
            let start = (step * level.hours()).max(from);
            let cube = steps.entry(start).or_default();
            put(cube, [agent, self.other(), outcome, ""], group);
        }
        Ok(steps
            .into_iter()
            .map(|(start, cube)| CountedStretch {
                stretch: Stretch {
                    level: Level::Hour,
                    start,
                },
                cube,
            })
            .collect())
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

const fn seconds(level: Level) -> u32 {
    match level {
        Level::Hour => HOUR_S,
        Level::Day | Level::Block => DAY_S,
    }
}

fn pieces(start: i64, cube: Cube) -> Vec<CountedStretch> {
    vec![CountedStretch {
        stretch: Stretch {
            level: Level::Hour,
            start,
        },
        cube,
    }]
}
