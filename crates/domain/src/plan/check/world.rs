//! A copy of the observation on which a plan is played, and what each step may do.

use super::Violation;
use crate::{
    desired::{Goal, RouteChoiceKind, namespace_title, script_name, site_tag},
    ids::NamespaceId,
    observed::{Observed, ObservedScript},
    plan::{Action, Resource, Step},
    route_pattern::{RoutePattern, is_same_pattern},
};

struct Route {
    id: String,
    pattern: String,
    script: Option<String>,
}

struct Namespace {
    id: String,
    title: String,
    is_ours: bool,
}

/// The account, as far as it matters to the promises.
pub(super) struct World<'a> {
    goal: &'a Goal,
    observed: &'a Observed,
    name: String,
    title: String,
    has_script: bool,
    may_touch_script: bool,
    namespaces: Vec<Namespace>,
    is_loaded: bool,
    routes: Vec<Route>,
    /// Whether a step uploaded the script.
    pub(super) was_uploaded: bool,
}

impl<'a> World<'a> {
    pub(super) fn new(goal: &'a Goal, observed: &'a Observed) -> Self {
        let site = goal.site();
        let (name, title) = (script_name(site), namespace_title(site));
        let recorded = &observed.recorded;
        let may_touch_script = observed.script.as_ref().is_some_and(|found| {
            recorded.script_intended
                || found.tags.iter().any(|tag| *tag == site_tag(site))
                || (found.etag.is_some() && found.etag == recorded.script_etag)
        });
        let is_bound = |id: &str| {
            let script = observed.script.as_ref().filter(|_| may_touch_script);
            script
                .and_then(|script| script.namespace.as_ref())
                .map(NamespaceId::as_str)
                == Some(id)
        };
        let namespaces: Vec<Namespace> = observed
            .namespaces
            .iter()
            .map(|found| Namespace {
                id: found.id.to_string(),
                title: found.title.clone(),
                is_ours: recorded.namespace.as_ref() == Some(&found.id)
                    || (found.title == title
                        && (recorded.namespace_intended
                            || found.is_marked == Some(true)
                            || is_bound(found.id.as_str()))),
            })
            .collect();
        let is_recorded_there = namespaces
            .iter()
            .any(|found| recorded.namespace.as_ref().map(NamespaceId::as_str) == Some(&found.id));
        Self {
            goal,
            observed,
            name,
            title,
            has_script: observed.script.is_some(),
            may_touch_script,
            namespaces,
            is_loaded: recorded.content_loaded && is_recorded_there,
            routes: observed
                .routes
                .iter()
                .map(|route| Route {
                    id: route.id.to_string(),
                    pattern: route.pattern.clone(),
                    script: route.script.clone(),
                })
                .collect(),
            was_uploaded: false,
        }
    }

    /// Whether our Worker gets everything that this pattern matches.
    pub(super) fn covers(&self, pattern: &str) -> bool {
        let Ok(wanted) = pattern.parse::<RoutePattern>() else {
            return self.runs(pattern);
        };
        self.own_routes()
            .filter_map(|own| own.parse::<RoutePattern>().ok())
            .any(|own| own.holds(&wanted))
    }

    /// Whether a route of exactly this pattern runs our Worker.
    pub(super) fn runs(&self, pattern: &str) -> bool {
        self.own_routes().any(|own| is_same_pattern(own, pattern))
    }

    /// The patterns of the routes that run our Worker.
    pub(super) fn own_routes(&self) -> impl Iterator<Item = &str> {
        let is_own = |route: &&Route| route.script.as_ref() == Some(&self.name);
        self.routes
            .iter()
            .filter(is_own)
            .map(|route| route.pattern.as_str())
    }

