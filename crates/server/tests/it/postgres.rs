//! A PostgreSQL database for one test.

use tokio::process::Command;

/// A database of one's own; dropped with the value.
pub(crate) struct Database {
    admin_url: String,
    name: String,
}

impl Database {
    pub(crate) async fn new() -> Self {
        let Ok(admin_url) = std::env::var("EDGE_DELIVERY_TEST_POSTGRES_URL") else {
            panic!(
                "EDGE_DELIVERY_TEST_POSTGRES_URL is not set: run cargo xtask test, which starts one"
            );
        };
        let name = format!("server_{}", uuid::Uuid::now_v7().simple());
        let made = psql(&admin_url, &format!("CREATE DATABASE {name}"))
            .output()
            .await
            .expect("psql starts");
        assert!(made.status.success(), "{made:?}");
        Self { admin_url, name }
    }

    /// Runs a statement in it.
    pub(crate) async fn execute(&self, statement: &str) {
        let done = psql(&self.url(), statement).output().await;
        assert!(done.expect("psql starts").status.success(), "{statement}");
    }

    /// Waits until nobody is connected: the server learns of a killed process only when it looks.
    pub(crate) async fn is_quiet(&self) {
        let statement = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}'",
            self.name
        );
        let begun = std::time::Instant::now();
        loop {
            let asked = psql(&self.admin_url, &statement)
                .arg("--tuples-only")
                .output()
                .await
                .expect("psql starts");
            if String::from_utf8_lossy(&asked.stdout).trim() == "0" {
                return;
            }
            assert!(
                begun.elapsed().as_secs() < 60,
                "somebody stays connected: {asked:?}"
            );
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn url(&self) -> String {
        let mut url = url::Url::parse(&self.admin_url).expect("an address");
        url.set_path(&self.name);
        url.to_string()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        // Inside `drop` nothing can be awaited, and a failure must not hide the test's own.
        let _ = psql(&self.admin_url, &statement).as_std_mut().output();
    }
}

fn psql(url: &str, statement: &str) -> Command {
    let mut command = Command::new("psql");
    command.args(["--no-psqlrc", "--quiet", "--command", statement, url]);
    command
}
