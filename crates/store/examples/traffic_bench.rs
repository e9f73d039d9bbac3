//! What the traffic benches need from the store and the program rightly does not offer: an ingest key of a known text, and
//! months of counted visits.
//!
//! `traffic_bench key DATABASE_URL SITE KEY_HASH` lets visits of the site come with the key of this hash, beside its own.
//!
//! `traffic_bench seed DATABASE_URL SITE VISITS DAYS AGENTS NOW_MS` counts so many visits into the hours of the last days
//! before now. Agents (comma-separated tokens) and paths are drawn by Zipf's law, from a fixed
//! seed; every hour has as many.
//! `traffic_bench ask DATABASE_URL SITE TIMES AGENT NOW_MS` times what the pages ask of the store alone.
//!
//! A day of hours is counted at a time by the store's own `roll_up`, then days and blocks are folded as the program does.

use domain::{
    identity::Identity,
    ids::{SiteId, WorkspaceId},
    time::Millis,
    traffic::{AdmitsAgent, Course, Cube, Extent, HOUR_MS, Level, Wanted},
    variant::Format,
    visit::{Visit, VisitOutcome},
};
use std::{error::Error, io::Write, sync::Arc, time::Instant};
use store::{Addition, Store, StoreOptions};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Different paths of the pretended site.
const PATHS: usize = 6_000;

/// Hours after a day's end at which it is folded, as the program has it.
const CLOSED_AFTER_HOURS: i64 = 2;

#[tokio::main]
async fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["key", url, site, hash] => key(url, site, hash).await,
        ["seed", url, site, visits, days, agents, now] => {
            let plan = Plan {
                visits: visits.parse()?,
                days: days.parse()?,
                agents: agents.split(',').map(str::to_owned).collect(),
                now: Millis(now.parse()?),
            };
            seed(url, site, &plan).await
        }
        ["ask", url, site, times, agent, now] => {
            ask(url, site, times.parse()?, agent, now.parse()?).await
        }
        _ => Err("the first lines of this file say what to say".into()),
    }
}

/// The store, and the site with its workspace.
async fn open(url: &str, site: &str) -> Outcome<(Store, WorkspaceId, SiteId)> {
    let options = StoreOptions {
        url: url.to_owned(),
        max_connections: 2,
    };
    let store = Store::connect(&options).await?;
    let id: SiteId = site.parse()?;
    let sites = store.all_sites_for_background().await?;
    let found = sites.into_iter().find(|site| site.id == id);
    let workspace = found.ok_or("no such site")?.workspace;
    Ok((store, workspace, id))
}

async fn key(url: &str, site: &str, hash: &str) -> Outcome<()> {
    let (store, workspace, site) = open(url, site).await?;
    let far = Millis(i64::MAX);
    // The former key, the Worker's, stays good.
    if !store
        .set_ingest_key(workspace, site, hash, Millis(0), far)
        .await?
    {
        return Err("no such site".into());
    }
    Ok(store.close().await?)
}

/// Asks as `services::traffic` of the server does: the counts, the days unless a path is given, and the time before.
async fn ask(url: &str, site: &str, times: usize, agent: &str, now: i64) -> Outcome<()> {
    let (store, workspace, site) = open(url, site).await?;
    let to = now.div_euclid(HOUR_MS) + 1;
    let agent = agent.to_owned();
    let only: Arc<AdmitsAgent> = Arc::new(move |token| token == agent);
    let path = Some("/blog/".to_owned());
    let outcomes = vec![VisitOutcome::Origin];
    let nothing = Wanted::default;
    let filters = [
        ("no filter", nothing()),
        (
            "agent",
            Wanted {
                agents: Some(only.clone()),
                ..nothing()
            },
        ),
        (
            "path",
            Wanted {
                path: path.clone(),
                ..nothing()
            },
        ),
        (
            "outcome",
            Wanted {
                outcomes: outcomes.clone(),
                ..nothing()
            },
        ),
        (
            "all three",
            Wanted {
                agents: Some(only),
                path,
                outcomes,
                identities: Vec::new(),
            },
        ),
    ];
    let mut out = std::io::stdout();
    for (range, hours) in [
        ("24h", 24),
        ("7d", 168),
        ("30d", 720),
        ("90d", 2_160),
        ("12mo", 8_760),
    ] {
        for (filter, wanted) in &filters {
            let from = to - hours;
            let by = if hours <= 35 * 24 {
                Level::Hour
            } else {
                Level::Day
            };
            let extent = Extent {
                with_paths: true,
                series_by: wanted.path.is_some().then_some(by),
            };
            let mut waits = Vec::new();
            for _ in 0..times {
                let began = Instant::now();
                let counted =
                    store.traffic_counts(workspace, site, (from, to), wanted.clone(), extent);
                if wanted.path.is_none() {
                    let days = ((from - hours).div_euclid(24), (to + 23).div_euclid(24));
                    let starts = ((from - hours)..to).step_by(24).collect();
                    let course = Course::new(wanted.clone(), starts, to);
                    let course = store.traffic_course(workspace, site, days, course);
                    tokio::try_join!(counted, course)?;
                } else {
                    let extent = Extent {
                        with_paths: false,
                        ..extent
                    };
                    let span = (from - hours, from);
                    let earlier =
                        store.traffic_counts(workspace, site, span, wanted.clone(), extent);
                    tokio::try_join!(counted, earlier)?;
                }
                waits.push(began.elapsed().as_secs_f64() * 1_000.0);
            }
            waits.sort_by(f64::total_cmp);
            let worst = waits[(waits.len() * 99 / 100).min(waits.len() - 1)];
            writeln!(
                out,
                "{range:>5} {filter:<10} {:>8.1} {worst:>8.1}",
                waits[waits.len() / 2]
            )?;
        }
    }
    Ok(())
}

