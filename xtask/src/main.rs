//! Every routine of the project by one name: `cargo xtask demo | test | lint | build | bench | generate`.

mod arrows;
mod bench;
mod build;
mod demo;
mod faults;
mod generate;
mod install;
mod lint;
mod lockfiles;
mod postgres;
mod run;
mod test;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// The project's routines.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    routine: Routine,
}

#[derive(Debug, Subcommand)]
enum Routine {
    /// Build and run everything on this machine: console, local Cloudflare, sample site.
    Demo(demo::DemoArgs),
    /// Install what the tests need, and run all of them.
    Test(test::TestArgs),
    /// Run the whole fault matrix and many random histories; `test` runs a slice of them.
    Faults,
    /// Formatting, lints, documentation, crate arrows, generated files, lock files.
    Lint,
    /// Install the npm parts and build the program.
    Build(build::BuildArgs),
    /// Measure.
    Bench(bench::BenchArgs),
    /// Write the generated files anew.
    Generate,
    /// Run a command beside a PostgreSQL of its own, as in `cargo xtask with-postgres cargo test -p store`.
    WithPostgres(postgres::WithPostgresArgs),
}

fn main() -> ExitCode {
    let outcome = run::stop_children_on_signals().and_then(|()| match Cli::parse().routine {
        Routine::Demo(args) => demo::run_demo(&args),
        Routine::Test(args) => test::run_tests(&args),
        Routine::Faults => faults::run_faults(),
        Routine::Lint => lint::run_lint(),
        Routine::Build(args) => build::run(&args).map(|_| ()),
        Routine::Bench(args) => bench::run_bench(&args),
        Routine::Generate => generate::run(),
        Routine::WithPostgres(args) => postgres::run_with(&args),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            run::say(&format!("xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