    /// Whether we know of having made or adopted a route of this pattern.
    pub(super) fn is_recorded(&self, pattern: &str) -> bool {
        let recorded = &self.observed.recorded;
        let is_known = |id: &str| {
            recorded.routes.iter().any(|known| known.id.as_str() == id)
                || recorded.adopted.iter().any(|known| known.id.as_str() == id)
        };
        let mut patterns = recorded.routes_intended.iter();
        patterns.any(|known| is_same_pattern(known, pattern))
            || self
                .routes
                .iter()
                .any(|route| route.pattern == pattern && is_known(&route.id))
    }

    pub(super) const fn is_loaded(&self) -> bool {
        self.is_loaded
    }

    pub(super) const fn has_own_script(&self) -> bool {
        self.has_script && self.may_touch_script
    }

    pub(super) fn has_namespace(&self) -> bool {
        self.namespaces.iter().any(|namespace| namespace.is_ours)
    }

    /// Whether the script is bound to the namespace that the site uses: the recorded one, while it is there.
    pub(super) fn is_bound(&self, script: &ObservedScript) -> bool {
        let bound = script.namespace.as_ref().map(NamespaceId::as_str);
        let recorded = self.observed.recorded.namespace.as_ref();
        let recorded = recorded.map(NamespaceId::as_str);
        let is_there = |id: Option<&str>| {
            let mut ours = self.namespaces.iter().filter(|namespace| namespace.is_ours);
            ours.any(|namespace| Some(namespace.id.as_str()) == id)
        };
        is_there(bound) && (bound == recorded || !is_there(recorded))
    }

    /// Plays one step, if it may be done.
    pub(super) fn step(&mut self, step: &Step) -> Result<(), Violation> {
        let unfounded = || Violation::Unfounded(step.name.clone());
        let foreign = || Violation::Foreign(step.name.clone());
        let dangling = || Violation::Dangling(step.name.clone());
        let is_removal = matches!(self.goal, Goal::Absent { .. });
        match (step.resource, step.action) {
            (Resource::KvNamespace, Action::Create) => {
                let is_titled = self.namespaces.iter().any(|other| other.title == step.name);
                if step.name != self.title || is_titled || self.has_namespace() {
                    return Err(unfounded());
                }
                self.namespaces.push(Namespace {
                    id: "new".to_owned(),
                    title: self.title.clone(),
                    is_ours: true,
                });
                self.is_loaded = false;
            }
            (Resource::KvNamespace, Action::Update) => {
                let is_titled = self.namespaces.iter().any(|other| other.title == step.name);
                if step.name != self.title || is_titled {
                    return Err(unfounded());
                }
                let title = self.title.clone();
                self.own_namespace(step)?.title = title;
            }
            (Resource::KvNamespace, Action::Delete) => {
                self.own_namespace(step)?;
                if self.has_own_script() {
                    return Err(dangling());
                }
                let id = step.id.clone();
                self.namespaces
                    .retain(|namespace| Some(&namespace.id) != id.as_ref());
            }
            (Resource::Content, Action::Delete) | (Resource::Zone, _) => return Err(unfounded()),
            (Resource::Content, _) => {
                if step.name != self.title || !self.has_namespace() {
                    return Err(dangling());
                }
                self.is_loaded = true;
            }
            (Resource::Script, Action::Delete) => {
                if step.name != self.name || !self.may_touch_script {
                    return Err(foreign());
                }
                if !self.has_script || !is_removal {
                    return Err(unfounded());
                }
                if let Some(pattern) = self.own_routes().next() {
                    return Err(Violation::Dangling(pattern.to_owned()));
                }
                self.has_script = false;
            }
            (Resource::Script, action) => {
                let is_new = action == Action::Create;
                if step.name != self.name || is_new == self.has_script {
                    return Err(unfounded());
                }
                if !is_new && !self.may_touch_script {
                    return Err(foreign());
                }
                if !self.has_namespace() || !(self.is_loaded || is_removal) {
                    return Err(dangling());
                }
                self.has_script = true;
                self.may_touch_script = true;
                self.was_uploaded = true;
            }
            (Resource::Route, Action::Create) => {
                let is_there = self
                    .routes
                    .iter()
                    .any(|other| is_same_pattern(&other.pattern, &step.name));
                if is_there {
                    return Err(foreign());
                }
                if !self.has_own_script() {
                    return Err(dangling());
                }
                self.routes.push(Route {
                    id: "new".to_owned(),
                    pattern: step.name.clone(),
                    script: Some(self.name.clone()),
                });
            }
            (Resource::Route, Action::Update) => self.change_route(step)?,
            (Resource::Route, Action::Delete) => {
                let at = self.route_at(step)?;
                let is_adopted = self.is_adopted(&self.routes[at].id);
                if self.routes[at].script.as_ref() != Some(&self.name) || is_adopted {
                    return Err(foreign());
                }
                self.routes.remove(at);
            }
        }
        Ok(())
    }

