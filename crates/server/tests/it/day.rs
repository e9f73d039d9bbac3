//! A day of visits, in a few minutes or seconds: 40 agents, people, search engines and previews of links ask a site through
//! the edge, some in a name that is not theirs; a proxy before the console delivers some batches twice; the console is down
//! for a while, for longer than the Worker can keep what comes. In the end the counts are exactly what was asked, but for
//! what was told as dropped, and nobody but agents is in them.
//!
//! `EDGE_DELIVERY_DAY` is how many requests are made; `cargo xtask bench day` makes 200,000. All of them are of now: the edge
//! says when a visit was, and nobody can tell it another time.

mod proxy;

use crate::{
    local_cloudflare::{GOOD_TOKEN, LocalCloudflare, SHOP, client},
    program::Program,
    random::Random,
    traffic::{begin_program, is_all_counted},
    verification::{Mirror, google_style, refresh},
};
use proxy::Proxy;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// Requests in the suite.
const FEW: usize = 4_000;
/// More than an isolate keeps while nobody takes them: five batches of 200, and a thousand.
const TOO_MANY: usize = 2_500;
/// How many ask at once.
const AT_ONCE: usize = 24;
/// How many agents there are.
const AGENTS: usize = 40;
/// Pages with a variant, and pages in all.
const PAGES: (u64, u64) = (12, 20);
/// Who asks while the console is down, and to pass the time, and no other time: what is dropped is this one's.
const IN_BETWEEN: &str = "CCBot";
/// The page that it asks for, and nobody else.
const ITS_PAGE: &str = "/in-between";
const PATIENCE: Duration = Duration::from_secs(120);

/// Operators' lists of this day, by agent: examples' addresses (RFC 5737, RFC 3849).
const LISTS: [(&[&str], &str, &[&str]); 3] = [
    (
        &["GPTBot"],
        "openai.com/gptbot.json",
        &["192.0.2.0/28", "2001:db8:1::/48"],
    ),
    (
        &["ClaudeBot", "Claude-User", "Claude-SearchBot"],
        "claude.com/crawling/bots.json",
        &["198.51.100.0/26"],
    ),
    (
        &["PerplexityBot"],
        "www.perplexity.com/perplexitybot.json",
        &["192.0.2.128/25"],
    ),
];

/// Who is no agent.
const NOBODY: [&str; 6] = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "curl/8.14.1",
];

/// An agent of this day.
#[derive(Clone)]
struct Agent {
    token: String,
    user_agent: String,
    /// Addresses of its own, where it is known which those are.
    own: Option<fn(u64) -> String>,
}

fn agents() -> Vec<Agent> {
    let documented: Vec<Value> = serde_json::from_str(include_str!(
        "../../../../worker/test/agents.documented.json"
    ))
    .expect("JSON");
    let own = |token: &str| -> Option<fn(u64) -> String> {
        match token {
            "GPTBot" => Some(|n| match n % 2 {
                0 => format!("192.0.2.{}", n % 16),
                _ => format!("2001:db8:1::{n:x}"),
            }),
            "ClaudeBot" | "Claude-User" | "Claude-SearchBot" => {
                Some(|n| format!("198.51.100.{}", n % 64))
            }
            "PerplexityBot" => Some(|n| format!("192.0.2.{}", 128 + n % 128)),
            _ => None,
        }
    };
    let mut agents: Vec<Agent> = Vec::new();
    for one in documented {
        let token = one["agent"].as_str().expect("a token").to_owned();
        let is_new = agents.iter().all(|known| known.token != token);
        if is_new && agents.len() < AGENTS {
            agents.push(Agent {
                own: own(&token),
                user_agent: one["ua"].as_str().expect("text").to_owned(),
                token,
            });
        }
    }
    assert_eq!(agents.len(), AGENTS);
    assert!(agents.iter().any(|agent| agent.token == IN_BETWEEN));
    agents
}

