//! What a traffic page shows, to take away: CSV by table, or all of it as JSON.

use super::{Shown, file_name::file_name};
use crate::{
    api::traffic_view,
    clock::rfc3339,
    console::desk::{Desk, id},
    problem::Problem,
    services::{
        agents, sites,
        traffic::{self, Counts, Summary, purpose_of},
    },
};
use axum::{
    extract::{Path, Query},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use domain::{
    agents::Registry, identity::Identity, ids::SiteId, path::may_be_page, time::Millis,
    traffic::HOUR_MS, visit::VisitOutcome,
};
use serde::Deserialize;
use std::borrow::Cow;

/// The columns of counts.
const COUNTS: [&str; 8] = [
    "visits",
    "variant",
    "not_modified",
    "origin",
    "error",
    "verified",
    "claimed",
    "contradicted",
];

/// What is exported.
#[derive(Debug, Deserialize)]
pub(crate) struct What {
    format: FileFormat,
    #[serde(default)]
    table: Table,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FileFormat {
    Csv,
    Json,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Table {
    #[default]
    Series,
    Agents,
    Pages,
    Missed,
}

impl Table {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Series => "series",
            Self::Agents => "agents",
            Self::Pages => "pages",
            Self::Missed => "missed",
        }
    }
}

/// The file.
pub(crate) async fn export(
    desk: Desk,
    Path(text): Path<String>,
    Query(mut shown): Query<Shown>,
    Query(what): Query<What>,
) -> Result<Response, Problem> {
    let site = sites::get(desk.app(), desk.ws(), id::<SiteId>(&text, "site")?).await?;
    shown.place(&text, desk.zone_name());
    let question = shown.asked().question(desk.now())?;
    let summary = traffic::ask(desk.app(), desk.ws(), site.id, &question).await?;
    let registry = agents::active(desk.app(), desk.ws()).await?;
    let named =
        |what: &str, extension: &str| file_name(&site.name, what, (&question, &summary), extension);
    let (name, kind, body) = match what.format {
        FileFormat::Json => (
            named("traffic", "json"),
            "application/json",
            serde_json::to_vec_pretty(&traffic_view(&registry, &question, &summary))
                .map_err(|error| Problem::internal(&error))?,
        ),
        FileFormat::Csv => (
            named(what.table.as_str(), "csv"),
            "text/csv; charset=utf-8",
            csv(what.table, &registry, &summary).map_err(|error| Problem::internal(&error))?,
        ),
    };
    let mut response = body.into_response();
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    // The name needs no escaping: it has nothing but letters, digits and three marks.
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""))
        .map_err(|error| Problem::internal(&error))?;
    fields.insert(header::CONTENT_DISPOSITION, disposition);
    Ok(response)
}

fn csv(table: Table, registry: &Registry, summary: &Summary) -> Result<Vec<u8>, csv::Error> {
    let mut file = csv::Writer::from_writer(Vec::new());
    let at = |hour: i64| rfc3339(Millis(hour * HOUR_MS));
    match table {
        Table::Series => {
            file.write_record(["from"].iter().chain(&COUNTS).chain(&["not_recorded"]))?;
            for point in &summary.series {
                let mut row = vec![at(point.start)];
                row.extend(counts(&point.counts));
                row.push(point.dropped.to_string());
                file.write_record(row)?;
            }
        }
        Table::Agents => {
            let first = [
                "agent",
                "operator",
                "purpose",
                "last_seen_hour",
                "visits_before",
            ];
            file.write_record(first.iter().chain(&COUNTS))?;
            for found in &summary.agents {
                let operator = registry.agent(&found.agent);
                let operator = operator.map_or("", |agent| agent.operator.as_str());
                let purpose = purpose_of(registry, &found.agent);
                let mut row = vec![
                    text(&found.agent).into_owned(),
                    text(operator).into_owned(),
                    purpose.map_or("", |purpose| purpose.as_str()).to_owned(),
                    found.last_seen.map_or_else(String::new, at),
                    found.previous.to_string(),
                ];
                row.extend(counts(&found.counts));
                file.write_record(row)?;
            }
        }
        Table::Pages | Table::Missed => {
            let pages = if matches!(table, Table::Pages) {
                &summary.paths
            } else {
                &summary.missed
            };
            file.write_record(["path", "may_be_page", "has_variant"].iter().chain(&COUNTS))?;
            for page in pages {
                let mut row = vec![
                    text(&page.path).into_owned(),
                    may_be_page(&page.path).to_string(),
                    page.has_variant.to_string(),
                ];
                row.extend(counts(&page.counts));
                file.write_record(row)?;
            }
        }
    }
    file.into_inner()
        .map_err(|error| std::io::Error::other(error.to_string()).into())
}

fn counts(counts: &Counts) -> impl Iterator<Item = String> {
    let outcomes = [
        VisitOutcome::Variant,
        VisitOutcome::NotModified,
        VisitOutcome::Origin,
        VisitOutcome::Error,
    ]
    .map(|outcome| counts.of(outcome));
    [counts.visits]
        .into_iter()
        .chain(outcomes)
        .chain(Identity::ALL.map(|identity| counts.by(identity)))
        .map(|number| number.to_string())
}

/// A cell that no spreadsheet takes for a formula.
fn text(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '|', '%']) {
        Cow::Owned(format!("'{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_starts_a_formula() {
        for bad in ["=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", "|cmd"] {
            assert_eq!(text(bad), format!("'{bad}"));
        }
        assert_eq!(text("/a=b"), "/a=b");
        assert_eq!(text(""), "");
    }
}
