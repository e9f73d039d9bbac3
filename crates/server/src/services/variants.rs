//! Variants of pages and their revisions.

use super::sites;
use crate::{
    app::App,
    problem::{Code, Outcome, Problem},
};
use domain::{
    edge::HEALTH_PATH,
    ids::{SiteId, WorkspaceId},
    path::PagePath,
    variant::{CONTENT_MAX, Format, Revision},
};
use store::{IfMatch, Listed, NewRevision, Page, RevisionInfo, StoreError, Variant};

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
    /// Checks the words of an address or a form; `raw_path` with or without its leading slash.
    pub(crate) fn parse(site: SiteId, format: &str, raw_path: &str) -> Outcome<Self> {
        let format = format
            .parse()
            .map_err(|_| Problem::field("format", "must be `html` or `markdown`"))?;
        Ok(Self {
            site,
            format,
            path: parse_path(raw_path)?,
        })
    }
}

/// A page's path in its normal form. The Worker's own marker can hold no variant: nobody would ever get it.
pub(crate) fn parse_path(raw: &str) -> Outcome<PagePath> {
    let with_slash = if raw.starts_with('/') {
        raw.to_owned()
    } else {
        format!("/{raw}")
    };
    let path = PagePath::parse(&with_slash).map_err(|error| {
        let why = error.to_string();
        Problem::field("path", why.strip_prefix("the path ").unwrap_or(&why))
    })?;
    if path.as_str() == HEALTH_PATH {
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
}

/// Saves a revision and publishes it if so told; what is published reaches the edge by itself.
pub(crate) async fn put(
    app: &App,
    ws: WorkspaceId,
    name: &VariantName,
    content: &[u8],
    options: PutOptions<'_>,
) -> Outcome<Variant> {
    sites::get(app, ws, name.site).await?;
    check_content(content).map_err(|detail| Problem::field("content", detail))?;
    let variant = app
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
        .await
        .map_err(|error| stale(error, name))?;
    if options.publish {
        published_changed(app, ws, name.site).await?;
    }
    Ok(variant)
}

fn stale(error: StoreError, name: &VariantName) -> Problem {
    match error {
        StoreError::Stale => Problem::new(
            Code::EditConflict,
            format!("The {} variant of {} is not as you last saw it; nothing was saved.", name.format, name.path.as_str()),
        )
        .cause("Somebody saved another revision meanwhile, or the variant is new or gone.")
        .remedy("Read the variant again, bring your change into it, and save with its new ETag in If-Match."),
        other => other.into(),
    }
}

/// What a content must be, in any format.
pub(crate) fn check_content(content: &[u8]) -> Result<(), String> {
    if content.trim_ascii().is_empty() {
        return Err("is empty".to_owned());
    }
    if content.len() > CONTENT_MAX {
        return Err(format!(
            "is larger than {} MiB",
            CONTENT_MAX / (1024 * 1024)
        ));
    }
    match std::str::from_utf8(content) {
        Err(error) => Err(format!(
            "is not UTF-8: the byte at offset {} does not fit",
            error.valid_up_to()
        )),
        Ok(text) if text.contains('\0') => Err("holds a NUL character".to_owned()),
        Ok(_) => Ok(()),
    }
}

async fn published_changed(app: &App, ws: WorkspaceId, site: SiteId) -> Outcome<()> {
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
) -> Outcome<Listed<Variant>> {
    sites::get(app, ws, site).await?;
    Ok(app.store.list_variants(ws, site, page, prefix).await?)
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

/// Publishes one of a variant's revisions.
pub(crate) async fn publish(
    app: &App,
    ws: WorkspaceId,
    name: &VariantName,
    revision: &Revision,
) -> Outcome<Variant> {
    get(app, ws, name).await?;
    let is_there = app
        .store
        .publish(
            ws,
            name.site,
            name.format,
            name.path.as_str(),
            revision,
            app.clock.now(),
        )
        .await?;
    if !is_there {
        return Err(Problem::not_found("revision", revision.as_str()));
    }
    published_changed(app, ws, name.site).await?;
    get(app, ws, name).await
}

/// Takes a variant off the edge; its revisions stay.
pub(crate) async fn unpublish(app: &App, ws: WorkspaceId, name: &VariantName) -> Outcome<Variant> {
    get(app, ws, name).await?;
    app.store
        .unpublish(
            ws,
            name.site,
            name.format,
            name.path.as_str(),
            app.clock.now(),
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
) -> Outcome<()> {
    let variant = get(app, ws, name).await?;
    if let IfMatch::Revision(expected) = if_match
        && *expected != variant.latest
    {
        return Err(stale(StoreError::Stale, name));
    }
    app.store
        .delete_variant(
            ws,
            name.site,
            name.format,
            name.path.as_str(),
            app.clock.now(),
        )
        .await?;
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
