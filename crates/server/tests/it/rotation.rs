//! `key rotate`, killed: whatever the moment, everything is under one key, the old or the new, and the program says
//! which; run again it finishes.

use crate::{
    postgres,
    sealed::{Key, Value, database, everything},
    story::Story,
};
use domain::ids::{ConnectionId, SiteId};
use std::{
    path::{Path, PathBuf},
    process::ExitStatus,
    time::{Duration, Instant},
};
use store::Page;

/// As many connections, and as many sites.
const ROWS: usize = 200;

/// A stopped program on a database with many sealed rows.
struct Vault {
    story: Story,
    /// The file of the key that everything is under.
    present: PathBuf,
    made: usize,
}

impl Vault {
    async fn full(mut story: Story) -> Self {
        let store = database(story.program.database()).await;
        let workspace = store
            .ensure_workspace(domain::time::Millis(0))
            .await
            .expect("it is there");
        let present = story.folder().join("test.key");
        let key = Key::of_file(&present);
        let connections = store
            .list_connections(workspace, &Page::first(1))
            .await
            .expect("reads");
        let sites = store
            .list_sites(workspace, &Page::first(1))
            .await
            .expect("reads");
        for number in 0..ROWS {
            let id = ConnectionId::from_uuid(uuid::Uuid::now_v7());
            let mut connection = connections.items[0].clone();
            (connection.id, connection.name) = (id, format!("connection {number}"));
            connection.token_id = format!("{number:032x}");
            connection.sealed_token = sealed(&key, "connections", "sealed_token", &id.to_string());
            store.create_connection(&connection).await.expect("stored");
            let id = SiteId::from_uuid(uuid::Uuid::now_v7());
            let mut site = sites.items[0].clone();
            (site.id, site.name, site.hostnames) = (id, format!("site {number}"), Vec::new());
            site.sealed_key = sealed(&key, "sites", "sealed_key", &id.to_string());
            store.create_site(&site).await.expect("stored");
        }
        store.close().await.expect("closes");
        story.program.kill().await;
        Self {
            story,
            present,
            made: 0,
        }
    }

    /// A name for the file of a key to come.
    fn next_file(&mut self) -> PathBuf {
        self.made += 1;
        self.story
            .folder()
            .join(format!("rotated-{}.key", self.made))
    }

    fn command(&self, key: &Path, args: &[&str]) -> tokio::process::Command {
        let key = ("EDGE_DELIVERY_KEY_FILE", key.display().to_string());
        let quiet = ("EDGE_DELIVERY_LOG", "error".to_owned());
        self.story.program.command_with(&[key, quiet], args)
    }

    async fn run(&self, key: &Path, args: &[&str]) -> (bool, String) {
        let output = self.command(key, args).output().await.expect("it starts");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }

    /// Starts a rotation and lets `until` decide when it is killed.
    async fn rotate(
        &self,
        new: &Path,
        until: impl AsyncFnOnce(&mut tokio::process::Child),
    ) -> ExitStatus {
        let name = new.to_str().expect("a name");
        let mut child = self
            .command(&self.present, &["key", "rotate", "--new-key-file", name])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("it starts");
        until(&mut child).await;
        // SIGKILL; what has ended already is ended.
        let _ = child.start_kill();
        child.wait().await.expect("it is ours")
    }

    /// The one key that everything is under, of these; everything must open.
    async fn key_of_everything(&self, files: &[&Path]) -> usize {
        let store = database(self.story.program.database()).await;
        let workspace = store
            .ensure_workspace(domain::time::Millis(0))
            .await
            .expect("it is there");
        let values = everything(&store, workspace).await;
        store.close().await.expect("closes");
        assert_eq!(values.len(), 2 * (ROWS + 1) + 1);
        let opened_by = |file: &&&Path| {
            file.exists() && {
                let key = Key::of_file(file);
                values.iter().all(|value| key.open(value).is_some())
            }
        };
        let found: Vec<usize> = files
            .iter()
            .enumerate()
            .filter(|(_, file)| opened_by(file))
            .map(|(index, _)| index)
            .collect();
        assert_eq!(found.len(), 1, "everything is under one key: {found:?}");
        found[0]
    }

    /// Whether the audit log tells of a rotation to this key.
    async fn is_in_the_audit_log(&self, key: &str) -> bool {
        let store = database(self.story.program.database()).await;
        let workspace = store
            .ensure_workspace(domain::time::Millis(0))
            .await
            .expect("it is there");
        let rotations = store::AuditFilter {
            kind: Some("key.rotated".to_owned()),
            subject: None,
        };
        let newest = store
            .list_audit_events(workspace, &rotations, &Page::first(1))
            .await
            .expect("reads");
        store.close().await.expect("closes");
        newest
            .items
            .first()
            .is_some_and(|line| line.event.detail["newKey"] == key)
    }

