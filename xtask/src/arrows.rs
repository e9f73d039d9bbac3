//! Who may depend on whom: the crates' boundaries, checked from `cargo metadata`.

use crate::run::{command, output};
use anyhow::{Context, bail};
use serde_json::Value;

/// Our crates and those of ours that they may use, outside tests.
const OURS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("cloudflare", &[]),
    ("store", &["domain"]),
    ("cloudflare-emulator", &[]),
    (
        "edge-delivery",
        &["domain", "cloudflare", "store", "cloudflare-emulator"],
    ),
    ("xtask", &["domain"]),
];

/// Libraries that only these crates may use directly, outside tests.
const GUARDED: &[(&str, &[&str])] = &[
    ("sea-orm", &["store"]),
    ("sea-orm-migration", &["store"]),
    ("axum", &["edge-delivery", "cloudflare-emulator"]),
    ("reqwest", &["cloudflare", "edge-delivery"]),
];

/// Libraries that `domain` may not use: it does no I/O and knows no clock and no randomness.
const NOT_IN_DOMAIN: &[&str] = &["tokio", "reqwest", "jiff", "getrandom", "rand", "futures"];

/// Checks every arrow.
pub(crate) fn check() -> anyhow::Result<()> {
    let text = output(&mut command(
        "cargo",
        &["metadata", "--format-version=1", "--no-deps", "--locked"],
    ))?;
    let metadata: Value =
        serde_json::from_str(&text).context("cargo metadata did not print JSON")?;
    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = OURS.iter().find(|(other, _)| *other == name) else {
            wrong.push(format!(
                "{name} is a crate that the list of arrows does not know"
            ));
            continue;
        };
        let used = package["dependencies"].as_array().into_iter().flatten();
        for dependency in used.filter(|dependency| dependency["kind"].as_str() != Some("dev")) {
            let library = dependency["name"].as_str().unwrap_or_default();
            if OURS.iter().any(|(other, _)| *other == library) && !allowed.contains(&library) {
                wrong.push(format!("{name} may not use {library}"));
            }
            if GUARDED
                .iter()
                .any(|(guarded, users)| *guarded == library && !users.contains(&name))
            {
                wrong.push(format!("{name} may not use {library} directly"));
            }
            if name == "domain" && NOT_IN_DOMAIN.contains(&library) {
                wrong.push(format!(
                    "domain may not use {library}: it does no I/O and knows no clock"
                ));
            }
        }
    }
    wrong.extend(emulator_outside_commands()?);
    if wrong.is_empty() {
        Ok(())
    } else {
        bail!("crate arrows: {}", wrong.join("; "))
    }
}

/// In `server`, only the commands `demo` and `emulator` may name the emulator.
fn emulator_outside_commands() -> anyhow::Result<Vec<String>> {
    let found = output(&mut command(
        "sh",
        &[
            "-c",
            "grep -rl cloudflare_emulator crates/server/src || true",
        ],
    ))?;
    Ok(found
        .lines()
        .filter(|file| !file.starts_with("crates/server/src/commands/"))
        .map(|file| format!("{file} names the emulator, which only commands may"))
        .collect())
}
