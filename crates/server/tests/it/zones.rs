//! A token that reaches many accounts and zones: read in pages, kept, searched, chosen from.

use crate::{
    local_cloudflare::{ACCOUNT, GOOD_TOKEN, LocalCloudflare, SHOP, client},
    program::Program,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    time::{Duration, Instant},
};

/// May do different things in different places; see [`many`].
const MIXED_TOKEN: &str = "local-demo-mixed-00000000000000000000000";

fn account(number: usize) -> String {
    format!("a1{number:030}")
}

fn zone(account: usize, number: usize) -> String {
    format!("b1{account:010}{number:020}")
}

fn name(account: usize, number: usize) -> String {
    format!("z{number:03}.account-{account:03}.example")
}

/// So many accounts with so many zones each.
fn many(accounts: usize, zones: usize, status: impl Fn(usize, usize) -> &'static str) -> String {
    let mut text = String::new();
    for a in 0..accounts {
        let (id, title) = (account(a), format!("Account {a:03}"));
        writeln!(text, "[[accounts]]\nid = \"{id}\"\nname = \"{title}\"").expect("text");
        for z in 0..zones {
            writeln!(
                text,
                "[[zones]]\nid = \"{}\"\naccount = \"{id}\"\nname = \"{}\"\n{}",
                zone(a, z),
                name(a, z),
                status(a, z)
            )
            .expect("text");
        }
    }
    text
}

/// Everything but KV in account 1 and routes outside a few zones.
fn mixed_token(kv: &[usize], routes: &[String]) -> String {
    let list = |ids: Vec<String>| format!("{ids:?}");
    format!(
        "[[tokens]]\nvalue = \"{MIXED_TOKEN}\"\npermissions = {{ workers_scripts = \"edit\", account_settings = \"read\", zone = \"read\" }}\n\
         [[tokens.policies]]\naccounts = {}\npermissions = {{ workers_kv_storage = \"edit\" }}\n\
         [[tokens.policies]]\nzones = {}\npermissions = {{ workers_routes = \"edit\" }}\n",
        list(kv.iter().map(|number| account(*number)).collect()),
        list(routes.to_vec()),
    )
}

struct World {
    program: Program,
    cloud: LocalCloudflare,
    connection: String,
    folder: tempfile::TempDir,
}

async fn world(more: &str, token: &str) -> World {
    let cloud = LocalCloudflare::start_with("", more).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = Program::start(folder.path(), &cloud).await;
    let connection = program.connect(token).await;
    World {
        program,
        cloud,
        connection,
        folder,
    }
}

impl World {
    async fn zones(&self, query: &str) -> Value {
        let path = format!("/connections/{}/zones{query}", self.connection);
        self.program.ok("GET", &path, None).await
    }

    async fn refused(&self, query: &str) -> (u16, String) {
        let path = format!("/connections/{}/zones{query}", self.connection);
        let (status, problem) = self.program.call("GET", &path, None).await;
        (status, problem.to_string())
    }

