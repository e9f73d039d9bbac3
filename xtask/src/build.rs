//! `cargo xtask build`: the npm parts, the console's assets and the program.

use crate::{
    install::{self, npm_parts},
    run::{self, command, root},
};
use clap::Args;
use std::path::PathBuf;

/// What is built.
#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// With optimisations.
    #[arg(long)]
    pub(crate) release: bool,
}

/// Builds everything that the program needs, and gives the program's path.
pub(crate) fn run(args: &BuildArgs) -> anyhow::Result<PathBuf> {
    install::npm(npm_parts::WORKER)?;
    assets()?;
    let mut build = command("cargo", &["build", "--package", "edge-delivery", "--bins"]);
    if args.release {
        build.arg("--release");
    }
    run::run(&mut build)?;
    Ok(program(args.release))
}

/// Where cargo leaves the program.
pub(crate) fn program(release: bool) -> PathBuf {
    let profile = if release { "release" } else { "debug" };
    target().join(profile).join("edge-delivery")
}

/// Bundles what the console's pages load.
pub(crate) fn assets() -> anyhow::Result<()> {
    install::npm(npm_parts::CONSOLE)?;
    run::run(command("node", &["build.mjs"]).current_dir(root().join(npm_parts::CONSOLE)))
}

/// The folder that cargo builds into.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Builds the program with optimisations, and beside it, from the same dependencies, an example of the store; gives the paths
/// of both.
pub(crate) fn with_example(name: &str) -> anyhow::Result<(PathBuf, PathBuf)> {
    install::npm(npm_parts::WORKER)?;
    assets()?;
    let packages = ["--package", "edge-delivery", "--package", "store"];
    run::run(
        command("cargo", &["build", "--locked", "--release"])
            .args(packages)
            .args(["--bins", "--example", name]),
    )?;
    let example = target().join("release/examples").join(name);
    Ok((program(true), example))
}
