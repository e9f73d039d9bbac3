//! `cargo xtask test`: installs what the tests need, and runs all of them: Rust, the Worker inside workerd, the browser.
//! Nothing is skipped: what is missing and cannot be installed is an error.

use crate::{
    build,
    install::{self, npm_parts},
    postgres::{self, Postgres},
    run::{command, is_installed, root, run, say},
};
use clap::Args;
use std::{path::Path, process::Command, time::Instant};

/// Which tests.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Without the browser tests.
    #[arg(long)]
    no_browser: bool,
    /// What else the Rust runner takes, for example a test's name.
    #[arg(last = true)]
    rest: Vec<String>,
}

/// Runs all of them.
pub(crate) fn run_tests(args: &TestArgs) -> anyhow::Result<()> {
    let workerd = install::workerd()?;
    install::npm(npm_parts::EMULATOR_TESTS)?;
    let python = build::target().join("sdk-venv");
    install::python_environment(
        &root().join("crates/cloudflare-emulator/tests/python/requirements.txt"),
        &python,
    )?;
    let chromium = if args.no_browser {
        None
    } else {
        install::npm(npm_parts::BROWSER_TESTS)?;
        Some(install::chromium()?)
    };
    install::postgres_programs()?;
    let postgres = Postgres::start()?;
    build::assets()?;

    timed("Rust", || rust(args, &workerd, &postgres.url()))?;
    if !args.rest.is_empty() {
        return Ok(());
    }
    // The Rust tests built it. Building the package by itself would compile much of the tree again with fewer features.
    let program = build::program(false);
    timed("Worker", || {
        run(command("npm", &["test", "--silent"])
            .current_dir(root().join(npm_parts::WORKER))
            .env("EDGE_DELIVERY_WORKERD", &workerd))
    })?;
    timed("the demo's story", || {
        run(command(
            &program.to_string_lossy(),
            &["demo", "--check", "--any-port"],
        )
        .env("EDGE_DELIVERY_WORKERD", &workerd))
    })?;
    if let Some(chromium) = chromium {
        timed("browser", || {
            run(command("npx", &["playwright", "test"])
                .current_dir(root().join(npm_parts::BROWSER_TESTS))
                .env("EDGE_DELIVERY_CHROMIUM", &chromium)
                .env("EDGE_DELIVERY_PROGRAM", &program)
                .env("EDGE_DELIVERY_WORKERD", &workerd))
        })?;
    }
    Ok(())
}

/// nextest where it is installed, else cargo's own runner.
fn rust(args: &TestArgs, workerd: &Path, postgres_url: &str) -> anyhow::Result<()> {
    let with_environment = |mut command: Command| {
        command
            .env("EDGE_DELIVERY_WORKERD", workerd)
            .env(postgres::URL_VARIABLE, postgres_url);
        command
    };
    if is_installed("cargo-nextest") {
        let mut tests = with_environment(command(
            "cargo",
            &[
                "nextest",
                "run",
                "--workspace",
                "--locked",
                "--no-fail-fast",
            ],
        ));
        run(tests.args(&args.rest))?;
        if args.rest.is_empty() {
            run(&mut with_environment(command(
                "cargo",
                &["test", "--quiet", "--workspace", "--locked", "--doc"],
            )))?;
        }
        return Ok(());
    }
    let mut tests = with_environment(command(
        "cargo",
        &["test", "--workspace", "--locked", "--no-fail-fast"],
    ));
    run(tests.args(&args.rest))
}

fn timed(name: &str, tests: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    say(&format!("test: {name}"));
    let started = Instant::now();
    let outcome = tests();
    let word = if outcome.is_ok() { "passed" } else { "FAILED" };
    say(&format!(
        "test: {name} {word} in {:.1} s",
        started.elapsed().as_secs_f64()
    ));
    outcome
}
