//! Two revisions of a variant compared.

use super::{difference::DifferencePart, edit::named, edit_link};
use crate::{
    console::{
        connections::Named,
        desk::{Desk, id, page},
        parts::moment,
        shell::Shell,
    },
    problem::{Outcome, Problem},
    services::{
        compare::{self, Side},
        sites,
        variants::{self, VariantName},
    },
};
use askama::Template;
use axum::{
    extract::{Path, Query},
    response::Response,
};
use domain::{ids::SiteId, variant::Revision};
use serde::Deserialize;
use store::RevisionInfo;

/// The page.
#[derive(Debug, Template)]
#[template(path = "pages/variant_compare.html")]
pub(crate) struct ComparePage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The site.
    pub(crate) site: Named,
    /// The page's path.
    pub(crate) path: String,
    /// The format.
    pub(crate) format: &'static str,
    /// The variant's page.
    pub(crate) edit: String,
    /// Every revision, newest first.
    pub(crate) revisions: Vec<Named>,
    /// The first chosen one.
    pub(crate) from: String,
    /// The other.
    pub(crate) to: String,
    /// `source` or `text`.
    pub(crate) side: &'static str,
    /// `side` or `inline`.
    pub(crate) layout: &'static str,
    /// The difference; none: there is but one revision.
    pub(crate) difference: Option<DifferencePart>,
}

/// What the address may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CompareQuery {
    format: String,
    path: String,
    from: String,
    to: String,
    side: String,
    layout: String,
}

/// The difference between two revisions: the published and the newest one unless others are chosen.
pub(in crate::console) async fn compare(
    desk: Desk,
    Path(text): Path<String>,
    Query(query): Query<CompareQuery>,
) -> Result<Response, Problem> {
    let (app, ws) = (desk.app(), desk.ws());
    let site = sites::get(app, ws, id::<SiteId>(&text, "site")?).await?;
    let name = VariantName::parse(&site, &query.format, &query.path)?;
    let variant = variants::get(app, ws, &name).await?;
    let revisions = variants::revisions(app, ws, &name).await?;
    let to = chosen(&query.to)?.unwrap_or_else(|| variant.latest.clone());
    let before = || {
        let mut all = revisions.iter().map(|info| &info.revision);
        all.find(|revision| **revision != to).cloned()
    };
    let published = variant.published.clone().filter(|it| *it != to);
    let from = chosen(&query.from)?
        .or(published)
        .or_else(before)
        .unwrap_or_else(|| to.clone());
    let side = if query.side == "text" {
        Side::Text
    } else {
        Side::Source
    };
    let is_inline = query.layout == "inline";
    let difference = if revisions.len() < 2 {
        None
    } else {
        let found = compare::revisions(app, ws, &name, (&from, &to), side).await?;
        let (from, to) = (from.short().to_owned(), to.short().to_owned());
        Some(DifferencePart::of(found, from, to, is_inline))
    };
    Ok(page(&ComparePage {
        shell: desk.shell(&text),
        site: named(&site),
        path: variant.path.clone(),
        format: name.format.as_str(),
        edit: edit_link(&name),
        revisions: revisions.iter().map(option).collect(),
        from: from.to_string(),
        to: to.to_string(),
        side: if side == Side::Text { "text" } else { "source" },
        layout: if is_inline { "inline" } else { "side" },
        difference,
    }))
}

fn chosen(text: &str) -> Outcome<Option<Revision>> {
    if text.is_empty() {
        return Ok(None);
    }
    let parsed = text.parse();
    parsed
        .map(Some)
        .map_err(|_| Problem::not_found("revision", text))
}

fn option(info: &RevisionInfo) -> Named {
    let published = if info.is_published { ", published" } else { "" };
    Named {
        id: info.revision.to_string(),
        name: format!(
            "{} of {} by {}{published}",
            info.revision.short(),
            moment(info.created_at),
            info.author
        ),
    }
}
