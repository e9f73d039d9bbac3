//! The log: who did what, when, from where.

use crate::{
    audit::{self, Kind},
    console::{
        desk::{Desk, page, page_after},
        parts::{Stamp, When},
        shell::Shell,
    },
    problem::{Outcome, Problem},
};
use askama::Template;
use axum::{extract::Query, response::Response};
use domain::time::Millis;
use serde::Deserialize;
use std::collections::HashSet;
use store::{AuditEntry, AuditEvent, AuditFilter};

/// The audit log.
#[derive(Debug, Template)]
#[template(path = "pages/log.html")]
pub(crate) struct LogPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The lines.
    pub(crate) rows: Vec<LogRow>,
    /// What is shown: a kind's word or its first part; empty for everything.
    pub(crate) kind: String,
    /// What can be chosen: the word and the label.
    pub(crate) kinds: &'static [(&'static str, &'static str)],
    /// How many days a line is kept.
    pub(crate) days: u16,
    /// The next page's cursor.
    pub(crate) next: Option<String>,
}

/// A line.
#[derive(Debug, Clone)]
pub(crate) struct LogRow {
    /// `Replaced the token`.
    pub(crate) what: String,
    /// What it was done to; empty for nothing in particular.
    pub(crate) subject: String,
    /// That thing's page, where it has one.
    pub(crate) link: Option<String>,
    /// What else there is to know.
    pub(crate) detail: String,
    /// Who did it.
    pub(crate) who: String,
    /// From where.
    pub(crate) address: String,
    /// How long ago.
    pub(crate) when: When,
    /// When.
    pub(crate) stamp: Stamp,
}

/// The choices above the log.
pub(crate) const KINDS: &[(&str, &str)] = &[
    ("", "Everything"),
    ("connection", "Connections"),
    ("site", "Sites"),
    ("deployment", "Deployments"),
    ("variant", "Variants"),
    ("access_key", "Access keys"),
    ("person", "Sign-ins"),
    ("webhook", "Webhook"),
    ("key", "Key"),
    ("backup", "Backups"),
];

fn row(entry: &AuditEntry, there: &HashSet<String>, now: Millis) -> LogRow {
    let event = &entry.event;
    LogRow {
        what: Kind::in_words(&event.kind),
        subject: event.subject_name.clone(),
        link: address(&event.subject_kind, event).filter(|link| {
            // Deployments stay readable after their site is gone.
            link.starts_with("/deployments/") || there.contains(&event.subject_id)
        }),
        detail: audit::in_words(event),
        who: event.who.clone(),
        address: event.address.clone().unwrap_or_default(),
        when: When { at: event.at, now },
        stamp: Stamp(event.at),
    }
}

/// The page of what something was done to.
fn address(subject: &str, event: &AuditEvent) -> Option<String> {
    let id = &event.subject_id;
    match (subject, event.detail["deployment"].as_str()) {
        (_, Some(deployment)) => Some(format!("/deployments/{deployment}")),
        ("connection", None) => Some(format!("/connections/{id}")),
        ("site", None) => Some(format!("/sites/{id}")),
        _ => None,
    }
}

/// Which of the things that the lines name are still there.
async fn still_there(desk: &Desk, entries: &[AuditEntry]) -> Outcome<HashSet<String>> {
    let (store, ws) = (&desk.app().store, desk.ws());
    let (mut seen, mut there) = (HashSet::new(), HashSet::new());
    for AuditEntry { event, .. } in entries {
        let id = event.subject_id.clone();
        if !seen.insert(id.clone()) {
            continue;
        }
        let is_there = match event.subject_kind.as_str() {
            "connection" => match id.parse() {
                Ok(id) => store.connection(ws, id).await?.is_some(),
                Err(_) => false,
            },
            "site" => match id.parse() {
                Ok(id) => store.site(ws, id).await?.is_some(),
                Err(_) => false,
            },
            _ => false,
        };
        if is_there {
            there.insert(id);
        }
    }
    Ok(there)
}

/// What the address may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct LogQuery {
    after: String,
    kind: String,
}

/// How many lines a page has.
const ROWS: u32 = 50;

/// The log.
pub(in crate::console) async fn log(
    desk: Desk,
    Query(query): Query<LogQuery>,
) -> Result<Response, Problem> {
    let filter = AuditFilter {
        kind: (!query.kind.is_empty()).then(|| query.kind.clone()),
        subject: None,
    };
    let page_asked = page_after(&query.after, ROWS);
    let listed = audit::list(desk.app(), desk.ws(), &filter, &page_asked).await?;
    let now = desk.now();
    let there = still_there(&desk, &listed.items).await?;
    Ok(page(&LogPage {
        shell: desk.shell("activity"),
        rows: listed
            .items
            .iter()
            .map(|entry| row(entry, &there, now))
            .collect(),
        kind: query.kind,
        kinds: KINDS,
        days: desk.app().config.audit_days,
        next: listed.next,
    }))
}

#[cfg(test)]
mod tests {
    use super::{KINDS, Kind};

    #[test]
    fn every_choice_is_a_kind() {
        for (word, label) in KINDS {
            assert!(word.is_empty() || Kind::is_known(word), "{label}");
        }
    }
}
