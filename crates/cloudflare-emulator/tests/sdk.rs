//! The official SDKs against the emulator: the same job as ours, done with Cloudflare's own libraries.

#[path = "support/clients.rs"]
mod clients;

use std::path::Path;

use clients::{ACCOUNT, Site, TOKEN, ZONE, npm, python};

async fn run(site: &Site, program: &Path, args: &[&str]) {
    let api = site.api();
    let environment = [
        ("CLOUDFLARE_BASE_URL", api.as_str()),
        ("CLOUDFLARE_API_TOKEN", TOKEN),
    ];
    let output = site.run(program, args, &environment, "").await;
    assert!(output.ok, "{args:?}: {}", output.text);
    assert!(!output.text.contains(TOKEN), "{}", output.text);
}

fn nothing_is_left(site: &Site) {
    let world = site.emulator.world().read();
    assert!(world.scripts.is_empty() && world.routes.is_empty() && world.namespaces.is_empty());
}

#[tokio::test]
async fn the_typescript_sdk_does_the_job() {
    let site = Site::new().await;
    npm("node_modules/cloudflare/package.json");
    let (make, remove) = (npm("sdk.mjs"), npm("sdk-remove.mjs"));
    run(
        &site,
        Path::new("node"),
        &[make.to_str().expect("UTF-8"), ACCOUNT, ZONE],
    )
    .await;
    site.until("/", "typescript s1 value").await;
    run(
        &site,
        Path::new("node"),
        &[remove.to_str().expect("UTF-8"), ACCOUNT, ZONE],
    )
    .await;
    site.until("/", "origin").await;
    nothing_is_left(&site);
}

#[tokio::test]
async fn the_python_sdk_does_the_job() {
    let site = Site::new().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/sdk.py");
    let script = script.to_str().expect("UTF-8");
    run(&site, &python(), &[script, "make", ACCOUNT, ZONE]).await;
    site.until("/", "python s1 value").await;
    run(&site, &python(), &[script, "remove", ACCOUNT, ZONE]).await;
    site.until("/", "origin").await;
    nothing_is_left(&site);
}
