//! Markdown variants that are made from the published HTML ones, where the site asks for it. One that somebody wrote by hand is
//! left alone.

use crate::{
    app::App,
    problem::Outcome,
    services::{
        live_pages::extract,
        sync,
        variants::{self, PutOptions, VariantName},
    },
};
use domain::{path::PagePath, variant::Format};
use std::collections::HashMap;
use store::{Followed, IfMatch, Site};

/// Who their revisions are by; so they are known again.
pub(crate) const AUTHOR: &str = "made from HTML";

/// Publishes the Markdown of each HTML variant that was published, and takes back that of one that was taken back.
pub(super) async fn keep_in_step(app: &App, site: &Site, followed: &[Followed]) -> Outcome<()> {
    let mut last: HashMap<&str, &Followed> = HashMap::new();
    for one in followed.iter().filter(|one| one.format == Format::Html) {
        last.insert(&one.path, one);
    }
    for one in last.into_values() {
        if let Err(problem) = one_page(app, site, one).await {
            // The next publication tries again; the HTML variant is served all the same.
            tracing::warn!(site.id = %site.id, path = one.path, %problem, "no Markdown could be made from HTML");
        }
    }
    Ok(())
}

async fn one_page(app: &App, site: &Site, html: &Followed) -> Outcome<()> {
    let ws = site.workspace;
    let Ok(path) = PagePath::parse(&html.path) else {
        return Ok(());
    };
    let name = VariantName {
        site: site.id,
        format: Format::Markdown,
        path,
    };
    let path = name.path.as_str();
    let revisions = app
        .store
        .revisions(ws, site.id, Format::Markdown, path)
        .await?;
    let known = app
        .store
        .variant(ws, site.id, Format::Markdown, path)
        .await?;
    let is_ours = known.as_ref().is_none_or(|variant| {
        revisions
            .iter()
            .any(|info| info.revision == variant.latest && info.author == AUTHOR)
    });
    if !is_ours {
        return Ok(());
    }
    let Some(revision) = &html.revision else {
        if known.is_some_and(|variant| variant.published.is_some()) {
            let now = app.clock.now();
            app.store
                .unpublish(ws, site.id, Format::Markdown, path, now)
                .await?;
            sync::hurry(app, ws, site.id).await?;
        }
        return Ok(());
    };
    let content = app
        .store
        .content(ws, site.id, Format::Html, path, revision)
        .await?;
    let Some(content) = content else {
        // Deleted meanwhile; that comes next.
        return Ok(());
    };
    let text = String::from_utf8_lossy(&content).into_owned();
    let markdown = match extract::markdown(text).await {
        Ok(markdown) => format!("{}\n", markdown.trim()),
        Err(why) => {
            tracing::warn!(site.id = %site.id, path, why, "no Markdown could be made from HTML");
            return Ok(());
        }
    };
    let options = PutOptions {
        publish: true,
        if_match: IfMatch::Any,
        author: AUTHOR,
        note: Some("kept in step with the HTML variant"),
        force: true,
    };
    variants::put(app, ws, &name, markdown.as_bytes(), options).await?;
    Ok(())
}
