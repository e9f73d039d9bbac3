//! What happened to a variant, and the way back.

use super::variants::{self, VariantName, published_changed};
use crate::{
    app::App,
    problem::{Code, Outcome, Problem},
};
use domain::{ids::WorkspaceId, variant::Revision};
use store::{Deed, HistoryEntry, HistoryKind, Listed, Page, Variant};

/// A part of a variant's history, newest first. A path whose variant was deleted still tells what was published.
pub(crate) async fn list(
    app: &App,
    ws: WorkspaceId,
    name: &VariantName,
    page: &Page,
) -> Outcome<Listed<HistoryEntry>> {
    super::sites::get(app, ws, name.site).await?;
    let listed = app
        .store
        .variant_history(ws, name.site, name.format, name.path.as_str(), page)
        .await?;
    if listed.items.is_empty() && page.after.is_none() {
        variants::get(app, ws, name).await?;
    }
    Ok(listed)
}

/// The revision that was published before the present one, or last if none is published now.
pub(crate) async fn before(
    app: &App,
    ws: WorkspaceId,
    name: &VariantName,
    variant: &Variant,
) -> Outcome<Option<Revision>> {
    let page = Page::first(store::PAGE_MAX);
    let told = app
        .store
        .variant_history(ws, name.site, name.format, name.path.as_str(), &page)
        .await?;
    Ok(told
        .items
        .into_iter()
        .filter(|one| is_publication(one.kind) && one.is_kept)
        .filter_map(|one| one.revision)
        .find(|revision| variant.published.as_ref() != Some(revision)))
}

fn is_publication(kind: HistoryKind) -> bool {
    matches!(
        kind,
        HistoryKind::Published
            | HistoryKind::RolledBack
            | HistoryKind::PublishedOnSchedule
            | HistoryKind::Restored
    )
}

/// Publishes what was published before, or `to`. It was public already, so it is not checked again.
pub(crate) async fn roll_back(
    app: &App,
    ws: WorkspaceId,
    name: &VariantName,
    to: Option<Revision>,
    by: &str,
) -> Outcome<Variant> {
    let variant = variants::get(app, ws, name).await?;
    let to = match to {
        Some(to) => {
            let page = Page::first(store::PAGE_MAX);
            let told = list(app, ws, name, &page).await?.items;
            let was_published = told
                .iter()
                .any(|one| is_publication(one.kind) && one.revision.as_ref() == Some(&to));
            if !was_published {
                return Err(Problem::field(
                    "to",
                    "is a revision that was never published here; publish it instead",
                ));
            }
            to
        }
        None => before(app, ws, name, &variant)
            .await?
            .ok_or_else(nothing_before)?,
    };
    let deed = Deed::by(by, app.clock.now()).of_kind(HistoryKind::RolledBack);
    let is_there = app
        .store
        .publish(ws, name.site, name.format, name.path.as_str(), &to, deed)
        .await?;
    if !is_there {
        return Err(Problem::not_found("revision", to.as_str()));
    }
    published_changed(app, ws, name.site).await?;
    variants::get(app, ws, name).await
}

fn nothing_before() -> Problem {
    Problem::new(
        Code::InvalidState,
        "There is no earlier publication to go back to.",
    )
    .cause("Nothing else was ever published here, or its revision is no longer kept.")
    .remedy("Choose a revision from the history and publish that.")
}
