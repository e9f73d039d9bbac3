//! The registry of agents: the built-in one, or another that an administrator put in its place. A document is staged
//! first, with what it would change shown, and put in force by a deed of its own; one can go back. What is in force
//! becomes every site's table of agents, and reaches Cloudflare with the site's next deployment.

mod outlook;
mod policy;

pub(crate) use outlook::{SiteOutlook, outlooks};
pub(crate) use policy::{PolicyPatch, apply};

use crate::{
    app::App,
    problem::{Code, FieldError, Outcome, Problem},
};
use domain::{
    agents::{
        AgentTable, Registry,
        changes::RegistryChanges,
        document::{self, DOCUMENT_MAX, Fault},
    },
    deployment::SiteStatus,
    ids::WorkspaceId,
};
use std::sync::{Arc, Mutex, PoisonError};
use store::{AgentRegistry, Page, RegistryState, Site};
use uuid::Uuid;

/// The registry in force that was read last, by its row.
#[derive(Debug, Default)]
pub(crate) struct Remembered(Mutex<Option<(Uuid, Arc<Registry>)>>);

impl Remembered {
    fn get(&self, id: Uuid) -> Option<Arc<Registry>> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, registry) = held.as_ref()?;
        (*known == id).then(|| Arc::clone(registry))
    }

    fn set(&self, id: Uuid, registry: &Arc<Registry>) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *held = Some((id, Arc::clone(registry)));
    }
}

/// The registry in force.
pub(crate) async fn active(app: &App, ws: WorkspaceId) -> Outcome<Arc<Registry>> {
    match app.store.active_agent_registry(ws).await? {
        None => Ok(Registry::built_in()),
        Some(row) => of_row(app, &row).await,
    }
}

/// The registry of a row that was in force. One that does not pass the checks of this version of the program gives way
/// to the built-in one: a table that might take people for agents is worse than an old one.
async fn of_row(app: &App, row: &AgentRegistry) -> Outcome<Arc<Registry>> {
    if let Some(known) = app.agents.get(row.id) {
        return Ok(known);
    }
    let registry = match load(app, row).await? {
        Ok(registry) => Arc::new(registry),
        Err(faults) => {
            tracing::error!(
                registry.id = %row.id,
                registry.version = row.version,
                fault = faults.first().map(ToString::to_string),
                "the registry of agents in force does not pass the checks; the built-in one takes its place"
            );
            Registry::built_in()
        }
    };
    app.agents.set(row.id, &registry);
    Ok(registry)
}

async fn load(app: &App, row: &AgentRegistry) -> Outcome<Result<Registry, Vec<Fault>>> {
    let document = app
        .store
        .agent_registry_document(row.workspace, row.id)
        .await?
        .unwrap_or_default();
    Ok(document::parse(document.as_bytes()))
}

/// What is in force, what waits, and what was.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    /// The registry in force.
    pub(crate) registry: Arc<Registry>,
    /// Its row; `None`: it is the built-in one.
    pub(crate) active: Option<AgentRegistry>,
    /// What was taken in and waits.
    pub(crate) staged: Option<Staged>,
    /// What was in force before, the last first.
    pub(crate) former: Vec<AgentRegistry>,
}

/// A registry that waits to be put in force.
#[derive(Debug, Clone)]
pub(crate) struct Staged {
    /// Its row.
    pub(crate) row: AgentRegistry,
    /// What differs from the one in force.
    pub(crate) changes: RegistryChanges,
    /// What that means for each site where it means something.
    pub(crate) sites: Vec<SiteOutlook>,
}

