//! How a site's paths are read, and what becomes of its variants when that changes.

use super::SitePatch;
use crate::{
    app::App,
    problem::{Code, FieldError, Outcome, Problem},
};
use domain::{
    ids::{SiteId, WorkspaceId},
    path::{PathPolicy, TrailingSlash},
};
use store::PathChange;

/// How many merges are named.
const NAMED: usize = 20;

/// The policy that a patch asks for; none: it stays.
pub(super) fn wanted(patch: &SitePatch, known: &PathPolicy) -> Outcome<Option<PathPolicy>> {
    let slash = match &patch.trailing_slash {
        Some(word) => word
            .parse::<TrailingSlash>()
            .map_err(|error| Problem::field("trailingSlash", error.to_string()))?,
        None => known.trailing_slash,
    };
    let names = patch
        .query_parameters
        .as_ref()
        .unwrap_or(&known.query_parameters);
    let policy = PathPolicy::new(slash, names.iter().cloned())
        .map_err(|error| Problem::field("queryParameters", error.to_string()))?;
    Ok((policy != *known).then_some(policy))
}

/// Refuses a policy that would merge variants, naming them.
pub(super) async fn refuse_merges(
    app: &App,
    ws: WorkspaceId,
    site: SiteId,
    policy: &PathPolicy,
) -> Outcome<()> {
    let change = app.store.preview_path_policy(ws, site, policy).await?;
    match change.merges.len() {
        0 => Ok(()),
        _ => Err(merges(&change)),
    }
}

fn merges(change: &PathChange) -> Problem {
    let count = change.merges.len();
    let pages = if count == 1 { "page" } else { "pages" };
    let mut problem = Problem::new(
        Code::PathConflict,
        format!("With these settings several variants would stand for one page, on {count} {pages}; nothing was changed."),
    )
    .remedy("Merge them: the page keeps the revisions of all in its history, and what was published last stays published.")
    .remedy("Or delete those that are not needed, or leave the settings as they are.");
    for merge in change.merges.iter().take(NAMED) {
        let words = format!(
            "{} would be one page, {} ({})",
            merge.from.join(" and "),
            merge.path,
            merge.format
        );
        problem = problem.cause(format!("{words}."));
        problem.errors.push(FieldError {
            field: "mergePaths".to_owned(),
            detail: words,
        });
    }
    if count > NAMED {
        problem = problem.cause(format!("And {} more.", count - NAMED));
    }
    problem
}

/// Gives the site the policy and its variants their paths.
pub(super) async fn apply(
    app: &App,
    ws: WorkspaceId,
    site: SiteId,
    policy: &PathPolicy,
    merge: bool,
) -> Outcome<()> {
    let now = app.clock.now();
    let (done, change) = app
        .store
        .set_path_policy(ws, site, policy, merge, now)
        .await?;
    if !done {
        return Err(merges(&change));
    }
    if change.moved > 0 {
        tracing::info!(site.id = %site, moved = change.moved, merged = change.merges.len(), "variants have other paths by the site's new settings");
        app.signals.wake_sync();
    }
    Ok(())
}
