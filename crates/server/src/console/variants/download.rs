//! A variant's content as a file: for what is too long for the editor.

use super::LongText;
use crate::{
    console::desk::{Desk, encoded, id},
    problem::Problem,
    services::{
        sites,
        variant_files::file_of,
        variants::{self, VariantName},
    },
};
use axum::{
    extract::{Path, Query},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use domain::{ids::SiteId, variant::Revision};
use serde::Deserialize;
use store::Site;

/// Which content.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DownloadQuery {
    format: String,
    path: String,
    revision: String,
}

impl LongText {
    /// For this revision of a variant.
    pub(super) fn of(site: &Site, name: &VariantName, revision: &Revision) -> Self {
        let path = name.path.as_str();
        let quoted = format!("'{}'", site.name.replace('\'', r"'\''"));
        Self {
            download: format!(
                "/sites/{}/variants/download?format={}&path={}&revision={revision}",
                site.id,
                name.format,
                encoded(path)
            ),
            push: format!("edge-delivery variants push {quoted} FOLDER"),
            file: file_of(name.format, path).display().to_string(),
            call: match path.split_once('?') {
                None => format!(
                    "PUT /api/v1/sites/{}/variants/{}{path}",
                    site.id, name.format
                ),
                Some((path, query)) => format!(
                    "PUT /api/v1/sites/{}/variants/{}{path}?query={}",
                    site.id,
                    name.format,
                    encoded(query)
                ),
            },
        }
    }
}

/// The content, to be kept as a file: never shown, since it is a stranger's HTML at the console's own address.
pub(in crate::console) async fn download(
    desk: Desk,
    Path(text): Path<String>,
    Query(query): Query<DownloadQuery>,
) -> Result<Response, Problem> {
    let site = sites::get(desk.app(), desk.ws(), id::<SiteId>(&text, "site")?).await?;
    let name = VariantName::parse(&site, &query.format, &query.path)?;
    let revision = query
        .revision
        .parse()
        .map_err(|_| Problem::not_found("revision", &query.revision))?;
    let content = variants::content(desk.app(), desk.ws(), &name, &revision).await?;
    let file = file_of(name.format, name.path.as_str());
    let plain: String = file
        .file_name()
        .map(|file| file.to_string_lossy())
        .unwrap_or_default()
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-._".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{plain}\""))
        .map_err(|error| Problem::internal(&error))?;
    let answer = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(name.format.content_type()),
        ),
        (header::CONTENT_DISPOSITION, disposition),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("sandbox; default-src 'none'"),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    Ok((answer, content).into_response())
}
