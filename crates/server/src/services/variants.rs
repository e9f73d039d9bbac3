//! Variants of pages and their revisions.

use super::{lints, sites};
use crate::{
    app::App,
    problem::{Code, Outcome, Problem},
};
use domain::{
    edge::HEALTH_PATH,
    ids::{SiteId, WorkspaceId},
    lint::Lint,
    path::{PagePath, PathPolicy},
    variant::{Format, Revision},
};
use store::{
    Deed, IfMatch, Listed, NewRevision, Page, RevisionInfo, Site, StoreError, Variant, VariantState,
};

/// Which variant of which page of which site.
#[derive(Debug, Clone)]
pub(crate) struct VariantName {
    /// The site.
    pub(crate) site: SiteId,
    /// The format.
    pub(crate) format: Format,
    /// The page's path in its normal form.
    pub(crate) path: PagePath,
}

impl VariantName {
    /// Checks the words of an address or a form; `raw_path` with or without its leading slash. Of a query in it the
    /// parameters that matter to the site are kept.
    pub(crate) fn parse(site: &Site, format: &str, raw_path: &str) -> Outcome<Self> {
        let format = format
            .parse()
            .map_err(|_| Problem::field("format", "must be `html` or `markdown`"))?;
        Ok(Self {
            site: site.id,
            format,
            path: parse_path(raw_path, &site.settings.paths)?,
        })
    }

    /// The same for a path without query and a query beside it, of which every parameter must matter.
    pub(crate) fn with_query(
        site: &Site,
        format: &str,
        raw_path: &str,
        query: Option<&str>,
    ) -> Outcome<Self> {
        let query = query.unwrap_or_default();
        let policy = &site.settings.paths;
        let ignored = policy.ignored_parameters(query);
        if !ignored.is_empty() {
            let matter = match policy.query_parameters.join(", ") {
                none if none.is_empty() => "none".to_owned(),
                names => names,
            };
            return Err(Problem::field(
                "query",
                "has a parameter that makes no other page of this site",
            )
            .cause(format!(
                "The parameters that matter to this site: {matter}."
            ))
            .remedy(
                "Leave the others out, or name them in the site's settings (queryParameters).",
            ));
        }
        Self::parse(site, format, &format!("{raw_path}?{query}"))
    }
}

/// A page's path in its normal form, by the site's policy. The Worker's own marker can hold no variant: nobody would ever
/// get it.
pub(crate) fn parse_path(raw: &str, policy: &PathPolicy) -> Outcome<PagePath> {
    let with_slash = if raw.starts_with('/') {
        raw.to_owned()
    } else {
        format!("/{raw}")
    };
    let path = policy.page(&with_slash).map_err(|error| {
        let why = error.to_string();
        Problem::field("path", why.strip_prefix("the path ").unwrap_or(&why))
    })?;
    let plain = path.as_str().split('?').next().unwrap_or_default();
    if plain.trim_end_matches('/') == HEALTH_PATH {
        return Err(Problem::field(
            "path",
            "is kept for Edge Delivery's own questions",
        ));
    }
    Ok(path)
}

/// How a revision is saved.
#[derive(Debug, Clone)]
pub(crate) struct PutOptions<'a> {
    /// Publish it at once.
    pub(crate) publish: bool,
    /// What the latest revision must be.
    pub(crate) if_match: IfMatch,
    /// Who saves it.
    pub(crate) author: &'a str,
    /// A note for the history.
    pub(crate) note: Option<&'a str>,
    /// Whether findings of the checks that are to be confirmed are meant.
    pub(crate) force: bool,
}

/// What was saved, and what the checks found in it.
#[derive(Debug, Clone)]
pub(crate) struct Saved {
    /// The variant.
    pub(crate) variant: Variant,
    /// The findings; none of them refuses it.
    pub(crate) lints: Vec<Lint>,
}

/// The longest note, in characters.
const NOTE_MAX: usize = 500;

/// Checks a content and saves it as a revision; publishes it if so told. What is published reaches the edge by itself.
pub(crate) async fn put(
    app: &App,
    ws: WorkspaceId,
    name: &VariantName,
    content: &[u8],
    options: PutOptions<'_>,
) -> Outcome<Saved> {
    let site = sites::get(app, ws, name.site).await?;
    if options
        .note
        .is_some_and(|note| note.chars().count() > NOTE_MAX)
    {
        let detail = format!("is longer than {NOTE_MAX} characters");
        return Err(Problem::field("note", detail));
    }
    let found = lints::lint(&site, name, content).await;
    lints::refuse(&found, options.publish, options.force)?;
    let saved = app
        .store
        .save_revision(
            ws,
            &NewRevision {
                site: name.site,
                format: name.format,
                path: name.path.as_str(),
                content,
                author: options.author,
                note: options.note,
                at: app.clock.now(),
                publish: options.publish,
                if_match: options.if_match,
            },
        )
        .await;
    let variant = match saved {
        Ok(variant) => variant,
        Err(error) => return Err(stale(app, ws, error, name).await),
    };
    if options.publish {
        published_changed(app, ws, name.site).await?;
    }
    Ok(Saved {
        variant,
        lints: found,
    })
}