/// What is in force, what waits, and what was.
pub(crate) async fn standing(app: &App, ws: WorkspaceId) -> Outcome<Standing> {
    let mut rows = app.store.agent_registries(ws).await?;
    rows.sort_by_key(|row| std::cmp::Reverse(row.activated_at));
    let of = |state| rows.iter().filter(move |row| row.state == state).cloned();
    let active = of(RegistryState::Active).next();
    let registry = match &active {
        None => Registry::built_in(),
        Some(row) => of_row(app, row).await?,
    };
    let staged = match of(RegistryState::Staged).next() {
        None => None,
        // What no longer passes is as good as not there.
        Some(row) => match load(app, &row).await? {
            Err(_) => None,
            Ok(new) => Some(Staged {
                changes: RegistryChanges::between(&registry, &new),
                sites: outlooks(&all_sites(app, ws).await?, &registry, &new),
                row,
            }),
        },
    };
    Ok(Standing {
        registry,
        active,
        staged,
        former: of(RegistryState::Former).collect(),
    })
}

/// Checks a document and stages it, in the place of what was staged before. Nothing else changes.
pub(crate) async fn stage(
    app: &App,
    ws: WorkspaceId,
    document: &[u8],
    by: &str,
) -> Outcome<Standing> {
    let registry = document::parse(document).map_err(|faults| refused(&faults))?;
    if registry.digest() == active(app, ws).await?.digest() {
        return Err(Problem::new(
            Code::InvalidState,
            "This registry is in force already; nothing differs.",
        )
        .cause("The document holds the same entries, under the same version, as the one in force.")
        .remedy("Change what is to be changed in the document, give it another version, and send it again."));
    }
    let row = AgentRegistry {
        id: Uuid::now_v7(),
        workspace: ws,
        state: RegistryState::Staged,
        version: registry.version().to_owned(),
        digest: registry.digest().to_owned(),
        agents: u64::try_from(registry.agents().len()).unwrap_or(u64::MAX),
        staged_by: by.to_owned(),
        staged_at: app.clock.now(),
        activated_by: None,
        activated_at: None,
    };
    app.store
        .stage_agent_registry(&row, &registry.to_document())
        .await?;
    tracing::info!(registry.id = %row.id, registry.version = row.version, agents = row.agents, by, "a registry of agents was staged");
    standing(app, ws).await
}

fn refused(faults: &[Fault]) -> Problem {
    let first = faults.first().map(ToString::to_string).unwrap_or_default();
    let more = match faults.len() {
        0 | 1 => String::new(),
        2 => " One more fault is listed.".to_owned(),
        count => format!(" {} more faults are listed.", count - 1),
    };
    let mut problem = Problem::new(
        Code::ValidationFailed,
        format!("The registry was not taken: {first}.{more}"),
    )
    .cause("A registry decides who is shown another page than people, so one fault refuses all of it.")
    .remedy("Correct the document and send it again; nothing was changed, the registry in force stays.")
    .remedy(format!("docs/agents.md has the form of the document, of at most {} KiB; the registry in force can be had as one, to begin with.", DOCUMENT_MAX / 1024));
    problem.errors = faults
        .iter()
        .map(|fault| FieldError {
            field: fault.place.clone(),
            detail: fault.detail.clone(),
        })
        .collect();
    problem
}

/// Puts the staged registry in force. With a digest: only if that one is staged still.
pub(crate) async fn activate(
    app: &App,
    ws: WorkspaceId,
    digest: Option<&str>,
    by: &str,
) -> Outcome<Standing> {
    let before = standing(app, ws).await?;
    let staged = before.staged.ok_or_else(|| {
        Problem::new(Code::InvalidState, "No registry of agents is staged.")
            .cause("None was sent, it was put in force already, or somebody discarded it.")
            .remedy("Send a document first: it is staged, and shown with what it would change.")
    })?;
    if digest.is_some_and(|digest| digest != staged.row.digest) {
        return Err(Problem::new(
            Code::EditConflict,
            "Another registry is staged than the one that you looked at.",
        )
        .cause("Somebody staged another one meanwhile.")
        .remedy("Look at what is staged now, and put that in force if it is right."));
    }
    switch(app, ws, &before.registry, async || {
        app.store
            .activate_agent_registry(ws, staged.row.id, by, app.clock.now())
            .await
            .map_err(Problem::from)
    })
    .await
}