    fn own_namespace(&mut self, step: &Step) -> Result<&mut Namespace, Violation> {
        self.namespaces
            .iter_mut()
            .find(|namespace| Some(&namespace.id) == step.id.as_ref() && namespace.is_ours)
            .ok_or_else(|| Violation::Foreign(step.name.clone()))
    }

    fn route_at(&self, step: &Step) -> Result<usize, Violation> {
        self.routes
            .iter()
            .position(|route| Some(&route.id) == step.id.as_ref())
            .ok_or_else(|| Violation::Unfounded(step.name.clone()))
    }

    fn is_adopted(&self, id: &str) -> bool {
        let mut adopted = self.observed.recorded.adopted.iter();
        adopted.any(|adopted| adopted.id.as_str() == id)
    }

    /// Whether somebody chose that this route, as it is, shall be ours.
    fn is_chosen(&self, route: &Route) -> bool {
        let Goal::Present(desired) = self.goal else {
            return false;
        };
        desired.choices.iter().any(|choice| {
            choice.kind == RouteChoiceKind::Adopt
                && choice.route.as_str() == route.id
                && choice.script == route.script
                && is_same_pattern(&choice.pattern, &route.pattern)
        })
    }

    /// Three changes are allowed: adopting as somebody chose, giving back what was taken over, and giving a route of ours
    /// its own pattern again.
    fn change_route(&mut self, step: &Step) -> Result<(), Violation> {
        let foreign = || Violation::Foreign(step.name.clone());
        let at = self.route_at(step)?;
        let change = step
            .route
            .as_ref()
            .ok_or_else(|| Violation::Unfounded(step.name.clone()))?;
        let route = &self.routes[at];
        let is_own = route.script.as_ref() == Some(&self.name);
        let keeps_pattern = is_same_pattern(&route.pattern, &step.name);
        if change.from != route.script {
            return Err(Violation::Unfounded(step.name.clone()));
        }
        if change.to.as_ref() == Some(&self.name) {
            if !self.has_own_script() {
                return Err(Violation::Dangling(step.name.clone()));
            }
            let is_made = self.observed.recorded.routes.iter().any(|known| {
                known.id.as_str() == route.id && is_same_pattern(&known.pattern, &step.name)
            });
            let is_allowed = if is_own {
                is_made && !self.runs(&step.name)
            } else {
                keeps_pattern && self.is_chosen(route)
            };
            if !is_allowed {
                return Err(foreign());
            }
        } else {
            let mut adopted = self.observed.recorded.adopted.iter();
            let was = adopted.find(|adopted| adopted.id.as_str() == route.id);
            // Or one of ours that was taken back from somebody: to whom it may go again.
            let mut made = self.observed.recorded.routes.iter();
            let is_retaken =
                made.any(|made| made.id.as_str() == route.id && made.retaken.is_some());
            let is_former = was.map_or(is_retaken, |was| {
                change.to.is_none() || change.to == was.script
            });
            if !is_own || !keeps_pattern || !is_former {
                return Err(foreign());
            }
        }
        let to = change.to.clone();
        let route = &mut self.routes[at];
        route.pattern.clone_from(&step.name);
        route.script = to;
        Ok(())
    }
}
