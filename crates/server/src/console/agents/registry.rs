//! The registry of agents: which is in force, a document that waits, and the ways back.

use crate::{
    api::agents::{active_event, staged_event},
    audit::{Event, Kind},
    console::{
        desk::{Desk, done, page, refused},
        form::Form,
        parts::{ProblemPanel, When},
        shell::Shell,
    },
    problem::{Outcome, Problem},
    services::agents::{self, Back, Standing},
};
use askama::Template;
use axum::{
    extract::Multipart,
    http::header,
    response::{IntoResponse, Response},
};
use domain::agents::changes::Change;
use serde::Deserialize;
use store::AgentRegistry;

/// The registry.
#[derive(Debug, Template)]
#[template(path = "pages/agent_registry.html")]
pub(crate) struct RegistryPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// What is in force.
    pub(crate) active: HeldRow,
    /// Whether that came with the program.
    pub(crate) is_built_in: bool,
    /// What waits.
    pub(crate) staged: Option<StagedPart>,
    /// What was in force before.
    pub(crate) former: Vec<HeldRow>,
    /// Why a document was not taken, or a deed not done.
    pub(crate) problem: Option<ProblemPanel>,
    /// All that is wrong with the document, when it is more than one thing.
    pub(crate) faults: Vec<String>,
}

/// A registry, without its entries.
#[derive(Debug, Clone)]
pub(crate) struct HeldRow {
    /// Its id; empty for the built-in one.
    pub(crate) id: String,
    /// What its author calls it.
    pub(crate) version: String,
    /// How many agents it has.
    pub(crate) agents: u64,
    /// Who put it in force, or took it in.
    pub(crate) by: String,
    /// When.
    pub(crate) when: Option<When>,
}

/// A registry that waits.
#[derive(Debug, Clone)]
pub(crate) struct StagedPart {
    /// The registry.
    pub(crate) held: HeldRow,
    /// Its digest.
    pub(crate) digest: String,
    /// What differs: a heading and the entries.
    pub(crate) changes: Vec<(&'static str, Vec<Change>)>,
    /// At which site who would get what: the name, who gets the variant from then on, and who the page.
    pub(crate) sites: Vec<(String, String, String)>,
}

fn held(row: &AgentRegistry, desk: &Desk) -> HeldRow {
    let by = row.activated_by.as_ref().unwrap_or(&row.staged_by);
    HeldRow {
        id: row.id.to_string(),
        version: row.version.clone(),
        agents: row.agents,
        by: by.clone(),
        when: Some(When {
            at: row.activated_at.unwrap_or(row.staged_at),
            now: desk.now(),
        }),
    }
}

fn view(desk: &Desk, standing: &Standing, problem: Option<Problem>) -> RegistryPage {
    let agents = u64::try_from(standing.registry.agents().len()).unwrap_or(u64::MAX);
    let staged = standing.staged.as_ref().map(|staged| {
        let changes = &staged.changes;
        let lists = [
            ("Added", &changes.added),
            ("Changed", &changes.changed),
            ("Removed", &changes.removed),
        ];
        StagedPart {
            held: held(&staged.row, desk),
            digest: staged.row.digest.clone(),
            changes: lists
                .into_iter()
                .filter(|(_, list)| !list.is_empty())
                .map(|(title, list)| (title, list.clone()))
                .collect(),
            sites: staged
                .sites
                .iter()
                .map(|site| {
                    let of = |wanted| {
                        let effects = site.effects.iter();
                        let tokens = effects.filter(|effect| effect.after == wanted);
                        let tokens: Vec<&str> = tokens.map(|it| it.token.as_str()).collect();
                        tokens.join(", ")
                    };
                    use domain::agents::Treatment::{Origin, Serve};
                    (site.name.clone(), of(Serve), of(Origin))
                })
                .collect(),
        }
    });
    let errors = problem.iter().flat_map(|problem| &problem.errors);
    let mut faults: Vec<String> = errors
        .map(|error| format!("{} {}", error.field, error.detail))
        .collect();
    if faults.len() == 1 {
        faults.clear();
    }
    RegistryPage {
        faults,
        shell: desk.shell("agents"),
        active: match &standing.active {
            Some(row) => held(row, desk),
            None => HeldRow {
                id: String::new(),
                version: standing.registry.version().to_owned(),
                agents,
                by: String::new(),
                when: None,
            },
        },
        is_built_in: standing.active.is_none(),
        staged,
        former: standing.former.iter().map(|row| held(row, desk)).collect(),
        problem: problem.map(ProblemPanel::new),
    }
}

/// The registry.
pub(crate) async fn show(desk: Desk) -> Result<Response, Problem> {
    let standing = agents::standing(desk.app(), desk.ws()).await?;
    Ok(page(&view(&desk, &standing, None)))
}

/// The registry in force as a file, to be changed and sent again.
pub(crate) async fn download(desk: Desk) -> Result<Response, Problem> {
    let registry = agents::active(desk.app(), desk.ws()).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"agents.json\"",
        ),
    ];
    Ok((headers, registry.to_document()).into_response())
}

