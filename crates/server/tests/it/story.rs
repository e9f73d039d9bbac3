//! What most tests begin with.

use crate::{
    local_cloudflare::{GOOD_TOKEN, LocalCloudflare, SHOP},
    program::Program,
};
use tempfile::TempDir;

/// A program with a connected account and a site that is not deployed.
pub(crate) struct Story {
    pub(crate) program: Program,
    pub(crate) cloud: LocalCloudflare,
    pub(crate) connection: String,
    pub(crate) site: String,
    /// Outlives the program.
    folder: TempDir,
}

impl Story {
    pub(crate) async fn begin() -> Self {
        Self::begin_in(LocalCloudflare::start_with("", "").await).await
    }

    /// With switches of the local Cloudflare set.
    pub(crate) async fn begin_with_switches(switches: &str) -> Self {
        Self::begin_in(LocalCloudflare::start_with(switches, "").await).await
    }

    /// With more in the account's state.
    pub(crate) async fn begin_with(more: &str) -> Self {
        Self::begin_in(LocalCloudflare::start_with("", more).await).await
    }

    async fn begin_in(cloud: LocalCloudflare) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let program = Program::start(folder.path(), &cloud).await;
        Self::of(program, cloud, folder).await
    }

    /// On PostgreSQL.
    pub(crate) async fn begin_on(database: String) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let cloud = LocalCloudflare::start_with("", "").await;
        let program = Program::start_on(database, folder.path(), &cloud).await;
        Self::of(program, cloud, folder).await
    }

    /// With more settings of the program.
    pub(crate) async fn begin_with_settings(more: &[(&'static str, &str)]) -> Self {
        Self::begin_with_all("", "", more).await
    }

    /// With switches of the local Cloudflare, more in its state, and more settings of the program.
    pub(crate) async fn begin_with_all(
        switches: &str,
        state: &str,
        more: &[(&'static str, &str)],
    ) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let cloud = LocalCloudflare::start_with(switches, state).await;
        let database = format!("sqlite://{}/test.db", folder.path().display());
        let program = Program::start_with(database, folder.path(), &cloud, more).await;
        Self::of(program, cloud, folder).await
    }

    async fn of(program: Program, cloud: LocalCloudflare, folder: TempDir) -> Self {
        let connection = program.connect(GOOD_TOKEN).await;
        let site = program.make_site(&connection, SHOP, "shop").await;
        Self {
            program,
            cloud,
            connection,
            site,
            folder,
        }
    }

    /// Where its data is.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Deploys the site; it must go live.
    pub(crate) async fn deployed(&self) -> serde_json::Value {
        let deployment = self.program.deploy(&self.site).await;
        let ended = self.program.ended(&deployment).await;
        assert_eq!(ended["status"], "live", "{ended:#}");
        ended
    }

    /// Exactly one of each of ours is in the account, and the second plan is empty.
    pub(crate) async fn is_whole(&self) {
        let state = self.cloud.state().await;
        for table in ["namespaces", "scripts", "routes"] {
            assert_eq!(
                state[table].as_array().map(Vec::len),
                Some(1),
                "{table}: {state:#}"
            );
        }
        let plan = self.program.plan(&self.site).await;
        assert_eq!(plan["steps"], serde_json::json!([]), "{plan:#}");
        assert_eq!(plan["conflicts"], serde_json::json!([]), "{plan:#}");
    }
}
