//! `cargo xtask bench`: figures, side by side in one run, never part of the tests.

use crate::{
    build::{self, BuildArgs},
    install,
    postgres::{self, Postgres},
    run::{command, root, run},
};
use clap::{Args, ValueEnum};

/// What is measured.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Which bench.
    what: Bench,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Bench {
    /// Deploying with 80 ms a call: calls and wall time, against the straightforward way.
    Deploy,
    /// Ten million visits of a year: every question of the pages, on SQLite and PostgreSQL, and memory of the server.
    Dashboard,
    /// The Worker on workerd against a bare pass-through: requests a second and CPU a request.
    Edge,
    /// The import of a million lines, of which one in a hundred is bad: lines a second and the program's peak memory.
    Import,
    /// Taking visits, on SQLite and PostgreSQL: visits a second on the disk, CPU and bytes of each.
    Ingest,
    /// A day of 200,000 requests by agents and others through the edge: whether every visit is counted once.
    Day,
    /// The check of a token: calls and time, with few and with many accounts and zones.
    Check,
    /// Bringing content to KV with 80 ms a call: calls, bytes, time, and memory of the server.
    Sync,
}

/// Runs a bench.
pub(crate) fn run_bench(args: &BenchArgs) -> anyhow::Result<()> {
    match args.what {
        Bench::Deploy => {
            let workerd = install::workerd()?;
            build::assets()?;
            run(command(
                "cargo",
                &[
                    "test",
                    "--locked",
                    "-p",
                    "edge-delivery",
                    "--test",
                    "it",
                    "figures::",
                ],
            )
            .env("EDGE_DELIVERY_WORKERD", workerd))
        }
        Bench::Edge => run(command("node", &["bench/edge.js"])
            .current_dir(root().join(install::npm_parts::WORKER))
            .env("EDGE_DELIVERY_WORKERD", install::workerd()?)),
        Bench::Sync => {
            let program = build::run(&BuildArgs { release: false })?;
            run(command("node", &["xtask/bench/sync.mjs"])
                .current_dir(root())
                .env("EDGE_DELIVERY", program)
                .env("EDGE_DELIVERY_WORKERD", install::workerd()?))
        }
        Bench::Import => one_story(
            "imports::a_long_import_takes_little_memory",
            "EDGE_DELIVERY_IMPORT_LINES",
            "1000000",
        ),
        Bench::Day => one_story(
            "day::a_day_of_visits_is_counted_exactly",
            "EDGE_DELIVERY_DAY",
            "200000",
        ),
        Bench::Ingest => traffic("xtask/bench/ingest.mjs"),
        Bench::Dashboard => traffic("xtask/bench/dashboard.mjs"),
        Bench::Check => {
            let program = build::run(&BuildArgs { release: false })?;
            run(command("node", &["xtask/bench/check.mjs"])
                .current_dir(root())
                .env("EDGE_DELIVERY", program)
                .env("EDGE_DELIVERY_WORKERD", install::workerd()?))
        }
    }
}

/// A story of the suite at its full size, as one of its variables says.
fn one_story(test: &str, variable: &str, size: &str) -> anyhow::Result<()> {
    let workerd = install::workerd()?;
    build::assets()?;
    let package = ["test", "--locked", "-p", "edge-delivery", "--test", "it"];
    run(command("cargo", &package)
        .args([test, "--", "--nocapture"])
        .env(variable, size)
        .env("EDGE_DELIVERY_WORKERD", workerd))
}

/// A bench of the program as people run it, optimised, beside a PostgreSQL that keeps what it says it kept.
fn traffic(script: &str) -> anyhow::Result<()> {
    install::postgres_programs()?;
    let (program, store) = build::with_example("traffic_bench")?;
    let server = Postgres::start_durable()?;
    run(command("node", &[script])
        .env("EDGE_DELIVERY", program)
        .env("EDGE_DELIVERY_BENCH_STORE", store)
        .env("EDGE_DELIVERY_WORKERD", install::workerd()?)
        .env(postgres::URL_VARIABLE, server.url()))
}
