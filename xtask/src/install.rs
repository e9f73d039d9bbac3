//! What the routines need and a fresh machine lacks: installed once, quickly, and only when missing.

use crate::run::{command, find_program, is_installed, root, run, say};
use anyhow::{Context, bail};
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The npm parts, each a folder with its own lock file.
pub(crate) mod npm_parts {
    /// The Worker, with workerd.
    pub(crate) const WORKER: &str = "worker";
    /// What the console's pages load.
    pub(crate) const CONSOLE: &str = "crates/server/console-assets";
    /// wrangler and the TypeScript SDK, for the emulator's tests.
    pub(crate) const EMULATOR_TESTS: &str = "crates/cloudflare-emulator/tests/npm";
    /// The browser tests.
    pub(crate) const BROWSER_TESTS: &str = "tests/browser";
}

/// Installs an npm part unless what is there was installed from the same lock file.
pub(crate) fn npm(part: &str) -> anyhow::Result<()> {
    let folder = root().join(part);
    let lock = fs::read(folder.join("package-lock.json"))
        .with_context(|| format!("{part}/package-lock.json cannot be read"))?;
    let stamp = folder.join("node_modules/.installed-from");
    let wanted = hex::encode(Sha256::digest(&lock));
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    if !is_installed("npm") {
        bail!(
            "npm is missing: install Node.js 20 or newer (https://nodejs.org), then run this again"
        );
    }
    say(&format!("installing the npm parts of {part} …"));
    run(command(
        "npm",
        &["ci", "--no-audit", "--no-fund", "--loglevel=error"],
    )
    .current_dir(&folder))?;
    fs::write(&stamp, wanted).with_context(|| format!("{} cannot be written", stamp.display()))
}

/// The workerd of the Worker's npm part.
pub(crate) fn workerd() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("EDGE_DELIVERY_WORKERD") {
        return Ok(path.into());
    }
    npm(npm_parts::WORKER)?;
    let modules = root().join(npm_parts::WORKER).join("node_modules");
    let native = fs::read_dir(modules.join("@cloudflare"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin/workerd"))
        .find(|path| path.is_file());
    Ok(native.unwrap_or_else(|| modules.join(".bin/workerd")))
}

/// Chromium's path, from the system's packages. Playwright does not look on PATH by itself.
pub(crate) fn chromium() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("EDGE_DELIVERY_CHROMIUM") {
        return Ok(path.into());
    }
    if let Some(found) = find_chromium() {
        return Ok(found);
    }
    system_package(
        "chromium",
        "a Chromium browser (Debian: apt-get install chromium), or its path in EDGE_DELIVERY_CHROMIUM",
    )?;
    find_chromium().context("Chromium was installed but is not on PATH")
}

fn find_chromium() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find_map(find_program)
}

/// PostgreSQL's server programs (`initdb`, `postgres`), which Debian does not put on PATH.
pub(crate) fn postgres_programs() -> anyhow::Result<PathBuf> {
    if let Some(folder) = find_postgres() {
        return Ok(folder);
    }
    system_package(
        "postgresql",
        "the PostgreSQL server (Debian: apt-get install postgresql)",
    )?;
    find_postgres().context("PostgreSQL was installed, but its server programs were not found")
}

fn find_postgres() -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .collect();
    folders.sort();
    folders.extend(
        std::env::var_os("PATH")
            .iter()
            .flat_map(std::env::split_paths),
    );
    folders
        .into_iter()
        .rev()
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
}

/// Installs a Debian package when that is possible here, else says what to install.
fn system_package(package: &str, what: &str) -> anyhow::Result<()> {
    let is_root = crate::run::output(&mut command("id", &["-u"])).is_ok_and(|id| id.trim() == "0");
    if !is_root || !is_installed("apt-get") {
        bail!("the tests need {what}: install it, then run this again");
    }
    say(&format!("installing {package} …"));
    let apt =
        |args: &[&str]| run(command("apt-get", args).env("DEBIAN_FRONTEND", "noninteractive"));
    apt(&["update", "-qq"])?;
    apt(&["install", "-y", "-qq", "--no-install-recommends", package])
}

/// A Python environment with the packages of a requirements file.
pub(crate) fn python_environment(requirements: &Path, folder: &Path) -> anyhow::Result<()> {
    let text = fs::read(requirements)
        .with_context(|| format!("{} cannot be read", requirements.display()))?;
    let stamp = folder.join(".installed-from");
    let wanted = hex::encode(Sha256::digest(&text));
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    say("installing the Python SDK for the emulator's tests …");
    if run(command("python3", &["-m", "venv"]).arg(folder)).is_err() {
        system_package(
            "python3-venv",
            "Python 3 with venv (Debian: apt-get install python3-venv)",
        )?;
        run(command("python3", &["-m", "venv"]).arg(folder))?;
    }
    let pip = folder.join("bin/pip");
    run(command(
        &pip.to_string_lossy(),
        &["install", "--quiet", "--disable-pip-version-check", "-r"],
    )
    .arg(requirements))?;
    fs::write(&stamp, wanted).with_context(|| format!("{} cannot be written", stamp.display()))
}