struct Plan {
    visits: u64,
    days: i64,
    agents: Vec<String>,
    now: Millis,
}

async fn seed(url: &str, site: &str, plan: &Plan) -> Outcome<()> {
    let (store, workspace, site) = open(url, site).await?;
    let mut world = World::new(&plan.agents);
    let end = plan.now.0.div_euclid(HOUR_MS);
    let begin = end - plan.days * 24;
    let began = Instant::now();
    let (mut counted, mut hour) = (0, begin);
    while hour < end {
        // Up to the next midnight, so that a day is written once.
        let until = Ord::min(end, (hour.div_euclid(24) + 1) * 24);
        let additions: Vec<Addition> = (hour..until)
            .map(|hour| {
                let due = share(plan.visits, hour + 1 - begin, end - begin);
                let cube = world.hour(hour, due - counted);
                counted = due;
                Addition {
                    workspace,
                    site,
                    hour,
                    cube,
                    dropped: 0,
                }
            })
            .collect();
        store.roll_up(&[], &additions).await?;
        hour = until;
    }
    let before = end - CLOSED_AFTER_HOURS;
    loop {
        let unfolded = store.traffic_to_fold_for_background(before, 64).await?;
        if unfolded.is_empty() {
            break;
        }
        for one in unfolded {
            store.fold_traffic(one).await?;
        }
    }
    store.close().await?;
    writeln!(
        std::io::stdout(),
        "{{\"visits\":{counted},\"hours\":{},\"paths\":{PATHS},\"agents\":{},\"seconds\":{:.0}}}",
        end - begin,
        plan.agents.len(),
        began.elapsed().as_secs_f64()
    )?;
    Ok(())
}

/// How many of all visits have come when `done` of `all` hours are over.
fn share(visits: u64, done: i64, all: i64) -> u64 {
    let part = i128::from(visits) * i128::from(done) / i128::from(all);
    u64::try_from(part).unwrap_or(0)
}

/// What is drawn from.
struct World {
    agents: Vec<String>,
    agents_by_rank: Zipf,
    paths: Vec<String>,
    paths_by_rank: Zipf,
    random: Random,
}

impl World {
    fn new(agents: &[String]) -> Self {
        let section = ["products", "blog", "docs", "help", "categories"];
        let path = |n: usize| {
            let section = section[n % section.len()];
            format!("/{section}/a-page-about-something-{n}")
        };
        Self {
            agents_by_rank: Zipf::new(agents.len(), 1.0),
            agents: agents.to_vec(),
            paths: (0..PATHS).map(path).collect(),
            paths_by_rank: Zipf::new(PATHS, 0.9),
            random: Random(1),
        }
    }

    fn hour(&mut self, hour: i64, visits: u64) -> Cube {
        let mut cube = Cube::default();
        for _ in 0..visits {
            cube.add(&self.visit(hour));
        }
        cube
    }

    fn visit(&mut self, hour: i64) -> Visit {
        let agent = self.agents_by_rank.draw(&mut self.random);
        let path = self.paths_by_rank.draw(&mut self.random);
        // Two pages of three have a variant; a fifth of its readers have it already.
        let dice = self.random.next() % 100;
        let (outcome, format) = match (path % 3, dice) {
            (_, 0) => (VisitOutcome::Error, None),
            (0, _) => (VisitOutcome::Origin, None),
            (_, 1..=20) => (VisitOutcome::NotModified, Some(Format::Html)),
            (_, 21..=30) => (VisitOutcome::Variant, Some(Format::Markdown)),
            _ => (VisitOutcome::Variant, Some(Format::Html)),
        };
        // Some operators publish nothing; one visit in six in the name of one that does is somebody else's.
        let identity = match (agent % 2, self.random.next() % 6) {
            (1, _) => Identity::Claimed,
            (_, 0) => Identity::Contradicted,
            _ => Identity::Verified,
        };
        Visit {
            at: Millis(hour * HOUR_MS),
            agent: self.agents[agent].clone(),
            path: self.paths[path].clone(),
            outcome,
            status: 200,
            revision: None,
            format,
            country: None,
            asn: None,
            spent_ms: u16::try_from(self.random.next() % 20).unwrap_or(0),
            identity,
            user_agent: None,
            network: None,
        }
    }
}

/// Ranks from 0, the first the likeliest.
struct Zipf(Vec<f64>);

impl Zipf {
    fn new(ranks: usize, exponent: f64) -> Self {
        let mut sum = 0.0;
        let mut rank = 0.0_f64;
        let cumulative = (0..ranks).map(|_| {
            rank += 1.0;
            sum += rank.powf(-exponent);
            sum
        });
        Self(cumulative.collect())
    }

    fn draw(&self, random: &mut Random) -> usize {
        let all = self.0.last().copied().unwrap_or(0.0);
        let at = random.fraction() * all;
        let rank = self.0.partition_point(|sum| *sum < at);
        Ord::min(rank, self.0.len() - 1)
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn fraction(&mut self) -> f64 {
        let bits = u32::try_from(self.next() >> 32).unwrap_or(0);
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }
}
