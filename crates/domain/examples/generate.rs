//! Writes what is generated from this crate into the working tree: the Worker's agent table.

use domain::agents::{AgentTable, Registry};
use std::{fs, path::Path};

fn main() -> std::io::Result<()> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../worker/generated/agents.js");
    fs::write(target, AgentTable::of(&Registry::built_in()).script())
}
