//! `cargo xtask demo`: from a fresh clone to a running system.

use crate::{
    build::{self, BuildArgs},
    install,
    run::{command, run},
};
use clap::Args;

/// How the demo is run.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Build with optimisations.
    #[arg(long)]
    release: bool,
    /// Run the whole story once without a browser, print each step with its result, and end.
    #[arg(long)]
    check: bool,
    /// What else `edge-delivery demo` takes, for example `-- --listen 127.0.0.1:9090`.
    #[arg(last = true)]
    rest: Vec<String>,
}

/// Builds and runs.
pub(crate) fn run_demo(args: &DemoArgs) -> anyhow::Result<()> {
    let program = build::run(&BuildArgs {
        release: args.release,
    })?;
    let mut demo = command(&program.to_string_lossy(), &["demo"]);
    if args.check {
        demo.arg("--check");
    }
    run(demo
        .args(&args.rest)
        .env("EDGE_DELIVERY_WORKERD", install::workerd()?))
}