/// The page again, after something was done or refused.
async fn after(
    desk: &Desk,
    outcome: Outcome<Event>,
    word: &'static str,
) -> Result<Response, Problem> {
    match outcome {
        Ok(event) => {
            desk.record(event).await;
            Ok(done("/agents/registry", word))
        }
        Err(problem) => {
            let standing = agents::standing(desk.app(), desk.ws()).await?;
            let view = view(desk, &standing, Some(problem));
            Ok(refused(&view, view.problem.as_ref()))
        }
    }
}

/// Takes a document in.
pub(crate) async fn stage(desk: Desk, form: Multipart) -> Result<Response, Problem> {
    let outcome = match document_of(form).await {
        Ok(bytes) => agents::stage(desk.app(), desk.ws(), &bytes, desk.me.by()).await,
        Err(problem) => Err(problem),
    };
    after(
        &desk,
        outcome.map(|standing| staged_event(&standing)),
        "agents_staged",
    )
    .await
}

async fn document_of(mut form: Multipart) -> Outcome<Vec<u8>> {
    let unreadable = |_| Problem::field("document", "could not be read whole");
    while let Some(part) = form.next_field().await.map_err(unreadable)? {
        if part.name() == Some("document") {
            let bytes = part.bytes().await.map_err(unreadable)?;
            if bytes.is_empty() {
                break;
            }
            return Ok(bytes.to_vec());
        }
    }
    Err(Problem::field("document", "is missing: choose a file"))
}

/// What the button beside the staged registry sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ActivateForm {
    digest: String,
}

/// Puts the staged registry in force.
pub(crate) async fn activate(
    desk: Desk,
    Form(form): Form<ActivateForm>,
) -> Result<Response, Problem> {
    let digest = Some(form.digest.as_str());
    let outcome = agents::activate(desk.app(), desk.ws(), digest, desk.me.by()).await;
    after(
        &desk,
        outcome.map(|standing| active_event(Kind::AgentsActivated, &standing)),
        "agents_active",
    )
    .await
}

/// Forgets the staged registry.
pub(crate) async fn discard(desk: Desk) -> Result<Response, Problem> {
    let outcome = agents::discard(desk.app(), desk.ws()).await;
    after(
        &desk,
        outcome.map(|_| Event::new(Kind::AgentsDiscarded)),
        "agents_discarded",
    )
    .await
}

/// Where to go back to: a former registry's id; empty: the built-in one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RevertForm {
    to: String,
}

/// Goes back.
pub(crate) async fn revert(desk: Desk, Form(form): Form<RevertForm>) -> Result<Response, Problem> {
    let to = match form.to.as_str() {
        "" => Ok(Back::BuiltIn),
        id => match id.parse() {
            Ok(id) => Ok(Back::Former(Some(id))),
            Err(_) => Err(Problem::field("to", "names no former registry")),
        },
    };
    let outcome = match to {
        Ok(to) => agents::go_back(desk.app(), desk.ws(), to, desk.me.by()).await,
        Err(problem) => Err(problem),
    };
    after(
        &desk,
        outcome.map(|standing| active_event(Kind::AgentsReverted, &standing)),
        "agents_reverted",
    )
    .await
}
