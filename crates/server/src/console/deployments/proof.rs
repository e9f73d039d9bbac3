//! A deployment's stored proof, as a finding and the table that shows it.

use crate::console::parts::{Mark, State};
use serde::Deserialize;
use serde_json::Value;
use store::Deployment;

/// The proof, on a page.
#[derive(Debug, Clone)]
pub(crate) struct ProofView {
    /// The finding in a sentence.
    pub(crate) title: String,
    /// The finding as a state.
    pub(crate) state: State,
    /// What is to be known of it.
    pub(crate) note: String,
    /// One row per page and visitor.
    pub(crate) rows: Vec<ProofRow>,
}

/// One page as one visitor got it.
#[derive(Debug, Clone)]
pub(crate) struct ProofRow {
    /// Host and path.
    pub(crate) page: String,
    /// `Chrome`.
    pub(crate) visitor: String,
    /// `person`.
    pub(crate) kind: String,
    /// `200`, or `200 → 500`.
    pub(crate) status: String,
    /// Bytes of the body, likewise.
    pub(crate) bytes: String,
    /// Which revision an agent got, shortened.
    pub(crate) revision: Option<String>,
    /// The finding.
    pub(crate) state: State,
    /// What there is to say about it.
    pub(crate) words: String,
}

#[derive(Debug, Deserialize)]
struct StoredRow {
    page: String,
    visitor: String,
    kind: String,
    verdict: String,
    detail: String,
    before: Option<Answer>,
    after: Option<Answer>,
    revision: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq, Clone, Copy)]
struct Answer {
    status: u16,
    bytes: u64,
}

/// The proof of a deployment that looked at pages.
pub(super) fn of(deployment: &Deployment) -> Option<ProofView> {
    let proof = deployment.proof.as_ref()?;
    let verdict = proof.get("verdict")?.as_str()?;
    let text = |name: &str| proof.get(name).and_then(Value::as_str).unwrap_or_default();
    let rows = proof
        .get("pages")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|row| serde_json::from_value(row.clone()).ok())
        .map(row)
        .collect();
    Some(ProofView {
        title: title(verdict).to_owned(),
        state: state(verdict),
        note: match text("why") {
            "" => format!(
                "Each page was fetched twice before the first change ({}) and again after the last ({}).",
                time(text("beforeAt")),
                time(text("observedAt"))
            ),
            why => why.to_owned(),
        },
        rows,
    })
}

fn row(row: StoredRow) -> ProofRow {
    let both = |of: &dyn Fn(Answer) -> String| match (row.before, row.after) {
        (Some(before), Some(after)) if of(before) != of(after) => {
            format!("{} → {}", of(before), of(after))
        }
        (_, Some(answer)) | (Some(answer), None) => of(answer),
        (None, None) => "none".to_owned(),
    };
    ProofRow {
        status: both(&|answer| answer.status.to_string()),
        bytes: both(&|answer| answer.bytes.to_string()),
        state: state(&row.verdict),
        revision: row
            .revision
            .map(|revision| revision.chars().take(12).collect()),
        words: row.detail,
        page: row.page,
        visitor: row.visitor,
        kind: row.kind,
    }
}

const fn title(verdict: &str) -> &'static str {
    match verdict.as_bytes() {
        b"proved" => {
            "People and search engines get the same site as before. Agents get what is published."
        }
        b"failed" => "People or agents do not get what they got before.",
        _ => "Not everything could be proved for every page and visitor.",
    }
}

fn state(verdict: &str) -> State {
    match verdict {
        "proved" => State::new("ok", Mark::Tick, "proved"),
        "failed" => State::new("bad", Mark::Cross, "failed"),
        _ => State::new("warn", Mark::Half, "not provable"),
    }
}

/// The time of day of an RFC 3339 time; the date stands at the top of the page.
fn time(text: &str) -> &str {
    text.get(11..19).unwrap_or("unknown")
}
