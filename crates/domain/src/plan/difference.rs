//! What somebody changed behind our back: the account as it is against what we made of it. Drift apart from intent, and
//! what a three-way view is made of.
//!
//! Only what we stamped or recorded is compared: hashes, ids, names of bindings, and what the account itself told right
//! after our upload. A fact that an answer leaves out is unknown and no difference.

use super::{
    Resource,
    ownership::{is_our_route, is_our_script, our_namespace},
};
use crate::{
    desired::{Desired, OWNER_TAG, hash_tag, namespace_title, site_tag},
    edge::{
        COMPATIBILITY_DATE, CONFIG_BINDING, KEY_BINDING, KV_BINDING, data_point::VISITS_BINDING,
    },
    ids::NamespaceId,
    observed::{AppliedScript, Observed, ObservedScript, ScriptOptions},
    preview::PREVIEW_KEY_BINDING,
    route_pattern::is_same_pattern,
};
use serde::{Deserialize, Serialize};

/// One thing that is not as we made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// What kind of object.
    pub resource: Resource,
    /// Which one: its title, name or pattern.
    pub name: String,
    /// What of it: `script text`, `binding VARIANTS`, `compatibility date`, `Worker`, …
    pub what: String,
    /// What the site should have now.
    pub ours: Option<String>,
    /// What the account has.
    pub theirs: Option<String>,
    /// What we gave it last.
    pub last_applied: Option<String>,
    /// With what it was changed, where the account tells: `dash`, `wrangler`, `api`, …
    pub by: Option<String>,
    /// Whether deploying puts it back. Otherwise it is told and left alone.
    pub repaired: bool,
}

/// Everything that is not as we made it. Empty for a site that was never deployed.
pub fn differences(desired: &Desired, observed: &Observed) -> Vec<Difference> {
    let mut found = namespace(desired, observed);
    found.extend(script(desired, observed));
    found.extend(routes(desired, observed));
    found
}

fn text(text: impl Into<String>) -> Option<String> {
    Some(text.into())
}

fn namespace(desired: &Desired, observed: &Observed) -> Vec<Difference> {
    let title = namespace_title(desired.site);
    let Some(recorded) = &observed.recorded.namespace else {
        return Vec::new();
    };
    let difference = |what: &str, theirs, last_applied, repaired| Difference {
        resource: Resource::KvNamespace,
        name: title.clone(),
        what: what.to_owned(),
        ours: text(title.clone()),
        theirs,
        last_applied,
        by: None,
        repaired,
    };
    match observed
        .namespaces
        .iter()
        .find(|found| found.id == *recorded)
    {
        None => vec![difference(
            "namespace",
            None,
            text(recorded.to_string()),
            true,
        )],
        Some(found) if found.title != title => {
            let is_taken = observed.namespaces.iter().any(|other| other.title == title);
            vec![difference(
                "title",
                text(found.title.clone()),
                text(title.clone()),
                !is_taken,
            )]
        }
        Some(_) => Vec::new(),
    }
}

/// A binding in words: with the whole id of a namespace or name of a dataset, or the start of a hash.
fn binding_words(kind: &str, stamp: Option<&str>) -> String {
    match stamp {
        Some(id) if matches!(kind, "kv_namespace" | "analytics_engine") => format!("{kind} {id}"),
        Some(hash) => format!("{kind} {}", cut(hash)),
        None => kind.to_owned(),
    }
}

/// The short form of a hash, as it stands in the tags.
fn short(hash: &str) -> String {
    format!("script {}", hash_tag(hash).trim_start_matches("hash-"))
}

struct ScriptView<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    script: &'a ObservedScript,
    applied: &'a AppliedScript,
}

