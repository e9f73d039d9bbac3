//! Lock files hold no download addresses: those of one machine's mirror would not work on another.

use crate::run::{command, output, root};
use anyhow::{Context, bail};
use std::fs;

/// The one registry that `Cargo.lock` may name.
const CRATES: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks every committed lock file.
pub(crate) fn check() -> anyhow::Result<()> {
    let files = output(&mut command(
        "git",
        &["ls-files", "*package-lock.json", "Cargo.lock"],
    ))?;
    for file in files.lines() {
        let text = fs::read_to_string(root().join(file))
            .with_context(|| format!("{file} cannot be read"))?;
        let is_wrong = |line: &str| {
            if file.ends_with("Cargo.lock") {
                line.starts_with("source = ") && !line.contains(CRATES)
            } else {
                line.contains("\"resolved\"")
            }
        };
        if let Some((number, _)) = text.lines().enumerate().find(|(_, line)| is_wrong(line)) {
            bail!(
                "{file}:{} holds a download address; for npm set omit-lockfile-registry-resolved=true and make it anew",
                number + 1
            );
        }
    }
    Ok(())
}
