//! Deleting every variant below a path, once its number was typed.

use super::ClearPage;
use crate::{
    audit,
    console::{
        desk::{Desk, done, id, page, refused},
        form::Form,
        parts::{ProblemPanel, plural},
        sites::head,
    },
    problem::{Outcome, Problem},
    services::{imports, sites},
};
use axum::{
    extract::{Path, Query},
    response::Response,
};
use domain::ids::SiteId;
use serde::Deserialize;
use store::Site;

/// What the address and the form say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ClearForm {
    prefix: String,
    confirm: String,
}

async fn load(desk: &Desk, text: &str) -> Outcome<Site> {
    sites::get(desk.app(), desk.ws(), id::<SiteId>(text, "site")?).await
}

async fn view(
    desk: &Desk,
    site: &Site,
    typed: String,
    problem: Option<Problem>,
) -> Outcome<ClearPage> {
    let (mut found, mut problem) = (None, problem);
    if !typed.is_empty() {
        let counted = match imports::prefix_of(typed.trim()) {
            Ok(prefix) => imports::count_below(desk.app(), desk.ws(), site.id, &prefix).await,
            Err(wrong) => Err(wrong),
        };
        match counted {
            Ok(count) => found = Some((count, plural(count, "variant"))),
            Err(wrong) => problem = problem.or(Some(wrong)),
        }
    }
    Ok(ClearPage {
        shell: desk.shell(&site.id.to_string()),
        site: head(desk, site, "variants").await?,
        prefix: typed,
        found,
        problem: problem.map(ProblemPanel::new),
    })
}

/// How many there are, and the question.
pub(super) async fn ask(
    desk: Desk,
    Path(text): Path<String>,
    Query(query): Query<ClearForm>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    let view = view(&desk, &site, query.prefix, None).await?;
    Ok(match &view.problem {
        Some(_) => refused(&view, view.problem.as_ref()),
        None => page(&view),
    })
}

/// Deletes them.
pub(super) async fn clear(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<ClearForm>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    let deleted = match (
        imports::prefix_of(form.prefix.trim()),
        form.confirm.trim().replace(',', "").parse(),
    ) {
        (Err(problem), _) => Err(problem),
        (_, Err(_)) => Err(Problem::field(
            "confirm",
            "is not the number of variants, so nothing was deleted",
        )),
        (Ok(prefix), Ok(expected)) => {
            let (app, ws) = (desk.app(), desk.ws());
            imports::delete_below(app, ws, site.id, &prefix, expected, |_| ())
                .await
                .map(|deleted| (prefix, deleted))
        }
    };
    match deleted {
        Ok((prefix, deleted)) => {
            let actor = desk.actor();
            audit::record_many_deleted(desk.app(), &actor, site.id, &prefix, deleted.variants)
                .await;
            Ok(done(&format!("/sites/{}", site.id), "cleared"))
        }
        Err(problem) => {
            let view = view(&desk, &site, form.prefix, Some(problem)).await?;
            Ok(refused(&view, view.problem.as_ref()))
        }
    }
}
