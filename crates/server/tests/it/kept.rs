//! What is kept of visits and for how long, whose key a Worker has, and who comes that is in no list.

use crate::{
    console::Console,
    local_cloudflare::client,
    postgres::Database,
    program::Program,
    sealed::database,
    story::Story,
    traffic::{CHROME, GPTBOT, begin, counted, now, send, visit, visits},
};
use domain::{
    identity::Identity,
    ids::{SiteId, WorkspaceId},
    time::Millis,
    visit::{Visit, VisitOutcome},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use store::{NewBatch, PackedBatch, Store, VisitQuery};

const PATIENCE: Duration = Duration::from_secs(60);

/// What came is in no list, and calls itself a bot.
const NEWSROOM: &str = "Mozilla/5.0 (compatible; NewsroomBot/1.0; +https://newsroom.example/bot)";

/// A telephone whose maker's name ends like a bot's.
const PHONE: &str = "Mozilla/5.0 (Linux; Android 13; CUBOT KINGKONG 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36";

/// Asks until it is so.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
}

async fn store_of(program: &Program) -> (Store, WorkspaceId) {
    let store = database(program.database()).await;
    let workspace = store.ensure_workspace(Millis(0)).await;
    (store, workspace.expect("it is there"))
}

fn hash_of(key: &str) -> String {
    hex::encode(Sha256::digest(key))
}

