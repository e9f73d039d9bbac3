//! Saving, publishing, unpublishing and deleting a variant.

use super::{
    edit::{is_untouched, new_view, view},
    edit_link,
};
use crate::{
    audit::{self, Kind},
    console::{
        address,
        desk::{Desk, done, id, refused, with_previews},
        form::Form,
        sites::hostnames,
    },
    problem::{Code, Outcome, Problem},
    services::{
        sites,
        variants::{self, PutOptions, VariantName},
    },
};
use axum::{extract::Path, response::Response};
use domain::{ids::SiteId, lint::Lint, variant::Format};
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
    /// What its author says about it.
    note: String,
    /// Whether findings are confirmed.
    sure: String,
}

/// What the buttons send.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NameForm {
    pub(super) format: String,
    pub(super) path: String,
    revision: String,
    sure: String,
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
        Ok((name, is_cut, lints)) => {
            let kind = if publish {
                Kind::VariantPublished
            } else {
                Kind::VariantSaved
            };
            audit::record_checked(desk.app(), &desk.actor(), kind, &name, &lints).await;
            Ok(done(
                &edit_link(&name),
                match (publish, is_cut) {
                    (true, false) => "published",
                    (true, true) => "published-path",
                    (false, false) => "draft",
                    (false, true) => "draft-path",
                },
            ))
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
) -> Outcome<(VariantName, bool, Vec<Lint>)> {
    let (name, is_cut) = named_in(site, form)?;
    if is_untouched(content) {
        return Err(Problem::field(
            "content",
            "is still the empty template, so nothing was saved",
        )
        .remedy("Fill in the title, the heading and the text of the page first."));
    }
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
        note: Some(form.note.trim()).filter(|note| !note.is_empty()),
        force: form.sure == "yes",
    };
    let saved = variants::put(desk.app(), desk.ws(), &name, content.as_bytes(), options)
        .await
        .map_err(|problem| match problem.code {
            Code::EditConflict => in_the_way(&name, &form.base),
            _ => problem,
        })?;
    Ok((name, is_cut, saved.lints))
}

/// The variant that a form names, and whether a query or fragment was left out of what was typed.
fn named_in(site: &Site, form: &SaveForm) -> Outcome<(VariantName, bool)> {
    let typed = address::read(&hostnames(site), &form.path)?;
    let name = VariantName::parse(site, &form.format, &typed.path)?;
    Ok((name, typed.has_more_than_matters(&site.settings.paths)))
}

/// Why a form could not be saved: a new one where there is a variant, or one that somebody else was faster with.
fn in_the_way(name: &VariantName, base: &str) -> Problem {
    let (format, path) = (name.format, name.path.as_str());
    if base.is_empty() {
        return Problem::new(
            Code::ResourceConflict,
            format!(
                "{path} has {} variant already; nothing was saved.",
                with_article(format)
            ),
        )
        .cause("This form is for a new variant, and a page has one in each format.")
        .remedy(
            "Open the one that is there and bring your text into it; what you typed is kept below.",
        );
    }
    Problem::new(
        Code::EditConflict,
        format!("Somebody else saved the {format} variant of {path} after you opened it; nothing was saved."),
    )
    .cause("The newest revision is not the one that your text started from.")
    .remedy("Bring into your text, which is kept below, what you want of theirs. Saving once more puts yours on top; theirs stays in the history.")
}

fn with_article(format: Format) -> &'static str {
    match format {
        Format::Html => "an html",
        Format::Markdown => "a markdown",
    }
}

/// The editor again, with what was typed and why it was refused.
async fn again(
    desk: &Desk,
    site: &Site,
    form: &SaveForm,
    content: String,
    problem: Problem,
) -> Result<Response, Problem> {
    let named = named_in(site, form).ok().map(|(name, _)| name);
    let there = named.clone().filter(|_| !form.base.is_empty());
    let is_taken = problem.code == Code::ResourceConflict;
    let is_confirmation = problem.code == Code::ConfirmationNeeded;
    let mut view = match there {
        Some(name) => view(desk, site, &name, None, Some((Some(content), problem))).await?,
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
            .await
        }
    };
    view.note.clone_from(&form.note);
    if is_confirmation {
        view.problem = view
            .problem
            .map(|panel| panel.with("See the findings", "#checks"));
    }
    if let (true, Some(name)) = (is_taken, named) {
        let link = edit_link(&name);
        view.problem = view
            .problem
            .map(|panel| panel.with("Open the variant that is there", link));
    }
    Ok(with_previews(refused(&view, view.problem.as_ref())))
}

/// Publishes a revision.
pub(in crate::console) async fn publish(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<NameForm>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    let name = VariantName::parse(&site, &form.format, &form.path)?;
    let revision = form
        .revision
        .parse()
        .map_err(|_| Problem::not_found("revision", &form.revision))?;
    let what = (&revision, form.sure == "yes");
    let published = variants::publish(desk.app(), desk.ws(), &name, what, desk.me.by()).await;
    let lints = match published {
        Ok(saved) => saved.lints,
        // Its page shows what was found, and has the box to confirm it.
        Err(problem) if problem.code == Code::ConfirmationNeeded => {
            let mut view = view(&desk, &site, &name, Some(revision), Some((None, problem))).await?;
            view.problem = view
                .problem
                .map(|panel| panel.with("See the findings", "#checks"));
            return Ok(with_previews(refused(&view, view.problem.as_ref())));
        }
        Err(problem) => return Err(problem),
    };
    let kind = Kind::VariantPublished;
    audit::record_checked(desk.app(), &desk.actor(), kind, &name, &lints).await;
    Ok(done(&edit_link(&name), "published"))
}

/// Takes a variant off the edge; its revisions stay.
pub(in crate::console) async fn unpublish(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<NameForm>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    let name = VariantName::parse(&site, &form.format, &form.path)?;
    variants::unpublish(desk.app(), desk.ws(), &name, desk.me.by()).await?;
    audit::record_variant(desk.app(), &desk.actor(), Kind::VariantUnpublished, &name).await;
    Ok(done(&edit_link(&name), "unpublished"))
}

/// Deletes a variant with its revisions.
pub(in crate::console) async fn delete(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<NameForm>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    let name = VariantName::parse(&site, &form.format, &form.path)?;
    if form.sure != "yes" {
        return Err(Problem::field(
            "sure",
            "was not ticked, so nothing was deleted",
        ));
    }
    variants::delete(desk.app(), desk.ws(), &name, &IfMatch::Any, desk.me.by()).await?;
    audit::record_variant(desk.app(), &desk.actor(), Kind::VariantDeleted, &name).await;
    Ok(done(&format!("/sites/{}", site.id), "deleted"))
}
