//! A site's life: deployed, changed, rolled back, removed; and after each action the proof that the account is as wished.

use super::{
    calls::Act,
    lanes::{Lane, World},
};
use crate::program::{Program, id_of};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const GPTBOT: &str = "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)";

/// A site that lives.
pub(crate) struct Life<'a> {
    pub(crate) world: &'a World,
    pub(crate) lane: &'a Lane,
    pub(crate) site: String,
    /// What was in the account before.
    before: Value,
    /// The first deployment.
    first: Option<String>,
    /// For messages.
    name: String,
}

impl<'a> Life<'a> {
    /// Connects the account, makes the site and publishes its first page.
    pub(crate) async fn begin(
        world: &'a World,
        program: &Program,
        lane: &'a Lane,
        number: usize,
        name: String,
    ) -> Self {
        let before = world.dump(lane).await;
        let connection = program.connect(&lane.token(number)).await;
        let site = program
            .make_site(&connection, &lane.zone, &format!("lane {}", lane.number))
            .await;
        program.publish(&site, "", "<h1>variant</h1>").await;
        Self {
            world,
            lane,
            site,
            before,
            first: None,
            name,
        }
    }

    /// Asks for the action; answers with its deployment.
    pub(crate) async fn ask(&mut self, program: &Program, act: Act) -> String {
        let site = format!("/sites/{}", self.site);
        let host = &self.lane.host;
        match act {
            Act::Deploy => {
                let deployment = program.deploy(&self.site).await;
                self.first = Some(deployment.clone());
                deployment
            }
            Act::Update => {
                let change = json!({
                    "settings": { "kvDeadlineMs": 500 },
                    "hostnames": [host, format!("www.{host}")],
                });
                program.ok("PATCH", &site, Some(&change)).await;
                program.deploy(&self.site).await
            }
            Act::Narrow => {
                let change = json!({ "hostnames": [host] });
                program.ok("PATCH", &site, Some(&change)).await;
                program.deploy(&self.site).await
            }
            Act::Rollback => {
                let first = self.first.as_ref().expect("deployed before");
                let path = format!("/deployments/{first}/rollback");
                id_of(&program.ok("POST", &path, Some(&json!({}))).await)
            }
            Act::Remove => program.remove(&self.site).await,
        }
    }

    /// Waits for the end of the action; where it failed, it is continued. Answers with how often that was.
    pub(crate) async fn arrive(&mut self, program: &Program, act: Act, deployment: &str) -> u32 {
        let wanted = if act == Act::Remove {
            "removed"
        } else {
            "live"
        };
        let mut ended = program.followed(deployment).await;
        let mut continued = 0;
        while ended["status"] != wanted {
            assert!(continued < 3, "{}: {ended:#}", self.name);
            continued += 1;
            assert_eq!(ended["status"], "failed", "{}: {ended:#}", self.name);
            let path = format!("/deployments/{}/continue", id_of(&ended));
            let next = id_of(&program.ok("POST", &path, Some(&json!({}))).await);
            if act == Act::Deploy {
                self.first = Some(next.clone());
            }
            ended = program.followed(&next).await;
        }
        continued
    }

    /// The wished state is reached, the second plan is empty, nothing is left over, and nothing foreign was touched.
    pub(crate) async fn is_as_wished(&self, program: &Program, act: Act) {
        let name = &self.name;
        let dump = self.world.dump(self.lane).await;
        if act == Act::Remove {
            assert_eq!(dump, self.before, "{name}");
            let (status, _) = program
                .call("GET", &format!("/sites/{}", self.site), None)
                .await;
            assert_eq!(status, 404, "{name}");
            return;
        }
        assert_eq!(
            World::foreign(&dump),
            World::foreign(&self.before),
            "{name}"
        );
        let plan = program.plan(&self.site).await;
        assert_eq!(plan["conflicts"], json!([]), "{name}: {plan:#}");
        if act == Act::Rollback {
            self.stands_on_the_earlier_one(program, &plan).await;
        } else {
            assert_eq!(plan["steps"], json!([]), "{name}: {plan:#}");
        }
        let mut hosts = vec![self.lane.host.clone()];
        if act == Act::Update {
            hosts.push(format!("www.{}", self.lane.host));
        }
        let script = format!("edge-delivery-{}", self.site.replace('-', ""));
        let rows = |table: &str| dump[table].as_array().expect("a table").clone();
        let namespaces = rows("namespaces");
        assert_eq!(namespaces.len(), 2, "{name}: {namespaces:#?}");
        let ours = namespaces
            .iter()
            .find(|row| row["title"] != "someone-elses");
        let ours = ours.expect("ours is there");
        assert_eq!(
            ours["title"],
            format!("edge-delivery {}", self.site),
            "{name}"
        );
        assert_eq!(ours["keys"], 3, "{name}: the variant, the index, the mark");
        let scripts: Vec<Value> = rows("scripts")
            .iter()
            .map(|row| row["name"].clone())
            .collect();
        assert_eq!(scripts, [json!(script), json!("their-worker")], "{name}");
        let mut patterns: Vec<String> = rows("routes")
            .iter()
            .filter(|row| row["script"] == script.as_str())
            .map(|row| row["pattern"].as_str().expect("text").to_owned())
            .collect();
        patterns.sort();
        let mut wished: Vec<String> = hosts.iter().map(|host| format!("{host}/*")).collect();
        wished.sort();
        assert_eq!(patterns, wished, "{name}");
        for host in hosts {
            self.agents_get_the_variant(&host).await;
        }
    }

    /// The plan is what the next deployment brings; the rollback itself has nothing left to do, and nobody changed anything.
    async fn stands_on_the_earlier_one(&self, program: &Program, plan: &Value) {
        let name = &self.name;
        let steps = plan["steps"].as_array().expect("a list");
        assert_eq!(steps.len(), 1, "{name}: {plan:#}");
        let reason = steps[0]["reason"].as_str().expect("words");
        assert!(
            reason.starts_with("The site was rolled back"),
            "{name}: {reason}"
        );
        assert_eq!(plan["differences"], json!([]), "{name}: {plan:#}");
        let site = program
            .ok("GET", &format!("/sites/{}", self.site), None)
            .await;
        assert_eq!(site["status"], "in_sync", "{name}: {site:#}");
        let first = self.first.as_ref().expect("deployed before");
        let path = format!("/deployments/{first}/rollback");
        let again = id_of(&program.ok("POST", &path, Some(&json!({}))).await);
        let ended = program.followed(&again).await;
        assert_eq!(ended["status"], "live", "{name}: {ended:#}");
        assert_eq!(ended["steps"], json!([]), "{name}: {ended:#}");
    }

    /// The first agents after an upload may get the origin, where KV does not answer within the Worker's deadline.
    async fn agents_get_the_variant(&self, host: &str) {
        let begun = Instant::now();
        loop {
            let agent = self.world.cloud.visit(host, "/", GPTBOT).await;
            let body = agent.text().await.unwrap_or_default();
            if body == "<h1>variant</h1>" {
                return;
            }
            let name = &self.name;
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{name} at {host}: {body}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