/// An edit that came too late, with the revision that was faster.
async fn stale(app: &App, ws: WorkspaceId, error: StoreError, name: &VariantName) -> Problem {
    if !matches!(error, StoreError::Stale) {
        return error.into();
    }
    let found = app
        .store
        .variant(ws, name.site, name.format, name.path.as_str())
        .await;
    let mut problem = came_too_late(name);
    problem.content.latest_revision = found.ok().flatten().map(|now| now.latest.to_string());
    problem
}

fn came_too_late(name: &VariantName) -> Problem {
    Problem::new(
            Code::EditConflict,
            format!("The {} variant of {} is not as you last saw it; nothing was saved.", name.format, name.path.as_str()),
        )
        .cause("Somebody saved another revision meanwhile, or the variant is new or gone.")
        .remedy("Read the variant again, bring your change into it, and save with its new ETag in If-Match.")
}

pub(crate) async fn published_changed(app: &App, ws: WorkspaceId, site: SiteId) -> Outcome<()> {
    super::sync::hurry(app, ws, site).await
}

/// A variant, or `not_found`.
pub(crate) async fn get(app: &App, ws: WorkspaceId, name: &VariantName) -> Outcome<Variant> {
    sites::get(app, ws, name.site).await?;
    app.store
        .variant(ws, name.site, name.format, name.path.as_str())
        .await?
        .ok_or_else(|| {
            Problem::not_found(&format!("{} variant of", name.format), name.path.as_str())
        })
}

/// One revision's content, or `not_found`.
pub(crate) async fn content(
    app: &App,
    ws: WorkspaceId,
    name: &VariantName,
    revision: &Revision,
) -> Outcome<Vec<u8>> {
    app.store
        .content(ws, name.site, name.format, name.path.as_str(), revision)
        .await?
        .ok_or_else(|| Problem::not_found("revision", revision.as_str()))
}

/// One page of a site's variants.
pub(crate) async fn list(
    app: &App,
    ws: WorkspaceId,
    site: SiteId,
    page: &Page,
    prefix: Option<&str>,
    state: Option<VariantState>,
) -> Outcome<Listed<Variant>> {
    sites::get(app, ws, site).await?;
    Ok(app
        .store
        .list_variants_in(ws, site, page, prefix, state)
        .await?)
}

/// The history of a variant, newest first.
pub(crate) async fn revisions(
    app: &App,
    ws: WorkspaceId,
    name: &VariantName,
) -> Outcome<Vec<RevisionInfo>> {
    get(app, ws, name).await?;
    Ok(app
        .store
        .revisions(ws, name.site, name.format, name.path.as_str())
        .await?)
}

/// Publishes one of a variant's revisions; what is to be confirmed in it needs `force`.
pub(crate) async fn publish(
    app: &App,
    ws: WorkspaceId,
    name: &VariantName,
    (revision, force): (&Revision, bool),
    by: &str,
) -> Outcome<Saved> {
    let site = sites::get(app, ws, name.site).await?;
    get(app, ws, name).await?;
    let bytes = content(app, ws, name, revision).await?;
    let found = lints::lint(&site, name, &bytes).await;
    lints::refuse(&found, true, force)?;
    let is_there = app
        .store
        .publish(
            ws,
            name.site,
            name.format,
            name.path.as_str(),
            revision,
            Deed::by(by, app.clock.now()),
        )
        .await?;
    if !is_there {
        return Err(Problem::not_found("revision", revision.as_str()));
    }
    published_changed(app, ws, name.site).await?;
    Ok(Saved {
        variant: get(app, ws, name).await?,
        lints: found,
    })
}

/// Takes a variant off the edge; its revisions stay.
pub(crate) async fn unpublish(
    app: &App,
    ws: WorkspaceId,
    name: &VariantName,
    by: &str,
) -> Outcome<Variant> {
    get(app, ws, name).await?;
    app.store
        .unpublish(
            ws,
            name.site,
            name.format,
            name.path.as_str(),
            Deed::by(by, app.clock.now()),
        )
        .await?;
    published_changed(app, ws, name.site).await?;
    get(app, ws, name).await
}

/// Deletes a variant with its history, also at the edge.
pub(crate) async fn delete(
    app: &App,
    ws: WorkspaceId,
    name: &VariantName,
    if_match: &IfMatch,
    by: &str,
) -> Outcome<()> {
    get(app, ws, name).await?;
    let deed = Deed::by(by, app.clock.now());
    let which = (name.format, name.path.as_str());
    let deleted = app
        .store
        .delete_variant_if(ws, name.site, which, if_match, deed)
        .await;
    if let Err(error) = deleted {
        return Err(stale(app, ws, error, name).await);
    }
    published_changed(app, ws, name.site).await
}

/// The state of a variant in a word.
pub(crate) fn state_word(variant: &Variant) -> &'static str {
    match (&variant.published, variant.published_at) {
        (Some(_), _) => "published",
        (None, Some(_)) => "unpublished",
        (None, None) => "draft",
    }
}

/// The state that a word stands for, to narrow a list by.
pub(crate) fn state_of_word(word: &str) -> Option<VariantState> {
    Some(match word {
        "published" => VariantState::Published,
        "changed" => VariantState::Changed,
        "draft" => VariantState::Draft,
        "scheduled" => VariantState::Scheduled,
        _ => return None,
    })
}