async fn refusals(program: &Program) -> String {
    let answer = client()
        .get(format!("{}/metrics", program.base()))
        .send()
        .await
        .expect("an answer");
    let text = answer.text().await.expect("text");
    let lines = text.lines().filter(|line| {
        line.starts_with("edge_delivery_ingest_refused_total") && !line.ends_with(" 0")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether a key is taken; what is sent counts.
async fn is_taken(program: &Program, key: &str, batch: &str) -> bool {
    match send(program, key, batch, visits(1, "/by-hand")).await.0 {
        204 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_replaced_while_visits_flow() {
    let story = begin().await;
    story.deployed().await;
    let (program, site) = (&story.program, story.site.as_str());
    let former = story.cloud.site_key();
    let is_enough = Arc::new(AtomicBool::new(false));
    let flowing = tokio::spawn({
        let is_enough = Arc::clone(&is_enough);
        let url = format!("{}/flowing", story.cloud.edge_url());
        async move {
            let mut count = 0;
            while !is_enough.load(Ordering::Relaxed) {
                let answer = client()
                    .get(&url)
                    .header("host", "shop.localhost")
                    .header("user-agent", GPTBOT)
                    .send()
                    .await
                    .expect("the edge answers");
                assert_eq!(answer.status(), 200);
                answer.bytes().await.expect("a body");
                count += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            count
        }
    });
    // A deployment that fails first: the former key holds.
    let rotate = format!("/sites/{site}/ingest-key/rotate");
    story
        .cloud
        .fault_of(&json!({ "match": { "method": "PUT", "path": "/workers/scripts/" }, "kind": "before", "status": 400,
            "code": 10_021, "times": 1 }))
        .await;
    let failing = program.ok("POST", &rotate, None).await;
    assert_eq!(failing["state"], "deploying", "{failing:#}");
    let deployment = failing["deployment"]["id"].as_str().expect("an id");
    assert_eq!(program.ended(deployment).await["status"], "failed");
    assert_eq!(story.cloud.site_key(), former, "nothing was uploaded");
    assert!(is_taken(program, &former, "hand-1").await);
    let plan = program.plan(site).await;
    assert!(
        plan["steps"][0]["reason"]
            .as_str()
            .expect("a step")
            .contains("a new key"),
        "{plan:#}"
    );
    let pending = program.ok("GET", &format!("/sites/{site}"), None).await;
    assert_eq!(
        pending["notDeployed"],
        json!(["another key of the site"]),
        "{pending:#}"
    );
    // The same key goes on its way again.
    let again = program.ok("POST", &rotate, None).await;
    let deployment = again["deployment"]["id"].as_str().expect("an id");
    let ended = program.ended(deployment).await;
    assert_eq!(ended["status"], "live", "{ended:#}");
    assert_eq!(
        ended["proof"]["edge"][0]["answered"], true,
        "asked with the new key: {ended:#}"
    );
    let new = story.cloud.site_key();
    assert_ne!(new, former);
    assert!(is_taken(program, &new, "hand-2").await);
    assert!(
        is_taken(program, &former, "hand-3").await,
        "for some minutes"
    );
    let (store, workspace) = store_of(program).await;
    let id: SiteId = site.parse().expect("an id");
    until("the new key becomes the site's own", async || {
        let key = store.site_key(workspace, id).await.expect("read");
        key.expect("it is there").next.is_none()
    })
    .await;
    assert!(
        is_taken(program, &former, "hand-4").await,
        "for some minutes"
    );
    // Nothing is left to do, and the Worker is asked with the key that it has.
    assert_eq!(program.plan(site).await["steps"], json!([]));
    let ended = story.deployed().await;
    assert_eq!(ended["proof"]["edge"][0]["answered"], true, "{ended:#}");
    is_enough.store(true, Ordering::Relaxed);
    let count: u64 = flowing.await.expect("it ends");
    assert!(count > 0);
    assert_eq!(refusals(program).await, "", "no moment without a good key");
    let traffic = counted(&story, site, count + 4).await;
    let pages = traffic["byPath"].as_array().expect("a list");
    let flowed = pages.iter().find(|page| page["path"] == "/flowing");
    assert_eq!(flowed.expect("it came")["visits"], count, "none is lost");
    // What time does in ten minutes.
    let present = store.site_key(workspace, id).await.expect("read");
    let present = present.expect("it is there").hash;
    assert_eq!(present, hash_of(&new));
    store
        .end_former_ingest_keys(workspace, id, &present, Millis(now()))
        .await
        .expect("ended");
    let mut number = 4;
    until("the former key is refused", async || {
        number += 1;
        !is_taken(program, &former, &format!("hand-{number}")).await
    })
    .await;
    assert!(is_taken(program, &new, "hand-last").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_replaced_by_command_and_console() {
    let mut story = begin().await;
    let rotate = format!("/sites/{}/ingest-key/rotate", story.site);
    let (store, workspace) = store_of(&story.program).await;
    let id: SiteId = story.site.parse().expect("an id");
    // Nobody has the key of a site that was never deployed.
    let at_once = story.program.ok("POST", &rotate, None).await;
    assert_eq!(at_once, json!({ "state": "done", "deployment": null }));
    story.deployed().await;
    let first = story.cloud.site_key();
    let hash = store.site_key(workspace, id).await.expect("read");
    assert_eq!(hash.expect("it is there").hash, hash_of(&first));
    // By command without a server; the next one finishes it.
    story.program.kill().await;
    let said = story
        .program
        .run(&["key", "rotate", "--site", "shop", "--json"])
        .await;
    assert!(said.status.success(), "{said:?}");
    let said: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    assert_eq!(said["status"], "live");
    let second = story.cloud.site_key();
    assert_ne!(second, first);
    story.program.kill_and_start_again().await;
    until("the new key becomes the site's own", async || {
        let key = store.site_key(workspace, id).await.expect("read");
        key.expect("it is there").next.is_none()
    })
    .await;
    let both = story.program.run(&["key", "rotate"]).await;
    assert_eq!(both.status.code(), Some(2), "one of the two keys is named");
    // In the console, once it was ticked.
    let console = Console::open(&story).await;
    let page = console
        .post(&format!("/sites/{}/ingest-key", story.site), "")
        .await;
    assert_eq!(page.status, 422);
    assert!(page.text.contains("nothing was changed"));
    let page = console
        .post(&format!("/sites/{}/ingest-key", story.site), "sure=yes")
        .await;
    let deployment = page
        .location
        .strip_prefix("/deployments/")
        .expect("the deployment's page");
    assert_eq!(story.program.ended(deployment).await["status"], "live");
    assert_ne!(story.cloud.site_key(), second);
    // A site that stands on an earlier Worker stays there.
    let earlier = story.deployed().await;
    let settings = json!({ "settings": { "kvDeadlineMs": 700 } });
    let site = format!("/sites/{}", story.site);
    story.program.ok("PATCH", &site, Some(&settings)).await;
    story.deployed().await;
    let back = format!(
        "/deployments/{}/rollback",
        earlier["id"].as_str().expect("an id")
    );
    let back = story.program.ok("POST", &back, None).await;
    let ended = story
        .program
        .ended(back["id"].as_str().expect("an id"))
        .await;
    assert_eq!(ended["status"], "live", "{ended:#}");
    let third = story.cloud.site_key();
    let waits = story.program.ok("POST", &rotate, None).await;
    assert_eq!(waits, json!({ "state": "waiting", "deployment": null }));
    assert!(is_taken(&story.program, &third, "waits").await);
    story.deployed().await;
    assert_ne!(story.cloud.site_key(), third);
    let audit = story
        .program
        .ok("GET", "/audit?kind=site.key_rotated", None)
        .await;
    assert_eq!(
        audit["items"].as_array().map(Vec::len),
        Some(4),
        "{audit:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_asked_for_during_a_deployment_comes_after_it() {
    let story = begin().await;
    story.deployed().await;
    let (program, site) = (&story.program, story.site.as_str());
    let former = story.cloud.site_key();
    let settings = json!({ "settings": { "kvDeadlineMs": 700 } });
    program
        .ok("PATCH", &format!("/sites/{site}"), Some(&settings))
        .await;
    story.cloud.latency(150).await;
    let running = program.deploy(site).await;
    program
        .until(&format!("/deployments/{running}"), |deployment| {
            deployment["steps"]
                .as_array()
                .is_some_and(|it| !it.is_empty())
        })
        .await;
    let rotate = format!("/sites/{site}/ingest-key/rotate");
    let rotation = program.ok("POST", &rotate, None).await;
    assert_eq!(rotation["deployment"]["id"], running.as_str());
    assert_eq!(program.ended(&running).await["status"], "live");
    story.cloud.latency(0).await;
    assert_eq!(story.cloud.site_key(), former, "it had begun without it");
    let (store, workspace) = store_of(program).await;
    let id: SiteId = site.parse().expect("an id");
    until("another deployment brings the new key", async || {
        let key = store.site_key(workspace, id).await.expect("read");
        key.expect("it is there").next.is_none()
    })
    .await;
    assert_ne!(story.cloud.site_key(), former);
    assert_eq!(refusals(program).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_visits_of_a_site_are_deleted_when_asked() {
    let story = begin().await;
    story.deployed().await;
    let (program, site) = (&story.program, story.site.as_str());
    let key = story.cloud.site_key();
    let send_some = async |batch: &str, count| {
        let sent = send(program, &key, batch, visits(count, "/a")).await;
        assert_eq!(sent.0, 204);
    };
    send_some("one", 50).await;
    counted(&story, site, 50).await;
    let kept = format!("/sites/{site}/visits");
    let before = program.ok("GET", &kept, None).await;
    assert_eq!(before["keptDays"], 30);
    assert!(before["oldest"].is_string() && before["deletionAskedAt"].is_null());
    let (status, asked) = program.call("DELETE", &kept, None).await;
    assert_eq!(status, 202, "{asked:#}");
    // From the answer on.
    let path = format!("/sites/{site}/traffic");
    let traffic = program.ok("GET", &path, None).await;
    assert_eq!(traffic["totals"]["visits"], 0, "{traffic:#}");
    assert_eq!(traffic["dropped"], 0);
    send_some("two", 7).await;
    program
        .until(&kept, |kept| kept["deletionAskedAt"].is_null())
        .await;
    counted(&story, site, 7).await;

    // By command, which asks.
    let said = program.run(&["traffic", "shop", "--delete"]).await;
    assert!(!said.status.success());
    let text = String::from_utf8_lossy(&said.stderr);
    assert!(text.contains("--yes"), "{text}");
    let said = program
        .run(&["traffic", "shop", "--delete", "--yes", "--json"])
        .await;
    assert!(said.status.success(), "{said:?}");
    let said: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    assert_eq!(said["oldest"], Value::Null);
    counted(&story, site, 0).await;

    // In the console, by the site's name.
    send_some("three", 3).await;
    counted(&story, site, 3).await;
    let console = Console::open(&story).await;
    let settings = console.get(&format!("/sites/{site}/settings")).await;
    assert!(settings.text.contains("Delete all visits of this site"));
    let address = format!("/sites/{site}/visits/delete");
    let page = console.get(&address).await;
    assert!(page.text.contains("Every single visit is deleted"));
    let page = console.post(&address, "confirm=blog").await;
    assert_eq!(page.status, 422);
    counted(&story, site, 3).await;
    let page = console.post(&address, "confirm=shop").await;
    assert_eq!(
        page.location,
        format!("/sites/{site}/settings?done=visits-deleted")
    );
    counted(&story, site, 0).await;
    let audit = program
        .ok("GET", "/audit?kind=site.visits_deleted", None)
        .await;
    assert_eq!(
        audit["items"].as_array().map(Vec::len),
        Some(3),
        "{audit:#}"
    );
    let none = format!("/sites/{}/visits", uuid::Uuid::nil());
    assert_eq!(program.call("DELETE", &none, None).await.0, 404);
}

fn one(at: i64) -> Visit {
    Visit {
        at: Millis(at),
        agent: "GPTBot".to_owned(),
        path: "/old".to_owned(),
        outcome: VisitOutcome::Origin,
        status: 200,
        revision: None,
        format: None,
        country: None,
        asn: None,
        spent_ms: 1,
        identity: Identity::Claimed,
        user_agent: None,
        network: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn single_visits_go_after_their_days_and_counts_stay() {
    let mut story = begin().await;
    story.deployed().await;
    let id: SiteId = story.site.parse().expect("an id");
    let (store, workspace) = store_of(&story.program).await;
    let key_hash = hash_of(&story.cloud.site_key());
    let day = 24 * 3_600_000;
    let batches: Vec<PackedBatch> = [40, 31, 29, 5, 0]
        .into_iter()
        .map(|days| {
            PackedBatch::of(&NewBatch {
                workspace,
                site: id,
                key_hash: key_hash.clone(),
                batch: format!("{days} days"),
                received_at: Millis(now()),
                dropped: 0,
                visits: vec![one(now() - days * day); 3],
            })
        })
        .collect();
    let written = store.append_visits(&batches, Millis(now())).await;
    assert_eq!(written.expect("written"), 5);
    let totals = async |story: &Story| {
        let path = format!("/sites/{}/traffic?from=90d", story.site);
        let all = |traffic: &Value| traffic["totals"]["visits"] == 15;
        story.program.until(&path, all).await;
    };
    totals(&story).await;
    let left = async || {
        let query = VisitQuery {
            from: Millis(0),
            to: Millis(i64::MAX),
            after: 0,
            limit: 100,
        };
        let batches = store.visit_batches(workspace, id, query).await;
        batches.expect("read").len()
    };
    let site = format!("/sites/{}", story.site);
    for days in [0, 366] {
        let body = json!({ "settings": { "visitsKeptDays": days } });
        let (status, problem) = story.program.call("PATCH", &site, Some(&body)).await;
        assert_eq!(status, 422);
        assert_eq!(problem["errors"][0]["field"], "visitsKeptDays");
    }
    // Every start looks, and every ten minutes.
    story.program.kill_and_start_again().await;
    until("what is older than 30 days goes", async || {
        left().await == 3
    })
    .await;
    totals(&story).await;
    let console = Console::open(&story).await;
    let form = "name=shop&hostnames=shop.localhost&deadline=300&slash=keep&undo=yes&plan=unknown&on_change=mark&withhold=yes";
    let page = console
        .post(&format!("{site}/settings"), &format!("{form}&kept_days=x"))
        .await;
    assert_eq!(page.status, 422);
    let page = console
        .post(&format!("{site}/settings"), &format!("{form}&kept_days=4"))
        .await;
    assert_eq!(page.location, format!("{site}/settings?done=saved"));
    story.program.kill_and_start_again().await;
    until("what is older than 4 days goes", async || left().await == 1).await;
    totals(&story).await;
    let metrics = client()
        .get(format!("{}/metrics", story.program.base()))
        .send()
        .await
        .expect("an answer");
    let metrics = metrics.text().await.expect("text");
    assert!(
        metrics.contains("edge_delivery_visit_batches_deleted_total{why=\"age\"} 2"),
        "{metrics}"
    );
}

/// The registry with one more agent.
async fn newer_registry(program: &Program) -> Value {
    let mut document = program.ok("GET", "/agents/document", None).await;
    document["version"] = "2030-01-01".into();
    document["agents"].as_array_mut().expect("a list").push(json!({
        "token": "NewsroomBot", "operator": "Newsroom", "purpose": "search", "evidence": "reported"
    }));
    document
}

async fn agents_of(story: &Story, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/sites/{}/traffic?from=24h", story.site);
    story.program.until(&path, is_wanted).await
}

fn visits_of(traffic: &Value, agent: &str) -> u64 {
    let agents = traffic["byAgent"].as_array().expect("a list");
    let found = agents.iter().find(|found| found["agent"] == agent);
    found.map_or(0, |found| found["visits"].as_u64().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn bots_in_no_list_are_told_and_people_are_not_recorded() {
    let story = begin().await;
    story
        .program
        .publish(&story.site, "pricing", "<h1>Prices</h1>")
        .await;
    story.deployed().await;
    for _ in 0..3 {
        for user_agent in [NEWSROOM, CHROME, PHONE, "curl/8.14.1", "okhttp/5.1.0"] {
            visit(&story, user_agent, "/pricing").await;
        }
        visit(
            &story,
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "/pricing",
        )
        .await;
    }
    visit(&story, "OtherCrawler/2", "/").await;
    visit(&story, GPTBOT, "/pricing").await;
    let traffic = agents_of(&story, |traffic| traffic["totals"]["visits"] == 5).await;
    assert_eq!(visits_of(&traffic, "unknown"), 4, "{traffic:#}");
    assert_eq!(traffic["totals"]["origin"], 4, "{traffic:#}");
    let path = format!("/sites/{}/traffic/unknown-bots", story.site);
    let found = story.program.ok("GET", &path, None).await;
    assert_eq!(found["complete"], true);
    assert_eq!(found["userAgents"], 2, "{found:#}");
    assert_eq!(found["items"][0]["userAgent"], NEWSROOM);
    assert_eq!(found["items"][0]["visits"], 3);
    assert_eq!(found["items"][0]["served"], 0);
    assert_eq!(found["items"][1]["userAgent"], "OtherCrawler/2");
    for bad in ["days=0", "days=366", "days=x", "other=1"] {
        let (status, _) = story
            .program
            .call("GET", &format!("{path}?{bad}"), None)
            .await;
        assert_eq!(status, 422, "{bad}");
    }
}

/// Visits of somebody new, as the Worker tells of them.
fn newsroom(count: usize) -> String {
    let visit = json!({ "t": now(), "agent": "unknown", "path": "/a", "outcome": "origin", "status": 0,
        "ua": NEWSROOM, "ip": "192.0.2.7" });
    Value::Array(vec![visit; count]).to_string()
}

/// A registry that knows somebody new: what was counted as unknown is theirs, once, also when the program is killed.
async fn is_read_again(mut story: Story) {
    story.deployed().await;
    let key = story.cloud.site_key();
    let mut expected = 0;
    for batch in 0..60 {
        let (status, _) = send(&story.program, &key, &format!("b{batch}"), newsroom(20)).await;
        assert_eq!(status, 204);
        expected += 20;
    }
    let (status, _) = send(&story.program, &key, "else", visits(5, "/a")).await;
    assert_eq!(status, 204);
    agents_of(&story, |traffic| {
        visits_of(traffic, "unknown") == expected && visits_of(traffic, "ClaudeBot") == 5
    })
    .await;
    let document = newer_registry(&story.program).await;
    let staged = story.program.ok("PUT", "/agents", Some(&document)).await;
    let digest = json!({ "digest": staged["staged"]["digest"] });
    story
        .program
        .ok("POST", "/agents/activate", Some(&digest))
        .await;
    let total = expected + 5;
    let mut moved = 0;
    while moved < expected {
        // Killed each time that it got on: no visit is counted twice, none is lost.
        let traffic = agents_of(&story, |traffic| {
            assert_eq!(traffic["totals"]["visits"], total, "{traffic:#}");
            visits_of(traffic, "NewsroomBot") > moved
        })
        .await;
        moved = visits_of(&traffic, "NewsroomBot");
        println!("{moved} of {expected} visits are read again");
        story.program.kill_and_start_again().await;
    }
    let traffic = agents_of(&story, |traffic| {
        assert_eq!(traffic["totals"]["visits"], total);
        visits_of(traffic, "NewsroomBot") == expected
    })
    .await;
    assert_eq!(visits_of(&traffic, "unknown"), 0);
    let series: u64 = traffic["series"]
        .as_array()
        .expect("a series")
        .iter()
        .map(|point| point["agents"]["NewsroomBot"].as_u64().unwrap_or(0))
        .sum();
    assert_eq!(series, expected);
    assert_eq!(traffic["byIdentity"][1]["identity"], "claimed");
    assert_eq!(traffic["byIdentity"][1]["visits"], total);
    // The Worker still has the former table; what it tells is read by the new one.
    let (status, _) = send(&story.program, &key, "after", newsroom(3)).await;
    assert_eq!(status, 204);
    agents_of(&story, |traffic| {
        visits_of(traffic, "NewsroomBot") == expected + 3
    })
    .await;
    let path = format!("/sites/{}/traffic/unknown-bots", story.site);
    let found = story.program.ok("GET", &path, None).await;
    assert_eq!(found["items"], json!([]), "{found:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_registry_gives_unknown_visits_to_their_agent() {
    is_read_again(begin().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_on_postgres() {
    let database = Database::new().await;
    is_read_again(Story::begin_on(database.url()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_kept_shortened_where_a_site_says_so() {
    let story = begin().await;
    story.deployed().await;
    let id: SiteId = story.site.parse().expect("an id");
    let (store, workspace) = store_of(&story.program).await;
    let key = story.cloud.site_key();
    let mut number = 0;
    let mut newest = async || {
        number += 1;
        let batch = format!("n{number}");
        let (status, _) = send(&story.program, &key, &batch, visits(1, "/a")).await;
        assert_eq!(status, 204);
        let newest = store.newest_visit_batches(workspace, id, 100).await;
        let newest = newest.expect("read").into_iter().max_by_key(|it| it.id);
        newest.expect("it is there").visits[0].network.clone()
    };
    assert_eq!(newest().await, None);
    let site = format!("/sites/{}", story.site);
    for is_wanted in [true, false] {
        let body = json!({ "settings": { "keepsNetwork": is_wanted } });
        let changed = story.program.ok("PATCH", &site, Some(&body)).await;
        assert_eq!(changed["settings"]["keepsNetwork"], is_wanted);
        let expected = is_wanted.then(|| "192.0.2.0/24".to_owned());
        until("the setting is taken up", async || {
            newest().await == expected
        })
        .await;
    }
}
