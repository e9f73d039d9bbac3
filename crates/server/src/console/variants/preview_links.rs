//! Links to signed previews: made and revoked on a variant's page.

use crate::{
    audit::{self, Kind},
    console::{
        desk::{Desk, done, encoded, id},
        form::Form,
        parts::When,
        sites::{hostnames, is_deployed},
    },
    problem::{Outcome, Problem},
    services::{
        previews::{self, NewPreview},
        sites,
        variants::VariantName,
    },
};
use axum::{extract::Path, response::Response};
use domain::{
    ids::{PreviewId, SiteId},
    variant::Revision,
};
use serde::Deserialize;
use store::Site;

/// The part of a variant's page that shows it on the live site.
#[derive(Debug)]
pub(crate) struct PreviewPart {
    /// Whether the site is deployed, without which there is nothing to show it on.
    pub(crate) is_deployed: bool,
    /// The revision that a new link shows.
    pub(crate) revision: String,
    /// Its first 8 digits.
    pub(crate) short: String,
    /// The site's host names.
    pub(crate) hosts: Vec<String>,
    /// The variant's open links, newest first.
    pub(crate) links: Vec<PreviewRow>,
}

/// An open link.
#[derive(Debug, Clone)]
pub(crate) struct PreviewRow {
    /// Its id.
    pub(crate) id: String,
    /// Its address; empty when it cannot be signed any more.
    pub(crate) url: String,
    /// The host name.
    pub(crate) host: String,
    /// The revision's first 8 digits.
    pub(crate) short: String,
    /// Who made it.
    pub(crate) author: String,
    /// When it ends.
    pub(crate) ends: When,
}

/// For this variant, with a revision to show.
pub(super) async fn part(
    desk: &Desk,
    site: &Site,
    name: &VariantName,
    revision: &Revision,
) -> Outcome<PreviewPart> {
    let now = desk.now();
    let links = previews::list(desk.app(), desk.ws(), site.id)
        .await?
        .into_iter()
        .filter(|open| open.link.format == name.format && open.link.path == name.path.as_str())
        .map(|open| PreviewRow {
            id: open.link.id.to_string(),
            url: open.url,
            host: open.link.host,
            short: open.link.revision.short().to_owned(),
            author: open.link.author,
            ends: When {
                at: open.link.expires_at,
                now,
            },
        })
        .collect();
    Ok(PreviewPart {
        is_deployed: is_deployed(site),
        revision: revision.to_string(),
        short: revision.short().to_owned(),
        hosts: hostnames(site),
        links,
    })
}

/// What the buttons send.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PreviewForm {
    format: String,
    path: String,
    revision: String,
    host: String,
    preview: String,
}

fn address_of(name: &VariantName, revision: &str) -> String {
    let page = format!(
        "/sites/{}/variants/edit?format={}&path={}",
        name.site,
        name.format,
        encoded(name.path.as_str())
    );
    match revision {
        "" => page,
        revision => format!("{page}&revision={}", encoded(revision)),
    }
}

/// Makes a link.
pub(in crate::console) async fn make(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<PreviewForm>,
) -> Result<Response, Problem> {
    let site = sites::get(desk.app(), desk.ws(), id::<SiteId>(&text, "site")?).await?;
    let name = VariantName::parse(&site, &form.format, &form.path)?;
    let revision: Revision = form
        .revision
        .parse()
        .map_err(|_| Problem::not_found("revision", &form.revision))?;
    let new = NewPreview {
        name: &name,
        revision: Some(revision),
        host: (!form.host.is_empty()).then_some(form.host.as_str()),
        author: desk.me.by(),
    };
    let open = previews::create(desk.app(), desk.ws(), &new).await?;
    let actor = desk.actor();
    audit::record_preview(desk.app(), &actor, Kind::PreviewMade, &site, &open.link).await;
    let back = done(&address_of(&name, &form.revision), "previewed");
    Ok(at_the_part(back))
}

/// Revokes one.
pub(in crate::console) async fn revoke(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<PreviewForm>,
) -> Result<Response, Problem> {
    let site = sites::get(desk.app(), desk.ws(), id::<SiteId>(&text, "site")?).await?;
    let name = VariantName::parse(&site, &form.format, &form.path)?;
    let preview = id::<PreviewId>(&form.preview, "preview")?;
    let link = previews::revoke(desk.app(), desk.ws(), site.id, preview).await?;
    let actor = desk.actor();
    audit::record_preview(desk.app(), &actor, Kind::PreviewRevoked, &site, &link).await;
    let back = done(&address_of(&name, &form.revision), "preview-revoked");
    Ok(at_the_part(back))
}

/// The answer leads to the part of the page where the links are.
fn at_the_part(mut response: Response) -> Response {
    use axum::http::{HeaderValue, header::LOCATION};
    let place = response.headers().get(LOCATION).and_then(|value| {
        HeaderValue::from_str(&format!("{}#on-the-site", value.to_str().ok()?)).ok()
    });
    if let Some(place) = place {
        response.headers_mut().insert(LOCATION, place);
    }
    response
}
