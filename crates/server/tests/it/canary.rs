//! The token goes in and never comes out: through a whole journey its text is in no file, log, answer, page, event,
//! backup, process argument or environment, neither in clear nor as base64 or hex digits.

use crate::{
    local_cloudflare::{LocalCloudflare, SHOP},
    program::Program,
    sealed::{database, everything},
    witness::{Processes, Search},
};
use domain::time::Millis;
use reqwest::Method;
use serde_json::json;
use std::{path::Path, process::Stdio};
use tokio::io::AsyncWriteExt;

const FIRST: &str = "local-demo-canary-first-11111111111111110000";
const SECOND: &str = "local-demo-canary-second-2222222222222220000";
const REFUSED: &str = "local-demo-canary-refused-333333333333330000";
const PASSPHRASE: &str = "canary passphrase of this journey";

fn tokens() -> String {
    let token = |value: &str, level: &str| {
        format!(
            r#"[[tokens]]
value = "{value}"
permissions = {{ workers_scripts = "{level}", workers_kv_storage = "{level}", account_settings = "read", workers_routes = "{level}", zone = "read" }}
"#
        )
    };
    [
        token(FIRST, "edit"),
        token(SECOND, "edit"),
        token(REFUSED, "read"),
    ]
    .concat()
}

/// A journey, and everything that came out of it.
struct Journey {
    program: Program,
    cookie: String,
    said: Vec<(String, Vec<u8>)>,
}

impl Journey {
    /// Sends a request and keeps the answer: status, headers and body.
    async fn ask(&mut self, name: &str, request: reqwest::RequestBuilder) -> (u16, String) {
        let answer = request.send().await.expect("the program answers");
        let status = answer.status().as_u16();
        let headers = format!("{:?}", answer.headers());
        let body = answer.text().await.expect("text");
        self.said.push((
            name.to_owned(),
            format!("{status} {headers} {body}").into_bytes(),
        ));
        (status, body)
    }

