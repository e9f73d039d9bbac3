//! Agents that a question names and the registry does not know: mistyped, or no longer in it. The question is answered all the
//! same, since what was counted of an agent that left the registry must stay in reach.

use super::Filter;
use domain::{agents::Registry, visit::UNKNOWN_AGENT};
use similar::TextDiff;

/// How alike two names are that may be the same, mistyped: 0 to 1. The six letters of `FooBot` and `GPTBot` are half alike.
const ALIKE: f32 = 0.6;

/// As many are told; who names more has made a list of something else.
const TOLD: usize = 5;

/// The most characters of a name that are repeated.
const NAME_MAX: usize = 80;

/// A name that is no agent's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unlisted {
    /// The name.
    pub(crate) name: String,
    /// The token of the registry that is most like it, if any is.
    pub(crate) nearest: Option<String>,
}

impl Unlisted {
    /// That it is no agent, and what is shown then.
    pub(crate) fn words(&self) -> String {
        format!(
            "{} is no agent of the registry: shown is what was counted under that name all the same.",
            self.name
        )
    }

    /// The same for where nothing can be linked: with the nearest name, or else where the names are.
    pub(crate) fn note(&self, list: &str) -> String {
        match &self.nearest {
            Some(nearest) => format!("{} The nearest name is {nearest}.", self.words()),
            None => format!("{} {list} has all names.", self.words()),
        }
    }
}

/// The agents of the filter that are neither in the registry, as agents or as bots that a site may serve by name, nor
/// [`UNKNOWN_AGENT`].
pub(crate) fn unlisted(registry: &Registry, filter: &Filter) -> Vec<Unlisted> {
    let is_known = |token: &str| {
        registry.agent(token).is_some()
            || registry.excluded_bot(token).is_some()
            || token.eq_ignore_ascii_case(UNKNOWN_AGENT)
    };
    filter
        .agents
        .iter()
        .filter(|token| !is_known(token))
        .take(TOLD)
        .map(|token| {
            let name: String = token.chars().take(NAME_MAX).collect();
            Unlisted {
                nearest: nearest(registry, &name),
                name,
            }
        })
        .collect()
}

fn nearest(registry: &Registry, name: &str) -> Option<String> {
    let name = name.to_lowercase();
    registry
        .agents()
        .iter()
        .map(|agent| {
            let token = agent.token.to_lowercase();
            let alike = TextDiff::from_chars(name.as_str(), token.as_str()).ratio();
            (alike, &agent.token)
        })
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
        .map(|(_, token)| token.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_names_and_foreign_ones() {
        let registry = Registry::built_in();
        let of = |names: &[&str]| {
            let filter = Filter {
                agents: names.iter().map(|name| (*name).to_owned()).collect(),
                ..Filter::default()
            };
            unlisted(&registry, &filter)
        };
        assert_eq!(of(&["gptbot", "ClaudeBot", "unknown", "Googlebot"]), []);
        for (name, nearest) in [
            ("GPTBott", Some("GPTBot")),
            ("claude-bot", Some("ClaudeBot")),
            ("PerplexityBo", Some("PerplexityBot")),
            ("zzzz", None),
            ("日本", None),
        ] {
            let found = of(&[name]);
            assert_eq!(found.len(), 1, "{name}");
            assert_eq!(found[0].nearest.as_deref(), nearest, "{name}");
        }
        assert!(
            of(&["zzzz"])[0]
                .note("The list")
                .ends_with("The list has all names.")
        );
        assert_eq!(of(&["x1", "x2", "x3", "x4", "x5", "x6"]).len(), TOLD);
        assert_eq!(
            of(&["é".repeat(5_000).as_str()])[0].name.chars().count(),
            NAME_MAX
        );
    }
}
