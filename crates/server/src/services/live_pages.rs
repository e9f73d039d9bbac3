//! Variants out of live pages: a page is fetched as a visitor who is nobody in particular, its main content is taken out of
//! it, cleaned, and saved as a draft beside the page. No model is asked.
//!
//! The same look serves the daily check of published pages ([`watch`]): whether the main text is still what it was when
//! the variant was made, and whether the origin shows the page at all.

pub(crate) mod extract;
pub(crate) mod fetch;
pub(crate) mod making;
pub(crate) mod robots;
pub(crate) mod sitemap;
pub(crate) mod watch;

use crate::{app::App, problem::Outcome};
use domain::{
    ids::WorkspaceId,
    path::PagePath,
    variant::{Format, Revision},
};
use extract::LivePage;
use store::{IfMatch, NewRevision, Site};

/// Saves a page as a draft. `false` when the newest revision says just this already. The text that it was made of is kept,
/// so that the daily check can compare.
pub(crate) async fn save_draft(
    app: &App,
    ws: WorkspaceId,
    site: &Site,
    format: Format,
    path: &PagePath,
    page: &LivePage,
    author: &str,
) -> Outcome<bool> {
    let content = page.content(format);
    let revision = Revision::of(content.as_bytes());
    let known = app
        .store
        .variant(ws, site.id, format, path.as_str())
        .await?;
    let is_new = known.is_none_or(|variant| variant.latest != revision);
    if is_new {
        let new = NewRevision {
            site: site.id,
            format,
            path: path.as_str(),
            content: content.as_bytes(),
            author,
            note: Some("made from the live page"),
            at: app.clock.now(),
            publish: false,
            if_match: IfMatch::Any,
        };
        app.store.save_revision(ws, &new).await?;
    }
    app.store
        .keep_made_text(
            ws,
            site.id,
            format,
            path.as_str(),
            &revision,
            &page.text_hash,
        )
        .await?;
    Ok(is_new)
}
