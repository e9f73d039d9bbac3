//! Saving, publishing, unpublishing and deleting a variant.

use super::edit::{new_view, view};
use crate::{
    audit::{self, Kind},
    console::desk::{Desk, done, encoded, id, refused, with_previews},
    problem::{Outcome, Problem},
    services::{
        sites,
        variants::{self, PutOptions, VariantName},
    },
};
use axum::{Form, extract::Path, response::Response};
use domain::{ids::SiteId, variant::Format};
use serde::Deserialize;
use store::{IfMatch, Site};

/// What the editor sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SaveForm {
    format: String,
    path: String,
    /// The revision that the text started from; empty for a new variant.
    base: String,
    content: String,
    then: String,
}

/// What the buttons send.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NameForm {
    format: String,
    path: String,
    revision: String,
    sure: String,
}

fn address(name: &VariantName) -> String {
    format!(
        "/sites/{}/variants/edit?format={}&path={}",
        name.site,
        name.format,
        encoded(name.path.as_str())
    )
}

async fn load(desk: &Desk, text: &str) -> Outcome<Site> {
    sites::get(desk.app(), desk.ws(), id::<SiteId>(text, "site")?).await
}

/// Saves a revision, and publishes it if so told.
pub(in crate::console) async fn save(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<SaveForm>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    // Browsers send a text area's lines with CR and LF.
    let content = form.content.replace("\r\n", "\n");
    let publish = form.then != "draft";
    let outcome = put(&desk, &site, &form, &content, publish).await;
    match outcome {
        Ok(name) => {
            let (kind, word) = if publish {
                (Kind::VariantPublished, "published")
            } else {
                (Kind::VariantSaved, "draft")
            };
            audit::record_variant(desk.app(), &desk.actor(), kind, &name).await;
            Ok(done(&address(&name), word))
        }
        Err(problem) => again(&desk, &site, &form, content, problem).await,
    }
}

async fn put(
    desk: &Desk,
    site: &Site,
    form: &SaveForm,
    content: &str,
    publish: bool,
) -> Outcome<VariantName> {
    let name = VariantName::parse(site.id, &form.format, form.path.trim())?;
    let if_match = match form.base.as_str() {
        "" => IfMatch::None,
        base => IfMatch::Revision(
            base.parse()
                .map_err(|_| Problem::field("base", "is not a revision"))?,
        ),
    };
    let options = PutOptions {
        publish,
        if_match,
        author: desk.me.by(),
        note: None,
    };
    variants::put(desk.app(), desk.ws(), &name, content.as_bytes(), options).await?;
    Ok(name)
}

/// The editor again, with what was typed and why it was refused.
async fn again(
    desk: &Desk,
    site: &Site,
    form: &SaveForm,
    content: String,
    problem: Problem,
) -> Result<Response, Problem> {
    let there = match VariantName::parse(site.id, &form.format, form.path.trim()) {
        Ok(name) if !form.base.is_empty() => Some(name),
        _ => None,
    };
    let view = match there {
        Some(name) => view(desk, site, &name, None, Some((content, problem))).await?,
        None => {
            let format = form.format.parse().unwrap_or(Format::Html);
            new_view(
                desk,
                site,
                format,
                form.path.clone(),
                content,
                Some(problem),
            )
        }
    };
    Ok(with_previews(refused(&view, view.problem.as_ref())))
}

/// Publishes a revision.
pub(in crate::console) async fn publish(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<NameForm>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    let name = VariantName::parse(site.id, &form.format, &form.path)?;
    let revision = form
        .revision
        .parse()
        .map_err(|_| Problem::not_found("revision", &form.revision))?;
    variants::publish(desk.app(), desk.ws(), &name, &revision).await?;
    audit::record_variant(desk.app(), &desk.actor(), Kind::VariantPublished, &name).await;
    Ok(done(&address(&name), "published"))
}

/// Takes a variant off the edge; its revisions stay.
pub(in crate::console) async fn unpublish(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<NameForm>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    let name = VariantName::parse(site.id, &form.format, &form.path)?;
    variants::unpublish(desk.app(), desk.ws(), &name).await?;
    audit::record_variant(desk.app(), &desk.actor(), Kind::VariantUnpublished, &name).await;
    Ok(done(&address(&name), "unpublished"))
}

/// Deletes a variant with its revisions.
pub(in crate::console) async fn delete(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<NameForm>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    let name = VariantName::parse(site.id, &form.format, &form.path)?;
    if form.sure != "yes" {
        return Err(Problem::field(
            "sure",
            "was not ticked, so nothing was deleted",
        ));
    }
    variants::delete(desk.app(), desk.ws(), &name, &IfMatch::Any).await?;
    audit::record_variant(desk.app(), &desk.actor(), Kind::VariantDeleted, &name).await;
    Ok(done(&format!("/sites/{}", site.id), "deleted"))
}