/// What is not as we uploaded it. The settled records are needed: an upload of ours whose answer was lost is no edit.
pub(super) fn script(desired: &Desired, observed: &Observed) -> Vec<Difference> {
    let recorded = &observed.recorded;
    let Some(script) = &observed.script else {
        let name = crate::desired::script_name(desired.site);
        return recorded
            .applied
            .as_ref()
            .map(|applied| Difference {
                resource: Resource::Script,
                name,
                what: "Worker".to_owned(),
                ours: text(short(&desired.script_hash)),
                theirs: None,
                last_applied: text(short(&applied.hash)),
                by: None,
                repaired: true,
            })
            .into_iter()
            .collect();
    };
    let known = recorded
        .applied
        .clone()
        .or_else(|| of_earlier_program(desired, script, observed));
    let Some(applied) = known
        .as_ref()
        .filter(|_| is_our_script(desired.site, script, observed))
    else {
        return Vec::new();
    };
    let view = ScriptView {
        desired,
        observed,
        script,
        applied,
    };
    let mut found = view.tags();
    found.extend(view.bindings());
    found.extend(view.settings());
    let is_edited = recorded.script_etag.is_some()
        && script.etag.is_some()
        && recorded.script_etag != script.etag;
    let is_other_version =
        applied.version.is_some() && script.version.is_some() && applied.version != script.version;
    if is_edited {
        let theirs = script
            .etag
            .as_deref()
            .map(|etag| format!("text {}", cut(etag)));
        found.insert(
            0,
            view.difference("script text", theirs, text(short(&applied.hash))),
        );
    } else if is_other_version && found.iter().all(|found| !found.repaired) {
        // Nothing that is told differs, and yet there is another version: a secret's value, say.
        let version = |id: &Option<String>| id.as_deref().map(|id| format!("version {}", cut(id)));
        found.insert(
            0,
            view.difference(
                "version",
                version(&script.version),
                version(&applied.version),
            ),
        );
    }
    if is_edited || is_other_version {
        for found in &mut found {
            found.by.clone_from(&script.last_deployed_from);
        }
    }
    found
}

/// Records of an earlier program hold the etag alone.
fn of_earlier_program(
    desired: &Desired,
    script: &ObservedScript,
    observed: &Observed,
) -> Option<AppliedScript> {
    observed.recorded.script_etag.as_ref()?;
    let hash = script.tags.iter().find_map(|tag| tag.strip_prefix("hash-"));
    Some(AppliedScript {
        hash: hash.unwrap_or(&desired.script_hash).to_owned(),
        config_hash: None,
        version: None,
        compatibility_flags: None,
        options: None,
        unanswered: 0,
        preview_key: None,
        key: None,
        dataset: None,
    })
}

