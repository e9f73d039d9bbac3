//! The real wrangler against the emulator: every command that a customer would use to do our job by hand.

#[path = "support/clients.rs"]
mod clients;

use std::path::Path;

use clients::{ACCOUNT, Output, Site, TOKEN, npm};

struct Wrangler<'s> {
    site: &'s Site,
    api: String,
}

impl Wrangler<'_> {
    async fn run(&self, args: &[&str], input: &str) -> Output {
        let program = npm("node_modules/wrangler/bin/wrangler.js");
        let mut all = vec![program.to_str().expect("UTF-8")];
        all.extend(args);
        let environment = [
            ("CLOUDFLARE_API_BASE_URL", self.api.as_str()),
            ("CLOUDFLARE_API_TOKEN", TOKEN),
            ("CLOUDFLARE_ACCOUNT_ID", ACCOUNT),
            ("CI", "1"),
            ("WRANGLER_SEND_METRICS", "false"),
            ("DO_NOT_TRACK", "1"),
            ("NO_COLOR", "1"),
            ("WRANGLER_HIDE_BANNER", "true"),
        ];
        self.site
            .run(Path::new("node"), &all, &environment, input)
            .await
    }

    /// Runs a command that must succeed.
    async fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args, "").await;
        assert!(output.ok, "wrangler {}: {}", args.join(" "), output.text);
        output.text
    }
}

fn write(site: &Site, name: &str, text: &str) {
    std::fs::write(site.folder.path().join(name), text).expect("written");
}

fn worker(version: &str) -> String {
    format!(
        "export default {{ async fetch(request, env) {{
            if (new URL(request.url).pathname === '/origin') return fetch(request);
            return new Response([{version:?}, env.SITE_ID, env.KEY ?? '-', await env.VARIANTS.get('a/b c') ?? '-'].join(' '));
        }} }};"
    )
}

#[tokio::test]
async fn wrangler_does_the_whole_job() {
    let site = Site::new().await;
    let wrangler = Wrangler {
        api: site.api(),
        site: &site,
    };

    let text = wrangler.ok(&["whoami"]).await;
    assert!(text.contains("Acme") && text.contains(ACCOUNT), "{text}");

    let text = wrangler
        .ok(&["kv", "namespace", "create", "variants"])
        .await;
    let id = text
        .split('"')
        .find(|part| part.len() == 32 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .unwrap_or_else(|| panic!("no id in {text}"))
        .to_owned();
    let text = wrangler.ok(&["kv", "namespace", "list"]).await;
    assert!(text.contains(&id) && text.contains("variants"), "{text}");

    write(&site, "worker.js", &worker("one"));
    write(
        &site,
        "wrangler.jsonc",
        &format!(
            r#"{{ "name": "shop-worker", "main": "worker.js", "compatibility_date": "2026-04-01", "workers_dev": false,
            "routes": [{{ "pattern": "shop.example/*", "zone_name": "shop.example" }}],
            "vars": {{ "SITE_ID": "s1" }}, "kv_namespaces": [{{ "binding": "VARIANTS", "id": "{id}" }}] }}"#
        ),
    );
    let text = wrangler.ok(&["deploy"]).await;
    assert!(text.contains("shop.example/*"), "{text}");
    site.until("/", "one s1 - -").await;
    assert_eq!(site.visit("/origin").await, "origin");

    let kv = |args: &[&'static str]| {
        let mut all: Vec<String> = vec!["kv".into()];
        all.extend(args.iter().map(|arg| (*arg).to_owned()));
        all.extend(["--namespace-id".into(), id.clone(), "--remote".into()]);
        all
    };
    let run = async |args: Vec<String>| {
        wrangler
            .ok(&args.iter().map(String::as_str).collect::<Vec<_>>())
            .await
    };
    run(kv(&["key", "put", "a/b c", "value"])).await;
    run(kv(&[
        "key",
        "put",
        "meta",
        "x",
        "--metadata",
        r#"{"r":"1"}"#,
        "--ttl",
        "120",
    ]))
    .await;
    assert_eq!(
        run(kv(&["key", "get", "a/b c", "--text"])).await.trim(),
        "value"
    );
    let text = run(kv(&["key", "list"])).await;
    assert!(
        text.contains("a/b c") && text.contains("\"r\"") && text.contains("expiration"),
        "{text}"
    );
    site.until("/", "one s1 - value").await;
    write(
        &site,
        "pairs.json",
        r#"[{"key":"k1","value":"v1"},{"key":"k2","value":"djI=","base64":true}]"#,
    );
    run(kv(&["bulk", "put", "pairs.json"])).await;
    assert_eq!(run(kv(&["key", "get", "k2", "--text"])).await.trim(), "v2");
    write(&site, "keys.json", r#"["k1","k2"]"#);
    run(kv(&["bulk", "delete", "keys.json", "--force"])).await;
    run(kv(&["key", "delete", "meta"])).await;
    let text = run(kv(&["key", "list"])).await;
    assert!(
        text.contains("a/b c") && !text.contains("k1") && !text.contains("meta"),
        "{text}"
    );

    let output = wrangler.run(&["secret", "put", "KEY"], "hush").await;
    assert!(
        output.ok && !output.text.contains("hush"),
        "{}",
        output.text
    );
    site.until("/", "one s1 hush value").await;

    // A later deploy takes another way through the API, and keeps the secret.
    write(&site, "worker.js", &worker("two"));
    wrangler.ok(&["deploy"]).await;
    site.until("/", "two s1 hush value").await;

    let text = wrangler.ok(&["secret", "list"]).await;
    assert!(text.contains("KEY") && !text.contains("hush"), "{text}");
    let text = wrangler.ok(&["deployments", "list"]).await;
    assert!(text.contains("100%"), "{text}");

    // What does not start is refused in the runtime's own words, and changes nothing.
    write(
        &site,
        "worker.js",
        "throw new Error('boom at the top'); export default { fetch() {} };",
    );
    let output = wrangler.run(&["deploy"], "").await;
    assert!(
        !output.ok && output.text.contains("boom at the top") && output.text.contains("10021"),
        "{}",
        output.text
    );
    assert_eq!(site.visit("/").await, "two s1 hush value");

    wrangler.ok(&["delete", "--force"]).await;
    site.until("/", "origin").await;
}
