//! `cargo xtask lint`: everything that can be seen without running the program.

use crate::{
    arrows, build,
    install::{self, npm_parts},
    lockfiles,
    run::{command, is_installed, output, run, say},
};
use anyhow::bail;

/// The documentation is for those who work on the code, so it may link to private items; what is also `--help` shows
/// addresses as they are.
const RUSTDOC: &str = "-D warnings -A rustdoc::private-intra-doc-links -A rustdoc::bare-urls";

/// Runs every check, the quick ones first.
pub(crate) fn run_lint() -> anyhow::Result<()> {
    step("formatting", || {
        run(&mut command("cargo", &["fmt", "--all", "--check"]))
    })?;
    step("crate arrows", arrows::check)?;
    step("lock files", lockfiles::check)?;
    step("JavaScript", javascript)?;
    step("generated files", generated)?;
    // The console's assets are embedded while compiling.
    install::npm(npm_parts::WORKER)?;
    build::assets()?;
    step("clippy", || {
        run(&mut command(
            "cargo",
            &[
                "clippy",
                "--quiet",
                "--workspace",
                "--all-targets",
                "--locked",
                "--",
                "-D",
                "warnings",
            ],
        ))
    })?;
    step("documentation", || {
        run(command(
            "cargo",
            &[
                "doc",
                "--quiet",
                "--workspace",
                "--no-deps",
                "--locked",
                "--document-private-items",
            ],
        )
        .env("RUSTDOCFLAGS", RUSTDOC))
    })?;
    if is_installed("cargo-deny") {
        step("licences and sources", || {
            run(&mut command(
                "cargo",
                &["deny", "check", "licenses", "bans", "sources"],
            ))
        })?;
    } else {
        say("lint: cargo-deny is not installed: licences, bans and sources were not checked");
    }
    Ok(())
}

fn step(name: &str, check: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    say(&format!("lint: {name}"));
    check()
}

/// Every script parses.
fn javascript() -> anyhow::Result<()> {
    let files = output(&mut command(
        "git",
        &[
            "ls-files",
            "worker/*.js",
            "xtask/bench/*.mjs",
            "crates/server/console-assets/*.js",
            "tests/browser/*.js",
        ],
    ))?;
    for file in files.lines() {
        run(&mut command("node", &["--check", file]))?;
    }
    Ok(())
}

/// What is generated is what is committed.
fn generated() -> anyhow::Result<()> {
    crate::generate::run()?;
    let changed = output(&mut command(
        "git",
        &["status", "--porcelain", "--", "worker/generated"],
    ))?;
    if changed.is_empty() {
        Ok(())
    } else {
        bail!("generated files were stale; they are written anew now, commit them:\n{changed}")
    }
}