/// Forgets what is staged.
pub(crate) async fn discard(app: &App, ws: WorkspaceId) -> Outcome<Standing> {
    if !app.store.discard_staged_agent_registry(ws).await? {
        return Err(
            Problem::new(Code::InvalidState, "No registry of agents is staged.")
                .cause("It was discarded or put in force already.")
                .remedy("Nothing is to be done: the registry in force stays."),
        );
    }
    standing(app, ws).await
}

/// Where to go back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Back {
    /// To the registry that came with the program.
    BuiltIn,
    /// To the one that was in force before, by its id; without one to the last.
    Former(Option<Uuid>),
}

/// Puts an earlier registry in force again.
pub(crate) async fn go_back(app: &App, ws: WorkspaceId, to: Back, by: &str) -> Outcome<Standing> {
    let before = standing(app, ws).await?;
    match to {
        Back::BuiltIn => {
            switch(app, ws, &before.registry, async || {
                Ok(app.store.retire_active_agent_registry(ws).await?)
            })
            .await
        }
        Back::Former(id) => {
            let found = before
                .former
                .iter()
                .find(|row| id.is_none_or(|id| row.id == id));
            let Some(row) = found else {
                return Err(Problem::new(
                    Code::InvalidState,
                    "There is no such former registry of agents to go back to.",
                )
                .cause("None was in force before, or it is too long ago: the last ten are kept.")
                .remedy("Go back to the built-in registry, or send the document again."));
            };
            if let Err(faults) = load(app, row).await? {
                return Err(refused(&faults));
            }
            switch(app, ws, &before.registry, async || {
                app.store
                    .activate_agent_registry(ws, row.id, by, app.clock.now())
                    .await
                    .map_err(Problem::from)
            })
            .await
        }
    }
}

/// Does it, and tells the sites whose Worker differs by it.
async fn switch(
    app: &App,
    ws: WorkspaceId,
    old: &Registry,
    deed: impl AsyncFnOnce() -> Outcome<bool>,
) -> Outcome<Standing> {
    if !deed().await? {
        return Err(Problem::new(
            Code::InvalidState,
            "Nothing was changed: that registry is in force already, or is there no longer.",
        )
        .cause("Somebody did the same a moment ago, or the built-in registry is in force.")
        .remedy("Look at what is in force now."));
    }
    let standing = standing(app, ws).await?;
    let new = &standing.registry;
    tracing::info!(
        registry.version = new.version(),
        agents = new.agents().len(),
        "another registry of agents is in force"
    );
    let has_new_table = AgentTable::of(old) != AgentTable::of(new);
    for site in all_sites(app, ws).await? {
        let policy = &site.settings.agents;
        let differs = has_new_table || policy.for_edge(old) != policy.for_edge(new);
        if differs && site.status == SiteStatus::InSync && site.recorded.pinned.is_none() {
            app.store
                .set_site_status(ws, site.id, SiteStatus::Drifted, site.observed_at)
                .await?;
        }
    }
    Ok(standing)
}

/// Every site.
pub(crate) async fn all_sites(app: &App, ws: WorkspaceId) -> Outcome<Vec<Site>> {
    let mut sites = Vec::new();
    let mut page = Page::first(store::PAGE_MAX);
    loop {
        let listed = app.store.list_sites(ws, &page).await?;
        sites.extend(listed.items);
        match listed.next {
            Some(next) => page.after = Some(next),
            None => return Ok(sites),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_listed() {
        let fault = |place: &str| Fault {
            place: place.to_owned(),
            detail: "is wrong".to_owned(),
        };
        let one = refused(&[fault("version")]);
        assert_eq!(one.detail, "The registry was not taken: version is wrong.");
        let three = refused(&[fault("version"), fault("agents[0].token"), fault("x")]);
        assert!(three.detail.ends_with("2 more faults are listed."));
        assert_eq!(three.errors[1].field, "agents[0].token");
        assert_eq!(three.status, 422);
    }
}
