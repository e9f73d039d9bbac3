//! The proof that people still get their page: what a page was before the first change, what it is afterwards, and what
//! the difference means. Values to values; fetching is somebody else's.
//!
//! A page is fetched twice before, because pages vary by themselves (nonces, times, rotating teasers): what differs
//! between those two says nothing, everything else must stay. Only two things are a failure, and only a failure takes a
//! deployment back: an error status that was not there before, and our content shown to somebody who is no agent.

mod body;

pub use body::{Body, Known};

use serde::{Deserialize, Serialize};

/// One answer to one visitor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The HTTP status.
    pub status: u16,
    /// `Location`, of a redirect; redirects are not followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// What was in it.
    pub body: Body,
    /// Whether it bore the Worker's mark (`x-edge-delivery`).
    pub is_marked: bool,
}

/// What is known of a page before the first change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "known")]
pub enum Before {
    /// Both fetches answered alike, as far as this says.
    #[serde(rename = "yes")]
    Page {
        /// The HTTP status of both.
        status: u16,
        /// `Location` of both, where they agree.
        location: Option<String>,
        /// What of the body stayed.
        body: Known,
    },
    /// It cannot be compared with anything.
    #[serde(rename = "no")]
    Nothing {
        /// Why.
        why: String,
    },
}

impl Before {
    /// What two fetches in a row say.
    pub fn of(first: &Snapshot, second: &Snapshot) -> Self {
        if first.status != second.status {
            return Self::Nothing {
                why: format!(
                    "it answered {} and a moment later {} before anything was changed",
                    first.status, second.status
                ),
            };
        }
        Self::Page {
            status: first.status,
            location: first
                .location
                .clone()
                .filter(|location| second.location.as_ref() == Some(location)),
            body: Known::of(&first.body, &second.body),
        }
    }
}

/// What came of comparing one page for one visitor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict", content = "detail")]
pub enum Finding {
    /// The same, byte for byte.
    Identical,
    /// The same outside the pieces that vary by themselves; how many of them.
    SameOutside(usize),
    /// Nothing is proved, and nothing is wrong that we could have caused.
    NotProvable(String),
    /// We broke it.
    Failed(String),
}

impl Finding {
    /// Whether people get what they got.
    pub const fn is_same(&self) -> bool {
        matches!(self, Self::Identical | Self::SameOutside(_))
    }

    /// Whether we broke it.
    pub const fn is_failed(&self) -> bool {
        matches!(self, Self::Failed(_))
    }

    const fn verdict(&self) -> Verdict {
        match self {
            Self::Identical | Self::SameOutside(_) => Verdict::Proved,
            Self::NotProvable(_) => Verdict::NotProvable,
            Self::Failed(_) => Verdict::Failed,
        }
    }
}

/// The sum of all findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything that was compared is the same.
    Proved,
    /// Something could not be compared.
    NotProvable,
    /// Something broke.
    Failed,
}

impl Verdict {
    /// The worst of the findings; without any, nothing is proved.
    pub fn of<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        findings
            .into_iter()
            .map(Finding::verdict)
            .max()
            .unwrap_or(Self::NotProvable)
    }
}

/// Judges what a person or a search engine gets. `is_ours`: whether the body is a published revision of ours.
pub fn judge(before: &Before, after: &Snapshot, is_ours: bool) -> Finding {
    if after.is_marked || is_ours {
        return Finding::Failed("it got our content, which is for agents alone".to_owned());
    }
    let (status, location, body) = match before {
        Before::Nothing { why } => return Finding::NotProvable(why.clone()),
        Before::Page {
            status,
            location,
            body,
        } => (*status, location, body),
    };
    if let Some(failed) = new_error(status, after) {
        return failed;
    }
    if after.status != status {
        return Finding::NotProvable(format!(
            "it answered {status} before and {} now, which is no error",
            after.status
        ));
    }
    if location.is_some() && *location != after.location {
        return Finding::NotProvable("it redirects to another address than before".to_owned());
    }
    match body.compare(&after.body) {
        Ok(0) => Finding::Identical,
        Ok(pieces) => Finding::SameOutside(pieces),
        Err(why) => Finding::NotProvable(why),
    }
}

