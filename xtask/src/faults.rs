//! `cargo xtask faults`: every call of a site's life times everything that can happen to a call, and random histories.

use crate::{
    build, install,
    run::{command, run},
};

/// Runs all of them, and prints the counts.
pub(crate) fn run_faults() -> anyhow::Result<()> {
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
            "fault_matrix::",
            "--",
            "--test-threads",
            "1",
        ],
    )
    .env("EDGE_DELIVERY_FAULTS", "full")
    .env("EDGE_DELIVERY_WORKERD", workerd))
}