    async fn api(
        &mut self,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> (u16, String) {
        let mut request = self.program.request(method.clone(), path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.ask(&format!("{method} {path}"), request).await
    }

    async fn must(
        &mut self,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> serde_json::Value {
        let (status, text) = self.api(method, path, body).await;
        assert!((200..300).contains(&status), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// A page of the console.
    async fn page(&mut self, path: &str) -> (u16, String) {
        let request = self.browser(Method::GET, path);
        self.ask(path, request).await
    }

    /// A form of the console.
    async fn form(&mut self, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let request = self.browser(Method::POST, path).form(fields);
        self.ask(&format!("form {path}"), request).await
    }

    fn browser(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        crate::local_cloudflare::client()
            .request(method, format!("{}{path}", self.program.base()))
            .header("cookie", &self.cookie)
            .header("accept", "text/html")
    }

    /// A command, with something on standard input and in the environment; keeps what it wrote.
    async fn command(
        &mut self,
        args: &[&str],
        input: &str,
        more: &[(&'static str, String)],
    ) -> bool {
        let mut child = self
            .program
            .command_with(more, args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        // One that reads nothing may be gone already.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let output = child.wait_with_output().await.expect("it ends");
        let name = format!("edge-delivery {}", args.join(" "));
        self.said
            .push((name, [output.stdout, output.stderr].concat()));
        output.status.success()
    }

    async fn refused_tokens(&mut self) {
        for (name, token) in [
            ("refused", REFUSED),
            ("unknown", "local-demo-unknown-0000000000000000000000"),
        ] {
            let (status, _) = self
                .api(
                    Method::POST,
                    "/connections",
                    Some(json!({ "token": token })),
                )
                .await;
            assert_eq!(status, 422, "{name}");
            let (status, page) = self
                .form("/connections", &[("token", token), ("name", "x")])
                .await;
            assert_eq!(status, 422, "{name}: {page}");
        }
        let broken = self
            .program
            .request(Method::POST, "/connections")
            .header("content-type", "application/json")
            .body(format!("{{\"token\": \"{FIRST}\""));
        assert_eq!(self.ask("broken JSON", broken).await.0, 400);
        let misplaced = json!({ "token": 1, "name": FIRST });
        assert_eq!(
            self.api(Method::POST, "/connections", Some(misplaced))
                .await
                .0,
            422
        );
        let form = [("email", "nobody@example.com"), ("password", FIRST)];
        assert_eq!(self.form("/sign-in", &form).await.0, 401);
        // What a caller puts into a query or a name comes back to that caller at most, so those answers are no
        // evidence. The log is.
        let get = |path: &str| self.browser(Method::GET, path);
        let post = |path: &str| self.browser(Method::POST, path);
        for (request, status) in [
            (
                self.program
                    .request(Method::GET, &format!("/sites?{FIRST}=1")),
                422,
            ),
            (get(&format!("/sites/new?token={FIRST}")), 200),
            (get(&format!("/connections/new?token={FIRST}")), 200),
            (
                post(&format!("/connections?token={FIRST}")).form(&[("name", "x")]),
                422,
            ),
            (
                post("/sign-in").form(&[("email", FIRST), ("password", "x")]),
                401,
            ),
        ] {
            assert_eq!(request.send().await.expect("an answer").status(), status);
        }
    }

    async fn look_around(&mut self, connection: &str, site: &str, deployment: &str) {
        for path in [
            "/connections".to_owned(),
            format!("/connections/{connection}"),
            format!("/connections/{connection}/zones"),
            "/sites".to_owned(),
            format!("/sites/{site}"),
            format!("/sites/{site}/plan"),
            format!("/sites/{site}/sync"),
            format!("/deployments/{deployment}"),
            format!("/deployments/{deployment}/events"),
            "/audit".to_owned(),
            "/openapi.json".to_owned(),
        ] {
            let (status, text) = self.api(Method::GET, &path, None).await;
            assert_eq!(status, 200, "{path}: {text}");
        }
        for (path, status) in [
            ("/".to_owned(), 200),
            ("/connections".to_owned(), 200),
            (format!("/connections/{connection}"), 200),
            (format!("/connections/{connection}/token"), 200),
            ("/connections/new".to_owned(), 200),
            (format!("/sites/{site}/plan"), 200),
            (format!("/sites/{site}/settings"), 200),
            (format!("/deployments/{deployment}"), 200),
            ("/activity".to_owned(), 200),
            ("/activity/log".to_owned(), 200),
            ("/settings".to_owned(), 200),
            ("/metrics".to_owned(), 200),
            ("/readyz".to_owned(), 200),
            ("/nowhere".to_owned(), 404),
            ("/connections/nonsense".to_owned(), 404),
            (
                "/sites/00000000-0000-7000-8000-000000000000/plan".to_owned(),
                404,
            ),
        ] {
            let (seen, text) = self.page(&path).await;
            assert_eq!(seen, status, "{path}: {text}");
        }
    }
}

/// The files of the database: itself, its log and the log's index.
fn database_files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files: Vec<_> = ["test.db", "test.db-wal", "test.db-shm"]
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), std::fs::read(folder.join(name)).ok()?)))
        .collect();
    assert!(!files.is_empty());
    files
}

/// The sealed token of the only connection.
async fn sealed_token(program: &Program) -> Vec<u8> {
    let store = database(program.database()).await;
    let workspace = store
        .ensure_workspace(Millis(0))
        .await
        .expect("it is there");
    let values = everything(&store, workspace).await;
    store.close().await.expect("closes");
    let mut tokens = values
        .into_iter()
        .filter(|value| value.table == "connections");
    let token = tokens.next().expect("there is one").bytes;
    assert!(tokens.next().is_none());
    token
}

fn holds(files: &[(String, Vec<u8>)], bytes: &[u8]) -> Vec<String> {
    files
        .iter()
        .filter(|(_, content)| content.windows(bytes.len()).any(|window| window == bytes))
        .map(|(name, _)| name.clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_comes_out_nowhere() {
    let processes = Processes::watch();
    let cloud = LocalCloudflare::start_with("", &tokens()).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let aside = tempfile::tempdir().expect("a temporary folder");
    let mut program = Program::start(folder.path(), &cloud).await;
    program.start_again_with("EDGE_DELIVERY_LOG", "trace").await;
    let cookie = program.signed_in().await;
    let mut journey = Journey {
        program,
        cookie,
        said: Vec::new(),
    };

    // Connect, deploy, publish.
    journey.refused_tokens().await;
    let made = journey
        .must(
            Method::POST,
            "/connections",
            Some(json!({ "token": FIRST })),
        )
        .await;
    let connection = made["id"].as_str().expect("an id").to_owned();
    let site = journey.program.make_site(&connection, SHOP, "shop").await;
    let deployment = journey.program.deploy(&site).await;
    let ended = journey.program.ended(&deployment).await;
    assert_eq!(ended["status"], "live", "{ended:#}");
    journey
        .program
        .publish(&site, "pricing", "<h1>Pricing</h1>")
        .await;
    journey
        .must(
            Method::POST,
            &format!("/connections/{connection}/check"),
            None,
        )
        .await;
    journey.look_around(&connection, &site, &deployment).await;
    let first_sealed = sealed_token(&journey.program).await;
    assert!(!holds(&database_files(folder.path()), &first_sealed).is_empty());

    // Commands: a token from standard input, one from the environment, and all the others.
    assert!(
        journey
            .command(&["token", "check", "--json"], FIRST, &[])
            .await
    );
    assert!(!journey.command(&["token", "check"], REFUSED, &[]).await);
    let given = ("CLOUDFLARE_API_TOKEN", SECOND.to_owned());
    assert!(journey.command(&["token", "check"], "", &[given]).await);
    let at = |name: &str| aside.path().join(name).to_str().expect("a name").to_owned();
    let (plain, covered, pulled) = (at("plain.db"), at("covered.age"), at("pulled"));
    let passphrase = ("EDGE_DELIVERY_BACKUP_PASSPHRASE", PASSPHRASE.to_owned());
    for (args, more) in [
        (&["status"][..], &[][..]),
        (&["status", "--json"], &[]),
        (&["plan", "shop"], &[]),
        (&["deploy", "shop"], &[]),
        (&["variants", "pull", "shop", &pulled], &[]),
        (&["backup", &plain], &[]),
        (&["backup", &covered, "--encrypt"], &[passphrase]),
        (&["audit", "--json"], &[]),
    ] {
        assert!(journey.command(args, "", more).await, "{args:?}");
    }

    // Replace, and have everything sealed under another key.
    let (status, _) = journey
        .api(
            Method::PATCH,
            &format!("/connections/{connection}"),
            Some(json!({ "token": REFUSED })),
        )
        .await;
    assert_eq!(status, 422);
    let (status, page) = journey
        .form(
            &format!("/connections/{connection}/token"),
            &[("token", SECOND)],
        )
        .await;
    assert_eq!(status, 303, "{page}");
    assert_eq!(
        holds(&database_files(folder.path()), &first_sealed),
        Vec::<String>::new()
    );
    let second_sealed = sealed_token(&journey.program).await;
    let (old_key, new_key) = (
        folder.path().join("test.key"),
        folder.path().join("new.key"),
    );
    let name = new_key.to_str().expect("a name").to_owned();
    assert!(
        journey
            .command(&["key", "rotate", "--new-key-file", &name], "", &[])
            .await
    );
    assert_eq!(
        holds(&database_files(folder.path()), &second_sealed),
        Vec::<String>::new()
    );
    journey
        .program
        .start_again_with("EDGE_DELIVERY_KEY_FILE", &name)
        .await;
    journey.look_around(&connection, &site, &deployment).await;
    let last_sealed = sealed_token(&journey.program).await;
    assert!(!holds(&database_files(folder.path()), &last_sealed).is_empty());

    // Remove and disconnect: the sealed token is gone, too. From byte 69 on it was never sealed again.
    let removal = journey.program.remove(&site).await;
    assert_eq!(journey.program.ended(&removal).await["status"], "removed");
    let (status, _) = journey
        .form(
            &format!("/connections/{connection}/disconnect"),
            &[("confirm", "Sample account")],
        )
        .await;
    assert_eq!(status, 303);
    for part in [&last_sealed[..], &last_sealed[69..]] {
        assert_eq!(
            holds(&database_files(folder.path()), part),
            Vec::<String>::new()
        );
    }

    // The evidence.
    let log = journey.program.log();
    assert!(
        log.contains("TRACE") && log.lines().count() > 500,
        "the log is read, and tells everything"
    );
    let mut evidence = journey.said;
    evidence.push(("the log".to_owned(), log.into_bytes()));
    let state = cloud.state().await.to_string();
    evidence.push((
        "the local Cloudflare's state".to_owned(),
        state.into_bytes(),
    ));
    for place in [folder.path(), aside.path()] {
        evidence.extend(
            crate::bare::files_in(place)
                .into_iter()
                .map(|(path, bytes)| (path.display().to_string(), bytes)),
        );
    }
    let seen = processes.seen();
    let commands: Vec<&str> = seen
        .iter()
        .map(|process| process.arguments.as_str())
        .collect();
    for command in [
        "serve",
        "token\u{0}check",
        "key\u{0}rotate",
        "backup",
        "status",
    ] {
        assert!(
            commands.iter().any(|arguments| arguments.contains(command)),
            "{command} was seen: {commands:?}"
        );
    }
    for process in &seen {
        evidence.push((
            format!("arguments of {}", process.pid),
            process.arguments.clone().into_bytes(),
        ));
        let environment = process
            .environment
            .split('\0')
            .filter(|setting| {
                // Where whoever calls has put it.
                !(process.arguments.contains("token\u{0}check")
                    && setting.starts_with("CLOUDFLARE_API_TOKEN="))
            })
            .collect::<Vec<_>>()
            .join("\n");
        evidence.push((
            format!("environment of {}", process.arguments),
            environment.into_bytes(),
        ));
    }
    let bytes: usize = evidence.iter().map(|(_, content)| content.len()).sum();
    println!(
        "searched {} pieces of evidence, {bytes} bytes, {} processes",
        evidence.len(),
        seen.len()
    );
    for token in [FIRST, SECOND, REFUSED] {
        assert_eq!(
            Search::for_secret(token.as_bytes()).found_in(&evidence),
            Vec::<String>::new(),
            "{token}"
        );
    }

    // The keys are in their own files alone; the passphrase of the backup is nowhere.
    for file in [&old_key, &new_key] {
        let key = std::fs::read_to_string(file).expect("it is there");
        let bytes = hex::decode(key.trim()).expect("hex digits");
        let own = file.display().to_string();
        let found = Search::for_secret(&bytes).found_in(&evidence);
        assert!(found.iter().all(|name| name == &own), "{found:?}");
    }
    let files: Vec<_> = evidence
        .into_iter()
        .filter(|(name, _)| !name.starts_with("environment of "))
        .collect();
    for secret in [PASSPHRASE, crate::bare::PASSWORD, journey.program.key()] {
        assert_eq!(
            Search::for_secret(secret.as_bytes()).found_in(&files),
            Vec::<String>::new()
        );
    }
}