    /// After a rotation to `new` was killed: one key for everything, the program says which, and a second run ends it.
    /// Answers with whether everything was under the new key.
    async fn is_whole_and_finishes(&mut self, new: PathBuf) -> bool {
        let files = [self.present.clone(), new.clone()];
        let under = self.key_of_everything(&[&files[0], &files[1]]).await;
        let right = Key::of_file(&files[under]).id();
        // Killed before there was a new key, nothing can be told of it.
        let told = new.exists() && self.is_in_the_audit_log(&Key::of_file(&new).id()).await;
        assert_eq!(
            told,
            under == 1,
            "told where it was done, whenever it was killed"
        );
        let (is_good, said) = self.run(&files[under], &["key", "id"]).await;
        assert!(is_good && said.trim() == right, "{said}");
        let (is_good, said) = self.run(&files[1 - under], &["key", "id"]).await;
        assert!(
            !is_good && said.contains(&right),
            "it names the key that is needed: {said}"
        );
        let name = new.to_str().expect("a name").to_owned();
        let (is_good, said) = self
            .run(&self.present, &["key", "rotate", "--new-key-file", &name])
            .await;
        assert!(is_good && said.contains(&Key::of_file(&new).id()), "{said}");
        assert_eq!(said.contains("already"), under == 1, "{said}");
        assert_eq!(self.key_of_everything(&[&files[0], &files[1]]).await, 1);
        self.present = new;
        under == 1
    }
}

fn sealed(key: &Key, table: &'static str, column: &'static str, id: &str) -> Vec<u8> {
    let value = Value {
        table,
        column,
        id: id.to_owned(),
        bytes: Vec::new(),
    };
    key.seal(&value, "local-demo-sealed-00000000000000000000000")
}

/// A random part of a time.
fn part_of(whole: Duration) -> Duration {
    let mut random = [0; 4];
    getrandom::fill(&mut random).expect("random bytes");
    whole.mul_f64(f64::from(u32::from_ne_bytes(random)) / f64::from(u32::MAX))
}

async fn until_there(file: &Path, child: &mut tokio::process::Child) {
    while !file.exists() && child.try_wait().expect("it is ours").is_none() {
        tokio::task::yield_now().await;
    }
}

/// Kills until `wanted` kills have met a running rotation. `settled` waits until the database knows of the death.
async fn killed_at_random_points(mut vault: Vault, wanted: usize, settled: impl AsyncFn()) {
    // One whole run, to know how long each part takes.
    let new = vault.next_file();
    let (begun, mut made) = (Instant::now(), Duration::ZERO);
    let status = vault
        .rotate(&new, async |child| {
            until_there(&new, child).await;
            made = begun.elapsed();
            let _ = child.wait().await;
        })
        .await;
    assert!(status.success());
    let whole = begun.elapsed();
    assert_eq!(vault.key_of_everything(&[&vault.present, &new]).await, 1);
    vault.present = new;

    let (mut killed, mut under_new, mut runs) = (0, 0, 0);
    while killed < wanted {
        runs += 1;
        assert!(
            runs < 10 * wanted,
            "kills come too late: {killed} of {runs}, a run takes {whole:?}"
        );
        let new = vault.next_file();
        let status = vault
            .rotate(&new, async |child| {
                // One of four anywhere; the others while records are sealed.
                let rest = if runs % 4 == 0 {
                    whole
                } else {
                    until_there(&new, child).await;
                    whole - made
                };
                tokio::time::sleep(part_of(rest)).await;
            })
            .await;
        settled().await;
        let is_new = vault.is_whole_and_finishes(new).await;
        // What ended before it was killed is no kill.
        if status.code().is_none() {
            killed += 1;
            under_new += usize::from(is_new);
        }
    }
    println!(
        "{killed} kills in {runs} runs of {whole:?} (key file after {made:?}): {under_new} times under the new key, {} under the old",
        killed - under_new
    );
    assert!(under_new < killed, "some kills come before the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_anywhere_everything_is_under_one_key() {
    let vault = Vault::full(Story::begin().await).await;
    killed_at_random_points(vault, 20, async || {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_anywhere_on_postgres() {
    let database = postgres::Database::new().await;
    let vault = Vault::full(Story::begin_on(database.url()).await).await;
    killed_at_random_points(vault, 8, async || database.is_quiet().await).await;
}