    /// All pages of a list.
    async fn walk(&self, query: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.zones(&format!("?{query}{cursor}")).await;
            items.extend(page["items"].as_array().expect("items").iter().cloned());
            match page["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// Chooses accounts.
    async fn choose(&self, ids: &[String]) -> (u16, Value) {
        let path = format!("/connections/{}", self.connection);
        let body = json!({ "accounts": ids });
        self.program.call("PATCH", &path, Some(&body)).await
    }

    async fn signed_in(&self) -> Browser {
        let answer = client()
            .post(format!("{}/first-run", self.program.base()))
            .form(&[
                ("email", "owner@example.com"),
                ("password", "canary-password-0000"),
            ])
            .send()
            .await
            .expect("an answer");
        let cookie = crate::bare::cookie_of(&answer).expect("a session");
        Browser {
            base: self.program.base().to_owned(),
            cookie,
        }
    }
}

/// Somebody signed in to the console, without scripts.
struct Browser {
    base: String,
    cookie: String,
}

impl Browser {
    async fn get(&self, path: &str) -> String {
        let answer = client()
            .get(format!("{}{path}", self.base))
            .header("cookie", &self.cookie)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.expect("text")
    }

    /// Looks again until the text is there.
    async fn until(&self, path: &str, text: &str) -> String {
        let begun = Instant::now();
        loop {
            let html = self.get(path).await;
            if html.contains(text) {
                return html;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{path}: {html}");
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let answer = client()
            .post(format!("{}{path}", self.base))
            .header("cookie", &self.cookie)
            .header("origin", &self.base)
            .form(fields)
            .send()
            .await
            .expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("text"))
    }
}

fn names(items: &[Value]) -> Vec<&str> {
    items
        .iter()
        .map(|item| item["name"].as_str().expect("a name"))
        .collect()
}

fn items(answer: &Value) -> &[Value] {
    answer["items"].as_array().expect("items")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_zones_are_kept_and_paged() {
    let more = many(20, 100, |_, z| match z {
        7 => "status = \"pending\"",
        8 => "paused = true",
        _ => "",
    });
    let world = world(&more, GOOD_TOKEN).await;
    // 2,002 zones in pages of 50.
    assert_eq!(world.cloud.count_of("GET", "/zones").await, 41);

    // What was read by the check is kept; a walk through pages asks nothing.
    let all = world.walk("limit=200").await;
    assert_eq!(world.cloud.count_of("GET", "/zones").await, 41);
    assert_eq!(all.len(), 2_002);
    assert!(names(&all).is_sorted());
    let ids: BTreeSet<&str> = all.iter().filter_map(|zone| zone["id"].as_str()).collect();
    assert_eq!(ids.len(), 2_002);

    // The filter and each zone's own word agree.
    let cannot = world.walk("limit=200&deployable=false").await;
    assert_eq!(cannot.len(), 40);
    let said: Vec<&Value> = all
        .iter()
        .filter(|zone| zone["deployable"] == false)
        .collect();
    assert_eq!(cannot.iter().collect::<Vec<_>>(), said);
    assert_eq!(world.walk("limit=199&deployable=true").await.len(), 1_962);

    let one = world
        .walk(&format!("limit=30&accountId={}", account(3)))
        .await;
    assert_eq!(one.len(), 100);
    assert!(one.iter().all(|zone| zone["accountName"] == "Account 003"));
    for (text, count) in [
        ("Z042.", 20),
        ("account-019", 100),
        ("z0__", 0),
        ("%25", 0),
        ("shop.local", 1),
    ] {
        let found = world.walk(&format!("limit=50&q={text}")).await;
        assert_eq!(found.len(), count, "{text}");
    }
    let both = format!("?q=z001&accountId={}&deployable=true", account(5));
    assert_eq!(names(items(&world.zones(&both).await)), [name(5, 1)]);
    assert_eq!(world.cloud.count_of("GET", "/zones").await, 41);

    for query in [
        "?limit=0",
        "?limit=201",
        "?limit=x",
        "?cursor=nonsense",
        "?accountId=nonsense",
        "?deployable=maybe",
        "?page=2",
    ] {
        assert_eq!(world.refused(query).await.0, 422, "{query}");
    }
    let long = format!("?q={}", "x".repeat(254));
    assert_eq!(world.refused(&long).await.0, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_refresh_at_once_cause_one_reading() {
    let world = world(&many(3, 200, |_, _| ""), GOOD_TOKEN).await;
    assert_eq!(world.cloud.count_of("GET", "/zones").await, 13);
    let before = world.zones("?limit=1").await["readAt"].clone();
    world.cloud.latency(60).await;
    let asked = futures_of(5, || world.zones("?limit=1&refresh=true")).await;
    world.cloud.latency(0).await;
    assert_eq!(world.cloud.count_of("GET", "/zones").await, 26);
    for answer in &asked {
        assert!(answer["readAt"].as_str() > before.as_str(), "{answer}");
    }
    // Few zones are read whenever all are asked for, many not again within seconds.
    assert_eq!(items(&world.zones("").await).len(), 602);
    assert_eq!(world.cloud.count_of("GET", "/zones").await, 26);
}

/// The same call several times at once.
async fn futures_of<F: Future<Output = Value>>(count: usize, call: impl Fn() -> F) -> Vec<Value> {
    let calls: Vec<_> = (0..count).map(|_| call()).collect();
    futures::future::join_all(calls).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_zone_says_why_not() {
    let more = many(4, 6, |_, z| match z {
        1 => "status = \"pending\"",
        2 => "status = \"moved\"",
        3 => "paused = true",
        _ => "",
    });
    let token = mixed_token(
        &[0, 2, 3],
        &[zone(0, 0), zone(0, 1), zone(2, 0), zone(3, 0)],
    );
    let world = world(&format!("{more}{token}"), MIXED_TOKEN).await;
    let answer = world.zones("").await;
    let said: BTreeMap<&str, (bool, &str)> = items(&answer)
        .iter()
        .map(|zone| {
            let reason = zone["reason"].as_str().unwrap_or_default();
            assert_eq!(zone["deployable"] == true, reason.is_empty(), "{zone}");
            (
                zone["name"].as_str().expect("a name"),
                (zone["deployable"] == true, reason),
            )
        })
        .collect();
    for (zone, part) in [
        (name(0, 0), ""),
        (name(0, 1), "pending"),
        (name(0, 2), "moved"),
        (name(0, 3), "paused"),
        (name(0, 4), "lacks Workers Routes: Edit on this zone"),
        (name(1, 0), "lacks Workers KV Storage: Edit in this account"),
        (name(1, 1), "pending"),
    ] {
        let (is_deployable, reason) = said[zone.as_str()];
        assert_eq!(is_deployable, part.is_empty(), "{zone}");
        assert!(reason.contains(part), "{zone}: {reason}");
    }
    // Those that can be deployed to stand first.
    let is_sorted = items(&answer)
        .iter()
        .map(|zone| zone["deployable"] != true)
        .is_sorted();
    assert!(is_sorted);

    // Whoever wants one all the same is told the same, by its code.
    for (zone, status, code) in [
        (zone(0, 1), 422, "zone_not_active"),
        (zone(0, 3), 422, "zone_not_active"),
        (zone(0, 4), 422, "insufficient_permissions"),
        (zone(1, 0), 422, "insufficient_permissions"),
    ] {
        let body = json!({ "connectionId": world.connection, "zoneId": zone, "name": "x" });
        let (answered, problem) = world.program.call("POST", "/sites", Some(&body)).await;
        assert_eq!(
            (answered, problem["code"].as_str()),
            (status, Some(code)),
            "{problem:#}"
        );
    }
    world
        .program
        .make_site(&world.connection, &zone(0, 0), "x")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_are_asked_when_a_zone_is_shown() {
    // The check asks a few zones; the thirtieth of this account is not among them.
    let open: Vec<String> = (0..40).filter(|z| *z != 30).map(|z| zone(0, z)).collect();
    let token = mixed_token(&[0], &open);
    let world = world(&format!("{}{token}", many(1, 40, |_, _| "")), MIXED_TOKEN).await;
    let path = format!("?limit=5&q={}", name(0, 30));
    let unasked = world.zones(&path).await["items"][0].clone();
    assert_eq!(
        (&unasked["routes"], &unasked["deployable"]),
        (&json!("unknown"), &json!(true))
    );
    assert!(
        unasked["routesDetail"]
            .as_str()
            .is_some_and(|text| text.contains("not asked"))
    );

    let browser = world.signed_in().await;
    let page = format!("/connections/{}?q=z030", world.connection);
    let html = browser.get(&page).await;
    assert!(html.contains("Not asked"), "{html}");
    assert!(
        html.contains("hx-trigger=\"load\""),
        "it asks by itself where scripts run"
    );
    let html = browser.get(&format!("{page}&ask=yes")).await;
    assert!(
        html.contains("lacks Workers Routes: Edit on this zone"),
        "{html}"
    );
    // It is kept, through a new reading too.
    let known = world.zones(&format!("{path}&refresh=true")).await["items"][0].clone();
    assert_eq!(
        (&known["routes"], &known["deployable"]),
        (&json!("no"), &json!(false))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_chosen() {
    let world = world(&many(3, 2, |_, _| ""), GOOD_TOKEN).await;
    let (status, problem) = world.choose(&["f".repeat(32)]).await;
    assert_eq!(
        (status, &problem["errors"][0]["field"]),
        (422, &json!("accounts"))
    );
    assert_eq!(world.choose(&[]).await.0, 422);

    let (status, connection) = world.choose(&[ACCOUNT.to_owned(), account(1)]).await;
    assert_eq!(status, 200, "{connection:#}");
    let chosen: Vec<bool> = connection["accounts"]
        .as_array()
        .expect("accounts")
        .iter()
        .map(|account| account["chosen"] == true)
        .collect();
    assert_eq!(chosen.iter().filter(|chosen| **chosen).count(), 2);
    let left_out = world
        .walk(&format!("limit=5&accountId={}", account(0)))
        .await;
    for zone in &left_out {
        assert_eq!(zone["deployable"], false);
        assert!(
            zone["reason"]
                .as_str()
                .is_some_and(|text| text.contains("not among")),
            "{zone}"
        );
    }
    assert_eq!(world.walk("limit=3&deployable=true").await.len(), 4);
    let body = json!({ "connectionId": world.connection, "zoneId": zone(0, 0), "name": "x" });
    let (status, problem) = world.program.call("POST", "/sites", Some(&body)).await;
    assert_eq!(
        (status, &problem["code"]),
        (409, &json!("invalid_state")),
        "{problem:#}"
    );

    // An account with a site stays.
    world
        .program
        .make_site(&world.connection, SHOP, "shop")
        .await;
    let (status, problem) = world.choose(&[account(1)]).await;
    assert_eq!((status, &problem["code"]), (409, &json!("invalid_state")));
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(
        detail.contains("Sample account") && detail.contains("shop"),
        "{detail}"
    );

    // A new check leaves the choice alone; naming all is the default again.
    let path = format!("/connections/{}/check", world.connection);
    world.program.ok("POST", &path, None).await;
    assert_eq!(world.walk("limit=200&deployable=true").await.len(), 4);
    let all: Vec<String> = (0..3).map(account).chain([ACCOUNT.to_owned()]).collect();
    assert_eq!(world.choose(&all).await.0, 200);
    assert_eq!(world.walk("limit=200&deployable=true").await.len(), 8);

    // The same by hand: what was not shown stays as it is.
    let browser = world.signed_in().await;
    let page = format!("/connections/{}", world.connection);
    let html = browser.get(&page).await;
    assert_eq!(html.matches("name=\"shown\"").count(), 4);
    let (first, second) = (account(0), account(1));
    let fields = [
        ("shown", first.as_str()),
        ("shown", &second),
        ("use", &second),
    ];
    assert_eq!(
        browser.post(&format!("{page}/accounts"), &fields).await.0,
        303
    );
    assert_eq!(world.walk("limit=200&deployable=true").await.len(), 6);
    let (status, html) = browser
        .post(&format!("{page}/accounts"), &[("shown", ACCOUNT)])
        .await;
    assert_eq!(status, 409);
    assert!(html.contains("the site shop is deployed in it"), "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_sees_what_changed() {
    let mut first = world(&many(1, 3, |_, _| ""), GOOD_TOKEN).await;
    first.program.kill().await;
    // The same account later: one zone is paused, one gone, another account is there.
    let later = many(2, 2, |a, z| {
        if (a, z) == (0, 1) {
            "paused = true"
        } else {
            ""
        }
    });
    let cloud = LocalCloudflare::start_with("", &later).await;
    let program = Program::start(first.folder.path(), &cloud).await;
    let world = World {
        program,
        cloud,
        connection: first.connection.clone(),
        folder: first.folder,
    };
    let kept = world.zones("?limit=50").await;
    assert_eq!(items(&kept).len(), 5, "kept from before: {kept:#}");
    let fresh = world.zones("?limit=50&refresh=true").await;
    assert_eq!(
        names(items(&fresh)),
        [
            "blog.localhost",
            "shop.localhost",
            &name(0, 0),
            &name(1, 0),
            &name(0, 1),
            &name(1, 1)
        ]
    );
    assert!(fresh["readAt"].as_str() > kept["readAt"].as_str());
    let paused = &items(&fresh)[4];
    assert_eq!(
        (&paused["paused"], &paused["deployable"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(items(&fresh)[3]["accountName"], "Account 001");
    assert_eq!(world.cloud.count_of("GET", "/accounts").await, 1);

    // Without parameters it is as it is now, also at once.
    world.cloud.fault("GET", "^/zones$", "html", 100).await;
    let (status, problem) = world.refused("").await;
    assert_eq!(status, 502, "{problem}");
    // What is kept is there all the same.
    assert_eq!(items(&world.zones("?limit=50").await).len(), 6);
    let browser = world.signed_in().await;
    let page = format!("/connections/{}", world.connection);
    let (status, html) = browser.post(&format!("{page}/zones/read"), &[]).await;
    assert_eq!(status, 502);
    assert!(html.contains(&name(1, 1)), "the kept zones stay in sight");
    world.cloud.no_faults().await;
    assert_eq!(
        browser.post(&format!("{page}/zones/read"), &[]).await.0,
        303
    );
}

/// Makes the stored reading an hour old, and empties it, while no program runs.
async fn age(folder: &std::path::Path, connection: &str) {
    let store = store::Store::connect(&store::StoreOptions {
        url: format!("sqlite://{}/test.db", folder.display()),
        max_connections: 1,
    })
    .await
    .expect("the database is there");
    let workspace = store
        .ensure_workspace(domain::time::Millis(0))
        .await
        .expect("there is one");
    let id = connection.parse().expect("an id");
    let mut stored = store
        .connection(workspace, id)
        .await
        .expect("reads")
        .expect("is there");
    stored.zones_read_at = stored.zones_read_at.map(|at| at.plus_seconds(-3_600));
    store
        .delete_connection(workspace, id)
        .await
        .expect("writes");
    store.create_connection(&stored).await.expect("writes");
    store.close().await.expect("closes");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_reading_is_renewed_when_somebody_looks() {
    let mut world = world("", GOOD_TOKEN).await;
    let page = format!("/connections/{}", world.connection);
    world.program.kill().await;
    age(world.folder.path(), &world.connection).await;
    world.program = Program::start(world.folder.path(), &world.cloud).await;
    let browser = world.signed_in().await;
    let asked = world.cloud.count_of("GET", "/zones").await;

    // It cannot be read: said, with its age, and not tried again at once.
    world.cloud.fault("GET", "^/zones$", "html", 100).await;
    let html = browser.until(&page, "zones-title").await;
    assert!(
        html.contains("60 min ago") || html.contains("61 min ago"),
        "{html}"
    );
    let failed = world.cloud.count_of("GET", "/zones").await;
    assert!(failed > asked);
    assert!(browser.get(&page).await.contains("zones-title"));
    assert!(items(&world.zones("?limit=5").await).is_empty());
    assert_eq!(world.cloud.count_of("GET", "/zones").await, failed);

    // By hand it is, and then it is fresh.
    world.cloud.no_faults().await;
    assert_eq!(
        browser.post(&format!("{page}/zones/read"), &[]).await.0,
        303
    );
    assert_eq!(items(&world.zones("?limit=5").await).len(), 2);
    assert_eq!(world.cloud.count_of("GET", "/zones").await, failed + 1);

    // And by itself, for whoever looks next.
    world.program.kill().await;
    age(world.folder.path(), &world.connection).await;
    world.program = Program::start(world.folder.path(), &world.cloud).await;
    assert_eq!(items(&world.zones("?limit=5").await).len(), 2);
    assert_eq!(world.cloud.count_of("GET", "/zones").await, failed + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_stay_light() {
    let mut small = world("", GOOD_TOKEN).await;
    small.program.kill().await;
    let cloud = LocalCloudflare::start_with("", &many(300, 5, |_, _| "")).await;
    let world = World {
        program: Program::start(small.folder.path(), &cloud).await,
        cloud,
        connection: small.connection.clone(),
        folder: small.folder,
    };
    world.zones("?limit=1&refresh=true").await;
    let browser = world.signed_in().await;
    let page = format!("/connections/{}", world.connection);
    let html = browser.get(&page).await;
    assert!(html.contains("1,502 zones"), "{html}");
    assert!(html.contains("Page 1 of 16"));
    assert!(html.len() < 100_000, "{} bytes", html.len());
    let next = html
        .split(&format!("href=\"{page}?"))
        .find(|rest| rest.contains("Next 25"))
        .and_then(|rest| rest.split('"').next())
        .expect("a next page")
        .replace("&amp;", "&")
        .replace("&#38;", "&");
    let second = browser
        .get(&format!("{page}?{}", next.replace("#zones", "")))
        .await;
    assert!(second.contains("Back to the first"));
    assert!(!second.contains("blog.localhost</th>"));
    let one = browser
        .get(&format!("{page}?account={}", account(299)))
        .await;
    assert!(
        one.contains("5 zones, 5 deployable") && one.contains("Account 299"),
        "{one}"
    );
    let found = browser.get(&format!("{page}?accounts=account+299")).await;
    assert_eq!(found.matches("name=\"shown\"").count(), 1);

    let choose = format!("/sites/new?connection={}", world.connection);
    let html = browser.get(&choose).await;
    assert!(html.len() < 100_000, "{} bytes", html.len());
    assert_eq!(html.matches("type=\"radio\"").count(), 25);
    let marked = browser
        .get(&format!("{choose}&zone={}", zone(299, 4)))
        .await;
    assert!(marked.contains(&format!("value=\"{}\" required checked", zone(299, 4))));
    let found = browser.get(&format!("{choose}&q=z003.account-123")).await;
    assert_eq!(found.matches("type=\"radio\"").count(), 1);
    let none = browser.get(&format!("{choose}&q=%3Cscript%3E")).await;
    assert!(
        none.contains("No zone fits") && !none.contains("<script>"),
        "{none}"
    );
}
