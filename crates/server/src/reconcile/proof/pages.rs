//! Which pages a proof looks at, and looking at them.
//!
//! Only the site's own host names are asked, through the guarded client of the edge: bounded in time and size, no
//! redirect followed, no private address. Each request bears [`PROBE_HEADER`], so that the Worker does not count it.

use crate::{app::App, edge_client::EdgeError, problem::Outcome, services::visit_as::Visitor};
use domain::{
    edge::{MARK_HEADER, PROBE_HEADER},
    names::Hostname,
    proof::{Body, Snapshot},
    variant::{Format, Revision},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::Site;
use tokio::sync::Semaphore;

/// Fetches at the same time, of all deployments of this process: a site must not suffer from being looked at.
static FETCHES: Semaphore = Semaphore::const_new(6);

/// How many pages with a published variant are looked at.
const VARIANTS_LOOKED_AT: u64 = 3;

/// A page that is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Page {
    /// Its host.
    pub(super) host: Hostname,
    /// Its path.
    pub(super) path: String,
}

impl Page {
    /// As people write it.
    pub(super) fn address(&self) -> String {
        format!("{}{}", self.host, self.path)
    }
}

/// The home page of each host, and some pages that have a published variant.
pub(super) async fn chosen(app: &App, site: &Site) -> Outcome<Vec<Page>> {
    let homes = site
        .hostnames
        .iter()
        .take(super::HOSTS_MAX)
        .map(|host| Page {
            host: host.clone(),
            path: "/".to_owned(),
        });
    let mut pages: Vec<Page> = homes.collect();
    let published = app
        .store
        .first_published(site.workspace, site.id, VARIANTS_LOOKED_AT)
        .await?;
    if let Some(host) = site.hostnames.first() {
        for variant in published {
            let page = Page {
                host: host.clone(),
                path: variant.path,
            };
            if !pages.contains(&page) {
                pages.push(page);
            }
        }
    }
    Ok(pages)
}

/// The revisions of a page that are published now.
pub(super) async fn published(
    app: &App,
    site: &Site,
    path: &str,
) -> Outcome<Vec<(Format, Revision)>> {
    let mut found = Vec::new();
    for format in Format::ALL {
        let variant = app
            .store
            .variant(site.workspace, site.id, format, path)
            .await?;
        if let Some(revision) = variant.and_then(|variant| variant.published) {
            found.push((format, revision));
        }
    }
    Ok(found)
}

/// An answer, and which revision of ours it says it is.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// What is compared.
    pub(super) snapshot: Snapshot,
    /// The revision that the Worker's mark names.
    pub(super) revision: Option<String>,
}

/// Fetches a page as a visitor. The error says in words why there was no answer.
pub(super) async fn fetch(app: &App, page: &Page, visitor: &Visitor) -> Result<Seen, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (header::USER_AGENT, visitor.user_agent),
        (header::ACCEPT, visitor.accept),
        (HeaderName::from_static(PROBE_HEADER), "1"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let _turn = FETCHES.acquire().await.map_err(|error| error.to_string())?;
    let answer = app
        .edge
        .send(Method::GET, &page.host, &page.path, headers)
        .await
        .map_err(|error| in_words(&error))?;
    let text = |name: &str| {
        let value = answer.headers.get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let mark = text(MARK_HEADER);
    Ok(Seen {
        revision: mark.as_deref().and_then(revision_of),
        snapshot: Snapshot {
            status: answer.status.as_u16(),
            location: text("location"),
            body: Body::of(&answer.body, answer.is_cut),
            is_marked: mark.is_some(),
        },
    })
}

/// Whether a body is one of these revisions: a revision is the SHA-256 of its content.
pub(super) fn is_ours(snapshot: &Snapshot, published: &[(Format, Revision)]) -> bool {
    // An origin's empty page is nobody's content.
    snapshot.body.sha256 != hex::encode(Sha256::digest(b""))
        && published
            .iter()
            .any(|(_, revision)| revision.as_str() == snapshot.body.sha256)
}

/// `variant; revision=…; agent=…`.
fn revision_of(mark: &str) -> Option<String> {
    mark.split(';')
        .find_map(|part| part.trim().strip_prefix("revision="))
        .map(str::to_owned)
}

fn in_words(error: &EdgeError) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    format!("{error}: {cause}")
}