/// Judges what an agent gets where its content may differ from before: only a new error counts.
pub fn judge_agent(before: &Before, after: &Snapshot) -> Option<Finding> {
    match before {
        Before::Page { status, .. } => new_error(*status, after),
        Before::Nothing { .. } => None,
    }
}

fn new_error(before: u16, after: &Snapshot) -> Option<Finding> {
    (after.status >= 400 && before < 400).then(|| {
        Finding::Failed(format!(
            "it answered {before} before and {} now",
            after.status
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(status: u16, html: &str) -> Snapshot {
        Snapshot {
            status,
            location: None,
            body: Body::of(html.as_bytes(), false),
            is_marked: false,
        }
    }

    fn before(first: &str, second: &str) -> Before {
        Before::of(&page(200, first), &page(200, second))
    }

    const PAGE: &str = "<html><body><h1>Lamps</h1><p>189</p></body></html>";

    #[test]
    fn the_same_page_is_proved() {
        let known = before(PAGE, PAGE);
        assert_eq!(judge(&known, &page(200, PAGE), false), Finding::Identical);
        let one = |nonce: &str| format!("{PAGE}<script nonce=\"{nonce}\"></script><p>end</p>");
        let known = before(&one("a"), &one("b"));
        assert_eq!(
            judge(&known, &page(200, &one("c")), false),
            Finding::SameOutside(1)
        );
    }

    #[test]
    fn errors_and_our_content_fail() {
        let known = before(PAGE, PAGE);
        for status in [400, 403, 404, 500, 502, 522] {
            assert!(
                judge(&known, &page(status, "no"), false).is_failed(),
                "{status}"
            );
            assert!(judge_agent(&known, &page(status, "no")).is_some());
        }
        assert!(judge(&known, &page(200, PAGE), true).is_failed());
        let mut marked = page(200, PAGE);
        marked.is_marked = true;
        assert!(judge(&known, &marked, false).is_failed());
        // Also where nothing is known of the page.
        let unknown = Before::Nothing {
            why: "down".to_owned(),
        };
        assert!(judge(&unknown, &marked, false).is_failed());
    }

    #[test]
    fn what_was_an_error_before_is_none_of_ours() {
        let known = Before::of(&page(503, "down"), &page(503, "down"));
        assert_eq!(judge(&known, &page(503, "down"), false), Finding::Identical);
        assert!(matches!(
            judge(&known, &page(200, PAGE), false),
            Finding::NotProvable(_)
        ));
        assert_eq!(judge_agent(&known, &page(500, "x")), None);
    }

    #[test]
    fn an_edited_page_proves_nothing() {
        let known = before(PAGE, PAGE);
        for other in ["", "<html>other</html>", &PAGE.replace("189", "199")] {
            assert!(
                matches!(
                    judge(&known, &page(200, other), false),
                    Finding::NotProvable(_)
                ),
                "{other}"
            );
        }
        let flaky = Before::of(&page(200, PAGE), &page(503, "down"));
        assert!(matches!(
            judge(&flaky, &page(200, PAGE), false),
            Finding::NotProvable(_)
        ));
    }

    #[test]
    fn redirects_are_compared_by_where_they_lead() {
        let to = |place: &str| Snapshot {
            location: Some(place.to_owned()),
            ..page(301, "")
        };
        let known = Before::of(&to("/a"), &to("/a"));
        assert!(judge(&known, &to("/a"), false).is_same());
        assert!(matches!(
            judge(&known, &to("/b"), false),
            Finding::NotProvable(_)
        ));
        let varying = Before::of(&to("/a?1"), &to("/a?2"));
        assert!(judge(&varying, &to("/a?3"), false).is_same());
    }

    #[test]
    fn the_worst_finding_decides() {
        let not = Finding::NotProvable(String::new());
        let failed = Finding::Failed(String::new());
        assert_eq!(Verdict::of([]), Verdict::NotProvable);
        assert_eq!(Verdict::of([&Finding::Identical]), Verdict::Proved);
        assert_eq!(
            Verdict::of([&Finding::Identical, &not]),
            Verdict::NotProvable
        );
        assert_eq!(Verdict::of([&failed, &not]), Verdict::Failed);
    }
}
