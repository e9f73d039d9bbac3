//! Who gets variants at a site: the part of its settings about agents.

use super::change::{load, settings_view};
use crate::{
    audit::{self, Event, Kind},
    console::{
        desk::{Desk, done, refused},
        form::Form,
        parts::ProblemPanel,
    },
    problem::{Outcome, Problem},
    services::{
        agents::{self, PolicyPatch},
        sites::{self, SitePatch},
    },
};
use axum::{extract::Path, response::Response};
use domain::agents::{AgentPolicy, Purpose, Registry, Treatment};
use std::collections::BTreeMap;
use store::Site;

/// Who gets variants.
#[derive(Debug, Clone, Default)]
pub(crate) struct PolicyPart {
    /// The purposes: word, label, how many agents there are of it, and whether they are served.
    pub(crate) purposes: Vec<(&'static str, &'static str, usize, bool)>,
    /// What is said of single ones: token, what it is, and whether it is served.
    pub(crate) single: Vec<(String, &'static str, bool)>,
    /// Every token that can be named.
    pub(crate) tokens: Vec<String>,
    /// The token that something was to be said of, as typed.
    pub(crate) typed: String,
    /// Whether that one was to get variants.
    pub(crate) typed_serves: bool,
    /// Why it was not saved.
    pub(crate) problem: Option<ProblemPanel>,
}

impl PolicyPart {
    /// What a policy says.
    pub(crate) fn new(policy: &AgentPolicy, registry: &Registry) -> Self {
        let of = |purpose| {
            let agents = registry.agents().iter();
            agents.filter(|agent| agent.purpose == purpose).count()
        };
        let purposes = Purpose::ALL.into_iter().map(|purpose| {
            let is_served = policy.of_purpose(purpose) == Treatment::Serve;
            let label = match purpose {
                Purpose::Training => "Agents that train models",
                Purpose::Search => "Agents that build a search index for answers",
                Purpose::User => "Agents that fetch because a person asked",
            };
            (purpose.as_str(), label, of(purpose), is_served)
        });
        let single = policy.single.iter().map(|(token, treatment)| {
            let agent = registry.agent(token).map(|agent| agent.purpose.title());
            let what = agent
                .or_else(|| Some(registry.excluded_bot(token)?.kind.title()))
                .unwrap_or("not in the registry any more");
            (token.clone(), what, *treatment == Treatment::Serve)
        });
        let agents = registry.agents().iter().map(|agent| agent.token.clone());
        let excluded = registry.excluded().iter().map(|bot| bot.token.clone());
        Self {
            purposes: purposes.collect(),
            single: single.collect(),
            tokens: agents.chain(excluded).collect(),
            ..Self::default()
        }
    }

    /// With what was typed in the place of what is stored.
    fn typed(mut self, form: &PolicyForm) -> Self {
        for (word, _, _, is_served) in &mut self.purposes {
            *is_served = form.contains_key(*word);
        }
        for (token, _, is_served) in &mut self.single {
            if let Some(said) = form.get(&format!("one:{token}")) {
                *is_served = said == "serve";
            }
        }
        self.typed = form.get("token").cloned().unwrap_or_default();
        self.typed_serves = form.get("gets").is_some_and(|gets| gets == "serve");
        self
    }
}

/// What the form sends: a purpose's word for a ticked box, `one:{token}` with `serve`, `origin` or `forget`, and what is
/// to be added.
type PolicyForm = BTreeMap<String, String>;

fn patch_of(form: &PolicyForm, registry: &Registry) -> Outcome<PolicyPatch> {
    let mut patch = PolicyPatch::default();
    for purpose in Purpose::ALL {
        let is_served = form.contains_key(purpose.as_str());
        let treatment = if is_served {
            Treatment::Serve
        } else {
            Treatment::Origin
        };
        patch.purposes.insert(purpose, treatment);
    }
    for (name, value) in form {
        if let Some(token) = name.strip_prefix("one:") {
            patch.single.insert(token.to_owned(), treatment_of(value)?);
        }
    }
    let added = form
        .get("token")
        .map(|token| token.trim())
        .unwrap_or_default();
    if !added.is_empty() {
        let gets = form.get("gets").map_or("origin", String::as_str);
        let treatment = treatment_of(gets)?;
        let is_cloaking =
            registry.excluded_bot(added).is_some() && treatment == Some(Treatment::Serve);
        if is_cloaking && !form.contains_key("sure") {
            return Err(Problem::field(
                "token",
                format!(
                    "names {added}, a search engine or link preview: tick the box that says that you know what that means"
                ),
            ));
        }
        patch.single.insert(added.to_owned(), treatment);
    }
    Ok(patch)
}

fn treatment_of(word: &str) -> Outcome<Option<Treatment>> {
    match word {
        "serve" => Ok(Some(Treatment::Serve)),
        "origin" => Ok(Some(Treatment::Origin)),
        "forget" => Ok(None),
        _ => Err(Problem::field("gets", "must be serve, origin or forget")),
    }
}

/// Saves who gets variants; it reaches Cloudflare with the next deployment.
pub(crate) async fn save_agents(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<PolicyForm>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    let registry = agents::active(desk.app(), desk.ws()).await?;
    match save(&desk, &site, &form, &registry).await {
        Ok(changed) => {
            desk.record(Event::site(Kind::SiteChanged, &changed)).await;
            audit::record_policy(desk.app(), &desk.actor(), &changed, &registry).await;
            Ok(done(&format!("/sites/{}/settings", site.id), "saved"))
        }
        Err(problem) => {
            let mut view = settings_view(&desk, &site, None, None).await?;
            view.agents = view.agents.typed(&form);
            view.agents.problem = Some(ProblemPanel::new(problem));
            Ok(refused(&view, view.agents.problem.as_ref()))
        }
    }
}

async fn save(desk: &Desk, site: &Site, form: &PolicyForm, registry: &Registry) -> Outcome<Site> {
    let patch = SitePatch {
        agents: Some(patch_of(form, registry)?),
        ..SitePatch::default()
    };
    sites::update(desk.app(), desk.ws(), site.id, patch).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> PolicyForm {
        let owned = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        owned.collect()
    }

    #[test]
    fn a_form_becomes_a_patch() {
        let registry = Registry::built_in();
        let patch = patch_of(
            &form(&[
                ("search", "yes"),
                ("one:CCBot", "forget"),
                ("one:GPTBot", "origin"),
                ("token", " PerplexityBot "),
                ("gets", "origin"),
            ]),
            &registry,
        )
        .expect("good");
        assert_eq!(patch.purposes[&Purpose::Training], Treatment::Origin);
        assert_eq!(patch.purposes[&Purpose::Search], Treatment::Serve);
        assert_eq!(patch.single["CCBot"], None);
        assert_eq!(patch.single["GPTBot"], Some(Treatment::Origin));
        assert_eq!(patch.single["PerplexityBot"], Some(Treatment::Origin));
    }

    #[test]
    fn a_search_engine_is_served_only_by_somebody_who_is_sure() {
        let registry = Registry::built_in();
        let mut fields = vec![("token", "googlebot"), ("gets", "serve")];
        assert!(patch_of(&form(&fields), &registry).is_err());
        fields.push(("sure", "yes"));
        let patch = patch_of(&form(&fields), &registry).expect("sure");
        assert_eq!(patch.single["googlebot"], Some(Treatment::Serve));
        assert!(patch_of(&form(&[("one:GPTBot", "maybe")]), &registry).is_err());
    }
}
