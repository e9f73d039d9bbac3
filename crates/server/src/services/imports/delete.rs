//! Deleting every variant below a path.

use crate::{
    app::App,
    problem::{Code, Outcome, Problem},
    services::{sites, sync, variants},
};
use domain::{
    ids::{SiteId, WorkspaceId},
    path::PathPolicy,
};
use store::DeletedVariants;

/// As many go in one transaction.
const STEP: u32 = 1_000;

/// A path to begin with, in its normal form. `/old/` means what is below; `/old` also `/older`.
pub(crate) fn prefix_of(text: &str) -> Outcome<String> {
    if !text.starts_with('/') {
        return Err(Problem::field(
            "prefix",
            "must begin with a slash; `/` alone means every variant",
        ));
    }
    let path = variants::parse_path(text, &PathPolicy::default()).map_err(|problem| {
        let detail = problem.errors.first().map(|error| error.detail.clone());
        Problem::field("prefix", detail.unwrap_or(problem.detail))
    })?;
    Ok(path.as_str().to_owned())
}

/// How many variants would go.
pub(crate) async fn count_below(
    app: &App,
    ws: WorkspaceId,
    site: SiteId,
    prefix: &str,
) -> Outcome<u64> {
    sites::get(app, ws, site).await?;
    Ok(app.store.count_variants_below(ws, site, prefix).await?)
}

/// Deletes them with their revisions, here and at the edge. `expected` is how many somebody agreed to: when there are others
/// by now, nothing is deleted.
pub(crate) async fn delete_below(
    app: &App,
    ws: WorkspaceId,
    site: SiteId,
    prefix: &str,
    expected: u64,
    mut tell: impl FnMut(u64) + Send,
) -> Outcome<DeletedVariants> {
    let there = count_below(app, ws, site, prefix).await?;
    if there != expected {
        return Err(Problem::new(
            Code::InvalidState,
            format!("{there} variants begin with {prefix}, not {expected}; nothing was deleted."),
        )
        .cause("Variants were added or deleted since they were counted, or the number is mistyped.")
        .remedy("Count them again with a dry run, and confirm the number that it tells."));
    }
    let mut sum = DeletedVariants::default();
    while sum.variants < expected {
        let rest = u32::try_from(expected - sum.variants).unwrap_or(STEP);
        let now = app.clock.now();
        let step = app
            .store
            .delete_variants_below(ws, site, prefix, rest.min(STEP), now)
            .await?;
        if step.variants == 0 {
            break;
        }
        sum.variants += step.variants;
        sum.published += step.published;
        tell(sum.variants);
    }
    if sum.published > 0 {
        sync::hurry(app, ws, site).await?;
    }
    Ok(sum)
}
