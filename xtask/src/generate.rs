//! Files that are written by the program and committed, so that the Worker's tests need no Rust.

use crate::run::root;
use anyhow::Context;
use std::fs;

/// Where the Worker's agent table is.
const AGENTS: &str = "worker/generated/agents.js";

/// Writes them.
pub(crate) fn run() -> anyhow::Result<()> {
    let table = domain::agents::AgentTable::of(&domain::agents::Registry::built_in());
    fs::write(root().join(AGENTS), table.script())
        .with_context(|| format!("{AGENTS} cannot be written"))
}