fn cut(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

impl ScriptView<'_> {
    fn difference(
        &self,
        what: &str,
        theirs: Option<String>,
        last_applied: Option<String>,
    ) -> Difference {
        Difference {
            resource: Resource::Script,
            name: self.script.name.clone(),
            what: what.to_owned(),
            ours: match what {
                "script text" | "version" => text(short(&self.desired.script_hash)),
                _ => last_applied.clone(),
            },
            theirs,
            last_applied,
            by: None,
            repaired: true,
        }
    }

    fn tags(&self) -> Vec<Difference> {
        let wanted = [
            OWNER_TAG.to_owned(),
            site_tag(self.desired.site),
            hash_tag(&self.applied.hash),
        ];
        if wanted.iter().all(|tag| self.script.tags.contains(tag)) {
            return Vec::new();
        }
        let theirs = match self.script.tags.join(", ") {
            none if none.is_empty() => "no tags".to_owned(),
            tags => tags,
        };
        vec![self.difference("tags", text(theirs), text(wanted.join(", ")))]
    }

    fn bindings(&self) -> Vec<Difference> {
        let namespace = our_namespace(self.desired.site, self.observed);
        let Some(bindings) = &self.script.bindings else {
            return self.namespace_binding(namespace.map(|found| found.id.as_str()));
        };
        let mut found = Vec::new();
        let config = self.applied.config_hash.as_deref();
        // A Worker of an earlier program has no key for previews.
        let preview_key = self
            .applied
            .preview_key
            .as_ref()
            .map(|_| (PREVIEW_KEY_BINDING, "secret_text", None));
        let dataset = self.applied.dataset.as_deref();
        let visits = dataset.map(|name| (VISITS_BINDING, "analytics_engine", Some(name)));
        let always = [
            (
                KV_BINDING,
                "kv_namespace",
                namespace.map(|found| found.id.as_str()),
            ),
            (KEY_BINDING, "secret_text", None),
            (CONFIG_BINDING, "json", config),
        ];
        for (name, kind, stamp) in always.into_iter().chain(preview_key).chain(visits) {
            let what = format!("binding {name}");
            let last_applied = text(binding_words(kind, stamp));
            match bindings.iter().find(|binding| binding.name == name) {
                None => found.push(self.difference(&what, None, last_applied)),
                Some(binding) => {
                    let is_other = binding.stamp.is_some()
                        && stamp.is_some()
                        && binding.stamp.as_deref() != stamp;
                    if binding.kind != kind || is_other {
                        let theirs = binding_words(&binding.kind, binding.stamp.as_deref());
                        found.push(self.difference(&what, text(theirs), last_applied));
                    }
                }
            }
        }
        let ours = [KV_BINDING, KEY_BINDING, CONFIG_BINDING, PREVIEW_KEY_BINDING];
        for binding in bindings {
            let is_ours = ours.contains(&binding.name.as_str())
                || dataset.is_some() && binding.name == VISITS_BINDING;
            if !is_ours {
                let what = format!("binding {}", binding.name);
                found.push(self.difference(&what, text(binding.kind.clone()), None));
            }
        }
        found
    }

    fn namespace_binding(&self, ours: Option<&str>) -> Vec<Difference> {
        let theirs = self.script.namespace.as_ref().map(NamespaceId::as_str);
        if theirs == ours {
            return Vec::new();
        }
        let words = |id: Option<&str>| id.map(|id| binding_words("kv_namespace", Some(id)));
        vec![self.difference(&format!("binding {KV_BINDING}"), words(theirs), words(ours))]
    }

    fn settings(&self) -> Vec<Difference> {
        let mut found = Vec::new();
        if let Some(date) = &self.script.compatibility_date
            && date != COMPATIBILITY_DATE
        {
            found.push(self.difference(
                "compatibility date",
                text(date.clone()),
                text(COMPATIBILITY_DATE),
            ));
        }
        if let (Some(now), Some(then)) = (
            &self.script.compatibility_flags,
            &self.applied.compatibility_flags,
        ) && now != then
        {
            let words = |flags: &[String]| match flags.join(", ") {
                none if none.is_empty() => text("none"),
                flags => text(flags),
            };
            found.push(self.difference("compatibility flags", words(now), words(then)));
        }
        if let (Some(now), Some(then)) = (&self.script.options, &self.applied.options) {
            found.extend(self.options(now, then));
        }
        found
    }

    /// We set none of these, and an owner may: told, and left alone.
    fn options(&self, now: &ScriptOptions, then: &ScriptOptions) -> Vec<Difference> {
        let switch = |is_on: bool| if is_on { "on" } else { "off" }.to_owned();
        let tails = |names: &[String]| match names.join(", ") {
            none if none.is_empty() => "none".to_owned(),
            names => names,
        };
        [
            ("Logpush", switch(now.logpush), switch(then.logpush)),
            (
                "observability",
                switch(now.observability),
                switch(then.observability),
            ),
            (
                "tail Workers",
                tails(&now.tail_consumers),
                tails(&then.tail_consumers),
            ),
        ]
        .into_iter()
        .filter(|(_, now, then)| now != then)
        .map(|(what, now, then)| Difference {
            repaired: false,
            ..self.difference(what, Some(now), Some(then))
        })
        .collect()
    }
}

fn routes(desired: &Desired, observed: &Observed) -> Vec<Difference> {
    let site = desired.site;
    let ours = crate::desired::script_name(site);
    let recorded = &observed.recorded;
    let made = recorded
        .routes
        .iter()
        .map(|route| (&route.id, &route.pattern));
    let taken = recorded
        .adopted
        .iter()
        .filter(|route| route.is_taken)
        .map(|route| (&route.id, &route.pattern));
    let mut found = Vec::new();
    for (id, pattern) in made.chain(taken) {
        let is_wanted = desired
            .routes()
            .iter()
            .any(|wanted| is_same_pattern(&wanted.pattern, pattern));
        if !is_wanted {
            continue;
        }
        let mut add = |what: &str, ours: &str, theirs: Option<String>, repaired| {
            found.push(Difference {
                resource: Resource::Route,
                name: pattern.clone(),
                what: what.to_owned(),
                ours: text(ours),
                theirs,
                last_applied: text(ours),
                by: None,
                repaired,
            });
        };
        let Some(route) = observed.routes.iter().find(|route| route.id == *id) else {
            add("route", &ours, None, true);
            continue;
        };
        if !is_our_route(site, route) {
            let theirs = route
                .script
                .clone()
                .unwrap_or_else(|| "no Worker".to_owned());
            add("Worker", &ours, Some(theirs), false);
        }
        if !is_same_pattern(&route.pattern, pattern) {
            add("pattern", pattern, text(route.pattern.clone()), true);
        }
        if is_our_route(site, route) && route.request_limit_fail_open == Some(false) {
            add("fail open", "on", text("off"), false);
        }
    }
    found
}
