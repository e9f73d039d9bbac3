//! Servers are killed while they take visits, at random points: nothing that was acknowledged is lost, nothing counts twice.
//!
//! Senders do as a Worker does: a batch has one id, and is sent until somebody acknowledges it. Each kill comes after a drawn
//! number of further acknowledgements, and some turns of the scheduler later. Some acknowledged batches are sent again, as by
//! a proxy that repeats; the others are not, so that one that was lost after its acknowledgement is missed.

use crate::{
    local_cloudflare::client,
    postgres::Database,
    program::Program,
    random::Random,
    story::Story,
    traffic::{begin, is_all_counted, now},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Mutex, watch},
    task::JoinSet,
};

/// How often servers are killed.
const KILLS: u64 = 20;
/// How many send at once.
const SENDERS: usize = 4;

/// What was sent, and acknowledged at least once.
#[derive(Debug, Default)]
struct Sent {
    batches: u64,
    visits: u64,
    dropped: u64,
    repeated: u64,
    /// Tries that no server answered.
    unanswered: u64,
}

/// What all senders know.
struct Field {
    client: reqwest::Client,
    key: String,
    /// Where servers answer. It changes after each new start.
    servers: watch::Receiver<Vec<String>>,
    /// How many batches were acknowledged.
    acknowledged: watch::Sender<u64>,
    is_over: watch::Receiver<bool>,
    sent: Mutex<Sent>,
}

/// What servers are to have counted.
struct Batch {
    id: String,
    visits: u64,
    dropped: u64,
    body: String,
}

impl Batch {
    fn drawn(id: String, random: &mut Random) -> Self {
        let visits = 1 + random.below(40);
        let dropped = random.below(3);
        let visit = json!({ "t": now(), "agent": "ClaudeBot", "path": format!("/{}", random.below(30)),
            "outcome": "variant", "status": 200, "format": "html", "ip": "192.0.2.7", "ms": 4 });
        let body = Value::Array(vec![visit; usize::try_from(visits).expect("a few")]).to_string();
        Self {
            id,
            visits,
            dropped,
            body,
        }
    }

    /// Whether this server acknowledged it.
    async fn is_taken_by(&self, server: &str, field: &Field) -> Result<(), String> {
        let answer = field
            .client
            .post(format!("{server}/ingest/v1/visits"))
            .bearer_auth(&field.key)
            .header("idempotency-key", &self.id)
            .header("x-edge-delivery-dropped", self.dropped)
            .body(self.body.clone())
            .send()
            .await
            .map_err(|error| error.to_string())?;
        match answer.status().as_u16() {
            204 => Ok(()),
            // Told to wait, which the test has no need of.
            429 => Err("429".to_owned()),
            other => panic!("{other}: {}", answer.text().await.unwrap_or_default()),
        }
    }
}

/// Sends until it is over, and until the last batch is acknowledged.
async fn send(field: Arc<Field>, number: usize, mut random: Random) {
    let mut servers = field.servers.clone();
    for count in 0.. {
        if *field.is_over.borrow() {
            return;
        }
        let batch = Batch::drawn(format!("{number}-{count}"), &mut random);
        let mut tries = 0;
        loop {
            let at = servers.borrow_and_update().clone();
            let server = &at[(number + tries) % at.len()];
            tries += 1;
            if batch.is_taken_by(server, &field).await.is_ok() {
                break;
            }
            field.sent.lock().await.unanswered += 1;
            if tries % at.len() == 0 {
                // Nobody is there: until somebody is again, which may have been meanwhile.
                let _ = tokio::time::timeout(Duration::from_millis(200), servers.changed()).await;
            }
        }
        let mut sent = field.sent.lock().await;
        sent.batches += 1;
        sent.visits += batch.visits;
        sent.dropped += batch.dropped;
        let is_repeated = random.below(4) == 0;
        sent.repeated += u64::from(is_repeated);
        drop(sent);
        field.acknowledged.send_modify(|count| *count += 1);
        if is_repeated {
            // By whom it was not taken the first time, if there are two; whether it is answered does not matter.
            let at = servers.borrow().clone();
            let _ = batch
                .is_taken_by(&at[(number + tries) % at.len()], &field)
                .await;
        }
    }
}

/// Kills one server after the other while visits come.
async fn killed_again_and_again(key: String, programs: &mut [&mut Program]) -> Sent {
    let mut random = Random::seeded();
    let addresses = |programs: &[&mut Program]| -> Vec<String> {
        programs.iter().map(|one| one.base().to_owned()).collect()
    };
    let (told, servers) = watch::channel(addresses(programs));
    let (end, is_over) = watch::channel(false);
    let field = Arc::new(Field {
        client: client(),
        key,
        servers,
        acknowledged: watch::channel(0).0,
        is_over,
        sent: Mutex::default(),
    });
    let mut senders = JoinSet::new();
    for number in 0..SENDERS {
        senders.spawn(send(field.clone(), number, random.fork()));
    }
    let mut acknowledged = field.acknowledged.subscribe();
    for kill in 0..KILLS {
        // Mostly soon after a start; now and then late enough for hours to be counted meanwhile.
        let more = [3, 20, 80][usize::try_from(random.below(3)).expect("small")];
        let enough = *acknowledged.borrow() + random.below(more);
        let waited = acknowledged.wait_for(|count| *count >= enough);
        let waited = tokio::time::timeout(Duration::from_secs(60), waited).await;
        waited.expect("visits are taken").expect("somebody tells");
        for _ in 0..random.below(60) {
            tokio::task::yield_now().await;
        }
        let one = usize::try_from(kill).expect("small") % programs.len();
        programs[one].kill_and_start_again().await;
        told.send(addresses(programs)).expect("senders listen");
    }
    end.send(true).expect("senders listen");
    while let Some(sender) = senders.join_next().await {
        sender.expect("a sender ends well");
    }
    let field = Arc::into_inner(field).expect("senders are gone");
    field.sent.into_inner()
}

/// Nothing is left to count, and the counts are what was sent.
async fn is_counted_once(program: &Program, site: &str, sent: &Sent) {
    is_all_counted(program).await;
    let path = format!("/sites/{site}/traffic?from=24h");
    let traffic = program.ok("GET", &path, None).await;
    println!("{sent:?}, counted {}", traffic["totals"]["visits"]);
    assert_eq!(
        (&traffic["totals"]["visits"], &traffic["dropped"]),
        (&json!(sent.visits), &json!(sent.dropped)),
        "{sent:?}"
    );
    let by_path = traffic["byPath"].as_array().expect("paths").iter();
    let by_path: u64 = by_path.filter_map(|path| path["visits"].as_u64()).sum();
    assert_eq!(by_path, sent.visits);
    assert!(sent.unanswered >= 1 && sent.repeated >= 1, "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_loses_nothing_and_counts_once() {
    let mut story = begin().await;
    story.deployed().await;
    let key = story.cloud.site_key();
    let sent = killed_again_and_again(key, &mut [&mut story.program]).await;
    is_counted_once(&story.program, &story.site, &sent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_postgres_lose_nothing_and_count_once() {
    let database = Database::new().await;
    let mut story = Story::begin_on(database.url()).await;
    story.deployed().await;
    let key = story.cloud.site_key();
    let mut second = Program::start_on(database.url(), story.folder(), &story.cloud).await;
    let sent = killed_again_and_again(key, &mut [&mut story.program, &mut second]).await;
    is_counted_once(&second, &story.site, &sent).await;
    is_counted_once(&story.program, &story.site, &sent).await;
}
