//! The registry as the Worker knows it: tokens alone, in the fewest bytes that a Worker can read at its start.

use super::{ExcludedKind, Purpose, Registry};
use std::fmt::Write;

/// The registry as JavaScript text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentTable {
    script: String,
}

impl AgentTable {
    /// The table of a registry. It changes only when a token, its purpose or its kind does.
    pub fn of(registry: &Registry) -> Self {
        let mut script = String::from(
            "// Generated from the agent registry; do not edit. `cargo xtask generate` writes it anew.\n\n\
             /** Tokens of AI agents, by purpose. */\n",
        );
        list(
            &mut script,
            "AGENT_TOKENS",
            Purpose::ALL.map(|purpose| {
                let tokens = registry.agents().iter();
                let tokens = tokens.filter(|agent| agent.purpose == purpose);
                (
                    purpose.as_str(),
                    tokens.map(|agent| agent.token.as_str()).collect(),
                )
            }),
        );
        script.push_str("/** Tokens of bots that get the page that people get, by kind; each stands for its family (`token-…`) too. */\n");
        list(
            &mut script,
            "EXCLUDED_TOKENS",
            ExcludedKind::ALL.map(|kind| {
                let tokens = registry.excluded().iter();
                let tokens = tokens.filter(|bot| bot.kind == kind);
                (
                    kind.as_str(),
                    tokens.map(|bot| bot.token.as_str()).collect(),
                )
            }),
        );
        Self { script }
    }

    /// The table as JavaScript text.
    pub fn script(&self) -> &str {
        &self.script
    }
}

/// Tokens hold nothing that a JavaScript text would have to escape: the document's check sees to that.
fn list(script: &mut String, name: &str, groups: [(&str, Vec<&str>); 3]) {
    writeln!(script, "const {name} = {{").expect("a string takes text");
    for (group, tokens) in groups {
        writeln!(script, "  {group}:\n    '{}',", tokens.join(" ")).expect("a string takes text");
    }
    script.push_str("};\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_table_is_current() {
        assert!(
            AgentTable::of(&Registry::built_in()).script()
                == include_str!("../../../../worker/generated/agents.js"),
            "stale: run `cargo xtask generate`"
        );
    }

    #[test]
    fn the_table_is_small() {
        let table = AgentTable::of(&Registry::built_in());
        assert!(table.script().len() < 8 * 1024, "{}", table.script().len());
    }
}