/// What is to be counted of an agent, or of a page.
type Counts = BTreeMap<(String, &'static str), u64>;

/// What was asked, and what was answered.
#[derive(Default)]
struct Asked {
    agents: u64,
    others: u64,
    counts: Counts,
}

struct Day {
    cloud: LocalCloudflare,
    agents: Vec<Agent>,
    asked: Mutex<Asked>,
    client: reqwest::Client,
}

impl Day {
    /// Asks as somebody who is drawn.
    async fn somebody(&self, mut random: Random) {
        let page = format!("/page-{}", random.below(PAGES.1));
        if random.below(5) < 2 {
            let who = NOBODY[usize::try_from(random.below(6)).expect("small")];
            let address = format!("203.0.113.{}", random.below(256));
            self.ask(who, &address, &page, false).await;
            self.asked.lock().expect("nobody panics").others += 1;
            return;
        }
        let at = usize::try_from(random.below(AGENTS as u64 - 1)).expect("small");
        let mut others = self.agents.iter().filter(|agent| agent.token != IN_BETWEEN);
        let agent = others.nth(at).expect("one of them");
        let is_spoofed = random.below(4) == 0;
        let (address, identity) = match agent.own {
            Some(own) if !is_spoofed => (own(random.below(10_000)), "verified"),
            Some(_) => (format!("203.0.113.{}", random.below(256)), "contradicted"),
            None => (format!("203.0.113.{}", random.below(256)), "claimed"),
        };
        let has_it = random.below(10) == 0;
        self.agent(agent, &address, identity, &page, has_it).await;
    }

    /// Asks as an agent, and notes what must be counted.
    async fn agent(
        &self,
        agent: &Agent,
        address: &str,
        identity: &'static str,
        page: &str,
        has_it: bool,
    ) {
        let outcome = self.ask(&agent.user_agent, address, page, has_it).await;
        let mut asked = self.asked.lock().expect("nobody panics");
        asked.agents += 1;
        for (name, what) in [
            (agent.token.as_str(), "visits"),
            (agent.token.as_str(), identity),
            (agent.token.as_str(), outcome),
            (page, "visits"),
            (page, identity),
            (page, outcome),
        ] {
            *asked.counts.entry((name.to_owned(), what)).or_default() += 1;
        }
    }

    /// One request; answers with what came of it.
    async fn ask(&self, user_agent: &str, address: &str, page: &str, has_it: bool) -> &'static str {
        let mut request = self
            .client
            .get(format!("{}{page}", self.cloud.edge_url()))
            .header("host", "shop.localhost")
            .header("user-agent", user_agent)
            .header("accept", "text/html,*/*;q=0.8")
            .header("x-forwarded-for", address);
        if has_it {
            request = request.header("if-none-match", "*");
        }
        let answer = request.send().await.expect("the edge answers");
        let outcome = match (
            answer.status().as_u16(),
            answer.headers().get("x-edge-delivery"),
        ) {
            (304, _) => "not_modified",
            (200, Some(_)) => "variant",
            // Or since KV was slow: a visitor cannot tell.
            (200, None) => "origin",
            (other, _) => panic!("{page}: {other}"),
        };
        answer.bytes().await.expect("a body");
        outcome
    }

    /// So many requests, some at once.
    async fn requests(self: &Arc<Self>, count: usize, random: &mut Random) {
        let mut asking = JoinSet::new();
        for _ in 0..count {
            if asking.len() >= AT_ONCE {
                asking.join_next().await.expect("some").expect("answered");
            }
            let (day, random) = (self.clone(), random.fork());
            asking.spawn(async move { day.somebody(random).await });
        }
        while let Some(one) = asking.join_next().await {
            one.expect("answered");
        }
    }

    /// So many requests of the one that asks in between.
    async fn in_between(self: &Arc<Self>, count: usize) {
        let agent = self.agents.iter().find(|agent| agent.token == IN_BETWEEN);
        let agent = agent.expect("it is one of them").clone();
        let mut asking = JoinSet::new();
        for _ in 0..count {
            if asking.len() >= AT_ONCE {
                asking.join_next().await.expect("some").expect("answered");
            }
            let (day, agent) = (self.clone(), agent.clone());
            asking.spawn(async move {
                day.agent(&agent, "203.0.113.9", "claimed", ITS_PAGE, false)
                    .await;
            });
        }
        while let Some(one) = asking.join_next().await {
            one.expect("answered");
        }
    }

    fn asked_by_agents(&self) -> u64 {
        self.asked.lock().expect("nobody panics").agents
    }

    /// Waits until the Worker has nothing left to tell; a request now and then lets it begin.
    async fn everything_is_told(self: &Arc<Self>, proxy: &Proxy) {
        let (begun, mut asked_at) = (Instant::now(), Instant::now());
        loop {
            let (visits, dropped) = proxy.acknowledged();
            if visits + dropped == self.asked_by_agents() {
                return;
            }
            assert!(
                begun.elapsed() < PATIENCE && visits + dropped < self.asked_by_agents(),
                "{visits} and {dropped} of {}",
                self.asked_by_agents()
            );
            // A delivery tries for some seconds; what it leaves goes with a later request.
            if asked_at.elapsed() > Duration::from_secs(2) {
                self.in_between(1).await;
                asked_at = Instant::now();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_visits_is_counted_exactly() {
    let count = std::env::var("EDGE_DELIVERY_DAY").ok();
    let count = count.and_then(|text| text.parse().ok()).unwrap_or(FEW);
    let mut random = Random::seeded();
    let mirror = Mirror::start().await;
    for (_, path, prefixes) in LISTS {
        mirror.set(path, 200, &google_style(prefixes), None);
    }
    let cloud = LocalCloudflare::start_with("trusts_forwarded_for = true", "").await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (proxy, address) = Proxy::start().await;
    let more = [
        ("EDGE_DELIVERY_PUBLIC_URL", address.as_str()),
        ("EDGE_DELIVERY_VERIFICATION_MIRROR", mirror.url.as_str()),
        ("EDGE_DELIVERY_LOG", "info"),
    ];
    let mut program = begin_program(folder.path(), &cloud, &more).await;
    proxy.leads_to(&program);
    for (_, path, _) in LISTS {
        let list = refresh(&program, &format!("https://{path}")).await;
        assert_eq!(list["freshness"], "fresh", "{list:#}");
    }
    let connection = program.connect(GOOD_TOKEN).await;
    let site = program.make_site(&connection, SHOP, "shop").await;
    for page in 0..PAGES.0 {
        program
            .publish(&site, &format!("page-{page}"), "<h1>A page</h1>")
            .await;
    }
    let deployment = program.deploy(&site).await;
    assert_eq!(program.ended(&deployment).await["status"], "live");
    let day = Arc::new(Day {
        cloud,
        agents: agents(),
        asked: Mutex::default(),
        client: client(),
    });

    let begun = Instant::now();
    day.requests((count - TOO_MANY) / 2, &mut random).await;
    day.everything_is_told(&proxy).await;
    let (_, dropped) = proxy.acknowledged();
    assert_eq!(dropped, 0, "the console was there");
    program.kill().await;
    day.in_between(TOO_MANY).await;
    program.kill_and_start_again().await;
    proxy.leads_to(&program);
    day.everything_is_told(&proxy).await;
    let (_, dropped) = proxy.acknowledged();
    assert!(dropped > 0, "more came than an isolate keeps");
    day.requests((count - TOO_MANY).div_ceil(2), &mut random)
        .await;
    day.everything_is_told(&proxy).await;
    let took = begun.elapsed();
    is_all_counted(&program).await;
    is_exact(&program, &site, &day, &proxy, took).await;
}

/// The counts are what was asked, but for what was dropped.
async fn is_exact(program: &Program, site: &str, day: &Day, proxy: &Proxy, took: Duration) {
    let path = format!("/sites/{site}/traffic?from=24h");
    let traffic = program.ok("GET", &path, None).await;
    let asked = day.asked.lock().expect("nobody panics");
    let (visits, dropped) = proxy.acknowledged();
    let seen = proxy.seen.lock().expect("nobody panics");
    println!(
        "{} requests in {:.0} s: {} by {AGENTS} agents, {} by others; {} batches acknowledged, {} delivered twice, {} not taken; {} visits counted, {} dropped; {}",
        asked.agents + asked.others,
        took.as_secs_f64(),
        asked.agents,
        asked.others,
        seen.acknowledged.len(),
        seen.twice,
        seen.failed,
        traffic["totals"]["visits"],
        traffic["dropped"],
        traffic["byIdentity"],
    );
    assert!(seen.twice > 0 && seen.failed > 0);
    assert_eq!(visits + dropped, asked.agents);
    assert_eq!(traffic["totals"]["visits"], json!(visits), "{traffic:#}");
    assert_eq!(traffic["dropped"], json!(dropped));
    // What was dropped came in between. Origin and error look the same from outside.
    let read = |row: &Value, what: &str| {
        let field = |name: &str| row[name].as_u64().expect("a number");
        match what {
            "not_modified" => field("notModified"),
            "origin" => field("origin") + field("error"),
            other => field(other),
        }
    };
    let rows = |list: &str, name: &str| -> BTreeMap<String, Value> {
        let rows = traffic[list].as_array().expect("a list").iter();
        rows.map(|row| (row[name].as_str().unwrap_or("").to_owned(), row.clone()))
            .collect()
    };
    let mut known = rows("byAgent", "agent");
    assert_eq!(known.len(), AGENTS, "nobody but agents");
    known.extend(rows("byPath", "path"));
    for ((name, what), expected) in &asked.counts {
        let is_in_between = name == IN_BETWEEN || name == ITS_PAGE;
        let lost = if is_in_between { dropped } else { 0 };
        let row = known.get(name).unwrap_or(&Value::Null);
        assert_eq!(read(row, what) + lost, *expected, "{name} {what}");
    }
    assert_eq!(
        known.len(),
        AGENTS + usize::try_from(PAGES.1).expect("few") + 1
    );
    let spoofed = |name: &str| asked.counts.get(&(name.to_owned(), "contradicted"));
    assert!(spoofed("GPTBot").is_some() && spoofed("ClaudeBot").is_some());
}
