//! What a site's owner says about agents: checked against the registry in force.

use crate::problem::{Outcome, Problem};
use domain::agents::{AgentPolicy, Purpose, Registry, Treatment};
use std::collections::BTreeMap;

/// The most single tokens of one site: each stands in its Worker's configuration.
const SINGLE_MAX: usize = 200;

/// What is to be changed; what is not named stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PolicyPatch {
    /// By purpose.
    pub(crate) purposes: BTreeMap<Purpose, Treatment>,
    /// By token; `None` takes back what was said of it.
    pub(crate) single: BTreeMap<String, Option<Treatment>>,
}

/// Puts what is to be changed into what is known.
pub(crate) fn apply(
    patch: &PolicyPatch,
    known: &AgentPolicy,
    registry: &Registry,
) -> Outcome<AgentPolicy> {
    let mut policy = known.clone();
    policy.purposes.extend(&patch.purposes);
    // The default is not written down, so that two policies that say the same are the same.
    policy
        .purposes
        .retain(|_, treatment| *treatment == Treatment::Origin);
    for (token, treatment) in &patch.single {
        policy
            .single
            .retain(|said, _| !said.eq_ignore_ascii_case(token));
        let Some(treatment) = treatment else { continue };
        policy.single.insert(written(token, registry)?, *treatment);
    }
    if policy.single.len() > SINGLE_MAX {
        return Err(Problem::field(
            "agents.single",
            format!("names more than {SINGLE_MAX} agents"),
        ));
    }
    Ok(policy)
}

/// The token as the registry writes it.
fn written(token: &str, registry: &Registry) -> Outcome<String> {
    let agent = registry.agent(token).map(|agent| &agent.token);
    let found = agent.or_else(|| registry.excluded_bot(token).map(|bot| &bot.token));
    found.cloned().ok_or_else(|| {
        let shown: String = token.chars().take(80).collect();
        let is_robots = registry
            .robots_only()
            .iter()
            .any(|word| word.token.eq_ignore_ascii_case(token));
        let why = if is_robots {
            "which stands in robots.txt alone: no request carries it"
        } else {
            "which the registry of agents does not know"
        };
        Problem::field("agents.single", format!("names {shown:?}, {why}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_are_laid_over_what_is_known() {
        use Treatment::{Origin, Serve};
        let registry = Registry::built_in();
        let patch = PolicyPatch {
            purposes: BTreeMap::from([(Purpose::Training, Origin), (Purpose::User, Serve)]),
            single: BTreeMap::from([
                ("ccbot".to_owned(), Some(Serve)),
                ("Applebot".to_owned(), Some(Serve)),
            ]),
        };
        let first = apply(&patch, &AgentPolicy::default(), &registry).expect("good");
        assert_eq!(
            first.purposes,
            BTreeMap::from([(Purpose::Training, Origin)])
        );
        assert_eq!(
            first.single,
            BTreeMap::from([("CCBot".to_owned(), Serve), ("Applebot".to_owned(), Serve)])
        );
        assert_eq!(first.overrides(&registry), ["Applebot"]);
        let back = PolicyPatch {
            purposes: BTreeMap::from([(Purpose::Training, Serve)]),
            single: BTreeMap::from([("CCBOT".to_owned(), None), ("applebot".to_owned(), None)]),
        };
        let second = apply(&back, &first, &registry).expect("good");
        assert_eq!(second, AgentPolicy::default());
    }

    #[test]
    fn unknown_tokens_are_refused() {
        let registry = Registry::built_in();
        for (token, why) in [
            ("NoSuchBot", "does not know"),
            ("Google-Extended", "robots.txt alone"),
            ("", "does not know"),
        ] {
            let patch = PolicyPatch {
                single: BTreeMap::from([(token.to_owned(), Some(Treatment::Serve))]),
                ..PolicyPatch::default()
            };
            let refused = apply(&patch, &AgentPolicy::default(), &registry).expect_err(token);
            assert!(refused.detail.contains(why), "{}", refused.detail);
        }
    }
}
