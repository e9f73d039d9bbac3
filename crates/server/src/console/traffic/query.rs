//! What the address of a traffic page asks for. The filters live there, so that a page can be sent to somebody.

use super::{RecentPart, chart::By};
use crate::services::traffic::Asked;
use serde::Deserialize;
use url::form_urlencoded;

/// The words and labels of a choice.
type Choices = &'static [(&'static str, &'static str)];

const SPANS: Choices = &[
    ("24h", "24 h"),
    ("7d", "7 d"),
    ("30d", "30 d"),
    ("90d", "90 d"),
    ("12mo", "12 months"),
];
const OUTCOMES: Choices = &[
    ("variant,not_modified", "A variant"),
    ("origin", "The page that people get"),
    ("error", "That page, since KV was slow or failed"),
];
const IDENTITIES: Choices = &[
    ("verified", "Verified"),
    ("claimed", "Claimed"),
    ("contradicted", "Contradicted"),
];
const PURPOSES: Choices = &[
    ("training", "Training"),
    ("search", "Search"),
    ("user", "For a user"),
];

/// What is asked for; empty is anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Shown {
    /// From when on, or which span.
    pub(crate) from: String,
    /// Until when.
    pub(crate) to: String,
    /// Whose midnight counts.
    pub(crate) time_zone: String,
    /// The agents' tokens.
    pub(crate) agent: String,
    /// The agents' purposes.
    pub(crate) purpose: String,
    /// The beginning of the path.
    pub(crate) path: String,
    /// The outcomes.
    pub(crate) outcome: String,
    /// The identities.
    pub(crate) identity: String,
    /// What the chart tells apart.
    pub(crate) by: String,
    /// `open`: the filter's fields are shown at once.
    pub(crate) filter: String,
    /// Whose page it is.
    #[serde(skip)]
    pub(crate) site: String,
    /// Whose midnight counts where the address does not say.
    #[serde(skip)]
    pub(crate) viewers_zone: Option<String>,
}

/// A filter that is set, and the address without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chip {
    /// What is asked for.
    pub(crate) words: String,
    /// The page without it.
    pub(crate) href: String,
}

impl Shown {
    /// Whose page it is, and where its viewer is.
    pub(super) fn place(&mut self, site: &str, viewers_zone: Option<String>) {
        site.clone_into(&mut self.site);
        self.viewers_zone = viewers_zone;
    }

    fn fields(&self) -> [(&'static str, &str); 9] {
        [
            ("from", &self.from),
            ("to", &self.to),
            ("timeZone", &self.time_zone),
            ("agent", &self.agent),
            ("purpose", &self.purpose),
            ("path", &self.path),
            ("outcome", &self.outcome),
            ("identity", &self.identity),
            ("by", &self.by),
        ]
    }

    /// The query of the page with these fields set to something else.
    fn query(&self, changes: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.fields() {
            let changed = changes.iter().find(|(field, _)| *field == name);
            let value = changed.map_or(value, |(_, value)| value);
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }

    /// The address of the page with these fields set to something else.
    pub(crate) fn href(&self, changes: &[(&str, &str)]) -> String {
        self.below("", changes)
    }

    /// An address below the page's.
    fn below(&self, rest: &str, changes: &[(&str, &str)]) -> String {
        let page = format!("/sites/{}/traffic{rest}", self.site);
        match self.query(changes) {
            query if query.is_empty() => page,
            query => format!("{page}?{query}"),
        }
    }

    /// The same page with the filter's fields shown.
    pub(crate) fn opened(&self) -> String {
        let page = self.href(&[]);
        let joint = if page.contains('?') { '&' } else { '?' };
        format!("{page}{joint}filter=open#filter")
    }

    /// The stream of the newest visits, for a page that has these.
    pub(crate) fn live(&self, part: &RecentPart) -> String {
        let stream = self.below("/live", &[]);
        let joint = if stream.contains('?') { '&' } else { '?' };
        format!("{stream}{joint}since={}", part.newest_batch)
    }

    /// The address of an export.
    pub(crate) fn export(&self, format: &str, table: &str) -> String {
        let page = self.below("/export", &[]);
        let joint = if page.contains('?') { '&' } else { '?' };
        let table = if table.is_empty() {
            String::new()
        } else {
            format!("&table={table}")
        };
        format!("{page}{joint}format={format}{table}")
    }

    /// The same page of one agent.
    pub(crate) fn of_agent(&self, token: &str) -> String {
        self.href(&[("agent", token)])
    }

    /// The same page of what somebody else did under an agent's name.
    pub(crate) fn contradicted(&self) -> String {
        self.href(&[("identity", "contradicted")])
    }

    /// The same page of one path and those below it.
    pub(crate) fn of_path(&self, path: &str) -> String {
        self.href(&[("path", path)])
    }

    /// The spans, their addresses, and whether each is the one that is shown.
    pub(crate) fn spans(&self) -> Vec<(&'static str, String, bool)> {
        SPANS
            .iter()
            .map(|(word, label)| {
                let is_it = self.to.is_empty() && self.span() == *word;
                (*label, self.href(&[("from", word), ("to", "")]), is_it)
            })
            .collect()
    }

    /// Whether the span is one's own.
    pub(crate) fn is_custom(&self) -> bool {
        !self.spans().iter().any(|(_, _, is_it)| *is_it)
    }

    /// The ways to tell bars apart, their addresses, and whether each is the one that is shown.
    pub(crate) fn bys(&self) -> Vec<(&'static str, String, bool)> {
        By::ALL
            .into_iter()
            .map(|by| {
                let href = self.href(&[("by", by.as_str())]);
                (by.title(), format!("{href}#chart"), by == self.by())
            })
            .collect()
    }

    /// What the chart tells apart.
    pub(crate) fn by(&self) -> By {
        By::ALL
            .into_iter()
            .find(|by| by.as_str() == self.by)
            .unwrap_or(By::Purpose)
    }

    /// The outcomes that can be chosen.
    #[expect(clippy::unused_self, reason = "called from the template")]
    pub(crate) const fn outcomes(&self) -> Choices {
        OUTCOMES
    }

    /// The identities that can be chosen.
    #[expect(clippy::unused_self, reason = "called from the template")]
    pub(crate) const fn identities(&self) -> Choices {
        IDENTITIES
    }

    /// The purposes that can be chosen.
    #[expect(clippy::unused_self, reason = "called from the template")]
    pub(crate) const fn purposes(&self) -> Choices {
        PURPOSES
    }

    /// The filters that are set.
    pub(crate) fn chips(&self) -> Vec<Chip> {
        let label = |choices: Choices, word: &str| {
            let known = choices.iter().find(|(one, _)| *one == word);
            known.map_or_else(|| word.to_owned(), |(_, label)| (*label).to_owned())
        };
        [
            ("agent", "Agent", self.agent.clone()),
            ("purpose", "Purpose", label(PURPOSES, &self.purpose)),
            ("path", "Path from", self.path.clone()),
            ("outcome", "Got", label(OUTCOMES, &self.outcome)),
            ("identity", "Identity", label(IDENTITIES, &self.identity)),
        ]
        .into_iter()
        .filter(|(_, _, value)| !value.trim().is_empty())
        .map(|(field, name, value)| Chip {
            words: format!("{name}: {value}"),
            href: self.href(&[(field, "")]),
        })
        .collect()
    }

    /// The address without any filter.
    pub(crate) fn unfiltered(&self) -> String {
        let none = ["agent", "purpose", "path", "outcome", "identity"].map(|field| (field, ""));
        self.href(&none)
    }

    fn span(&self) -> &str {
        if self.from.is_empty() {
            "7d"
        } else {
            &self.from
        }
    }

    /// Whose midnight counts: that of the address, else the viewer's, else UTC.
    pub(crate) fn zone(&self) -> &str {
        if self.time_zone.is_empty() {
            self.viewers_zone.as_deref().unwrap_or("UTC")
        } else {
            &self.time_zone
        }
    }

    /// The question.
    pub(crate) fn asked(&self) -> Asked {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Asked {
            from: given(&self.from),
            to: given(&self.to),
            bucket: None,
            time_zone: given(self.zone()),
            agent: given(&self.agent),
            purpose: given(&self.purpose),
            path: given(&self.path),
            outcome: given(&self.outcome),
            identity: given(&self.identity),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_what_is_not_changed() {
        let mut shown = Shown {
            from: "30d".to_owned(),
            agent: "GPTBot".to_owned(),
            path: "/a b&c=\"".to_owned(),
            ..Shown::default()
        };
        shown.place("s1", None);
        assert_eq!(
            shown.href(&[("agent", ""), ("by", "outcome")]),
            "/sites/s1/traffic?from=30d&path=%2Fa+b%26c%3D%22&by=outcome"
        );
        assert_eq!(shown.unfiltered(), "/sites/s1/traffic?from=30d");
        assert_eq!(shown.chips().len(), 2);
        assert!(!shown.is_custom());
        shown.to = "2026-11-02".to_owned();
        assert!(shown.is_custom());
    }
}
