//! What pages are put together from: marks, states, times, numbers and problems as panels.

use crate::{
    problem::{Code, Problem},
    services::token_url,
};
use askama::{Template, filters::HtmlSafe};
use domain::{
    connection::{ConnectionStatus, Granted},
    deployment::{DeploymentStatus, SiteStatus, StepStatus},
    time::Millis,
};
use serde::Deserialize;
use std::fmt;

/// A drawn sign of 12 by 12; always beside a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Done, well.
    Tick,
    /// Partly.
    Half,
    /// Look here.
    Triangle,
    /// Failed.
    Cross,
    /// Working.
    Turning,
    /// Not begun.
    Ring,
    /// A matter of time.
    Clock,
    /// Switched off.
    Bar,
    /// Not known.
    Dotted,
    /// Being written.
    Pencil,
    /// Taken back.
    Back,
    /// Cannot be opened.
    Key,
}

impl Mark {
    const fn drawing(self) -> &'static str {
        match self {
            Self::Tick => {
                r#"<circle cx="6" cy="6" r="6" fill="currentColor"/><path d="m3.2 6.2 2 2 3.6-4.1" fill="none" stroke="var(--paper)" stroke-width="1.5"/>"#
            }
            Self::Half => {
                r#"<circle cx="6" cy="6" r="5.2" fill="none" stroke="currentColor" stroke-width="1.5"/><path d="M6 .8a5.2 5.2 0 0 1 0 10.4z" fill="currentColor"/>"#
            }
            Self::Triangle => {
                r#"<path d="M6 .5 12 11.5H0z" fill="currentColor"/><path d="M6 4.2v3.5m0 1.2v1.3" stroke="var(--paper)" stroke-width="1.4"/>"#
            }
            Self::Cross => {
                r#"<path d="M0 0h12v12H0z" fill="currentColor"/><path d="m3.4 3.4 5.2 5.2m0-5.2L3.4 8.6" stroke="var(--paper)" stroke-width="1.5"/>"#
            }
            Self::Turning => {
                r#"<circle cx="6" cy="6" r="5" fill="none" stroke="currentColor" stroke-opacity=".3" stroke-width="2"/><path class="turn" d="M6 1a5 5 0 0 1 5 5" fill="none" stroke="currentColor" stroke-width="2"/>"#
            }
            Self::Ring => {
                r#"<circle cx="6" cy="6" r="5" fill="none" stroke="currentColor" stroke-width="1.5"/>"#
            }
            Self::Clock => {
                r#"<circle cx="6" cy="6" r="5" fill="none" stroke="currentColor" stroke-width="1.5"/><path d="M6 3v3.2h2.6" fill="none" stroke="currentColor" stroke-width="1.4"/>"#
            }
            Self::Bar => {
                r#"<circle cx="6" cy="6" r="5" fill="none" stroke="currentColor" stroke-width="1.5"/><path d="m2.6 9.4 6.8-6.8" stroke="currentColor" stroke-width="1.5"/>"#
            }
            Self::Dotted => {
                r#"<circle cx="6" cy="6" r="5" fill="none" stroke="currentColor" stroke-width="1.5" stroke-dasharray="1.6 1.6"/>"#
            }
            Self::Pencil => {
                r#"<path d="M1 11.2h10M2 8.4V6L7.4.9 10 3.3 4.6 8.4z" fill="none" stroke="currentColor" stroke-width="1.3"/>"#
            }
            Self::Back => {
                r#"<path d="M4.4 1 1.2 4.2l3.2 3.2M1.4 4.2h5.8a3.4 3.4 0 0 1 0 6.8H4" fill="none" stroke="currentColor" stroke-width="1.5"/>"#
            }
            Self::Key => {
                r#"<circle cx="3.4" cy="8.6" r="2.6" fill="none" stroke="currentColor" stroke-width="1.5"/><path d="M5.2 6.8 11 1M8.2 3.8l2 2" fill="none" stroke="currentColor" stroke-width="1.5"/>"#
            }
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            r#"<svg class="glyph" viewBox="0 0 12 12" aria-hidden="true">{}</svg>"#,
            self.drawing()
        )
    }
}
impl HtmlSafe for Mark {}

/// A state: a shape, a colour and a word. The words are ours, so they need no escaping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    /// `ok`, `warn`, `bad`, `run` or `idle`.
    pub(crate) tone: &'static str,
    /// The shape.
    pub(crate) mark: Mark,
    /// The word.
    pub(crate) word: &'static str,
}

impl State {
    /// A state of its own.
    pub(crate) const fn new(tone: &'static str, mark: Mark, word: &'static str) -> Self {
        Self { tone, mark, word }
    }

    /// The mark in its colour; the word only for those who do not see it.
    pub(crate) fn small(&self) -> Small {
        Small(*self)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            r#"<span class="state {}">{}{}</span>"#,
            self.tone, self.mark, self.word
        )
    }
}
impl HtmlSafe for State {}

/// See [`State::small`].
pub(crate) struct Small(State);
impl fmt::Display for Small {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            r#"<svg class="glyph {}" viewBox="0 0 12 12" aria-hidden="true">{}</svg><span class="unseen">, {}</span>"#,
            self.0.tone,
            self.0.mark.drawing(),
            self.0.word
        )
    }
}
impl HtmlSafe for Small {}

impl From<SiteStatus> for State {
    fn from(status: SiteStatus) -> Self {
        match status {
            SiteStatus::New => Self::new("idle", Mark::Ring, "Not deployed yet"),
            SiteStatus::Deploying => Self::new("run", Mark::Turning, "Deploying"),
            SiteStatus::InSync => Self::new("ok", Mark::Tick, "In sync"),
            SiteStatus::Drifted => Self::new("warn", Mark::Half, "Drifted"),
            SiteStatus::Failed => Self::new("bad", Mark::Cross, "Failed"),
            SiteStatus::Unknown => Self::new("idle", Mark::Dotted, "Unknown"),
            SiteStatus::Removed => Self::new("idle", Mark::Bar, "Removed"),
        }
    }
}

impl From<ConnectionStatus> for State {
    fn from(status: ConnectionStatus) -> Self {
        match status {
            ConnectionStatus::Ready => Self::new("ok", Mark::Tick, "Ready"),
            ConnectionStatus::Incomplete => Self::new("warn", Mark::Half, "Incomplete"),
            ConnectionStatus::Expired => Self::new("bad", Mark::Clock, "Expired"),
            ConnectionStatus::Disabled => Self::new("bad", Mark::Bar, "Disabled"),
            ConnectionStatus::Unreadable => Self::new("bad", Mark::Key, "Unreadable"),
        }
    }
}

impl From<DeploymentStatus> for State {
    fn from(status: DeploymentStatus) -> Self {
        match status {
            DeploymentStatus::Queued => Self::new("run", Mark::Ring, "Queued"),
            DeploymentStatus::Running => Self::new("run", Mark::Turning, "Running"),
            DeploymentStatus::Live => Self::new("ok", Mark::Tick, "Live"),
            DeploymentStatus::Removed => Self::new("ok", Mark::Tick, "Removed"),
            DeploymentStatus::Failed => Self::new("bad", Mark::Cross, "Failed"),
            DeploymentStatus::Cancelled => Self::new("idle", Mark::Bar, "Cancelled"),
            DeploymentStatus::Undone => Self::new("idle", Mark::Back, "Undone"),
        }
    }
}

impl From<StepStatus> for State {
    fn from(status: StepStatus) -> Self {
        match status {
            StepStatus::Waiting => Self::new("idle", Mark::Ring, "waiting"),
            StepStatus::Running => Self::new("run", Mark::Turning, "running"),
            StepStatus::Done => Self::new("ok", Mark::Tick, "done"),
            StepStatus::Failed => Self::new("bad", Mark::Cross, "failed"),
            StepStatus::Undone => Self::new("idle", Mark::Back, "undone"),
        }
    }
}

impl From<Granted> for State {
    fn from(granted: Granted) -> Self {
        match granted {
            Granted::Yes => Self::new("ok", Mark::Tick, "yes"),
            Granted::No => Self::new("bad", Mark::Cross, "no"),
            Granted::Unknown => Self::new("idle", Mark::Dotted, "unknown"),
        }
    }
}

fn timestamp(at: Millis) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(at.0).ok()
}

/// A time of day with its date, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp(pub(crate) Millis);

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match timestamp(self.0) {
            Some(time) => write!(
                f,
                r#"<time datetime="{time}">{}</time>"#,
                time.strftime("%-d %b %Y, %H:%M UTC")
            ),
            None => f.write_str("at an unknown time"),
        }
    }
}
impl HtmlSafe for Stamp {}

/// How long ago something was, or how far ahead it is, as of a certain now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct When {
    /// The time.
    pub(crate) at: Millis,
    /// Now.
    pub(crate) now: Millis,
}

impl When {
    fn words(self) -> String {
        let seconds = (self.now.0 - self.at.0) / 1000;
        let (ahead, seconds) = (seconds < 0, seconds.unsigned_abs());
        let span = match seconds {
            0..45 => return if ahead { "in a moment" } else { "just now" }.to_owned(),
            45..5_400 => format!("{} min", seconds.div_ceil(60).max(1)),
            5_400..129_600 => format!("{} h", (seconds + 1_800) / 3_600),
            _ => format!("{} days", (seconds + 43_200) / 86_400),
        };
        if ahead {
            format!("in {span}")
        } else {
            format!("{span} ago")
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match timestamp(self.at) {
            Some(time) => write!(
                f,
                r#"<time datetime="{time}" title="{}">{}</time>"#,
                time.strftime("%-d %b %Y, %H:%M:%S UTC"),
                self.words()
            ),
            None => f.write_str("at an unknown time"),
        }
    }
}
impl HtmlSafe for When {}

/// A whole number with thousands set apart.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number with its noun: `1 step`, `1,204 steps`.
pub(crate) fn plural(number: u64, one: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{} {one}s", count(number))
    }
}

/// A time span from milliseconds: `0.31 s`, `2 min 4 s`.
pub(crate) fn span(from: Option<Millis>, to: Option<Millis>) -> Option<String> {
    let ms = u64::try_from(to?.0 - from?.0).ok()?;
    Some(match ms {
        0..10_000 => format!("{}.{:02} s", ms / 1000, ms % 1000 / 10),
        10_000..120_000 => format!("{} s", ms / 1000),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1000),
    })
}

/// Text in which words between backticks are code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coded<'a>(pub(crate) &'a str);

impl fmt::Display for Coded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pieces: Vec<&str> = self.0.split('`').collect();
        // An odd number of pieces: every backtick has its partner.
        let paired = pieces.len() % 2 == 1;
        for (index, piece) in pieces.iter().enumerate() {
            let escaped =
                askama::filters::escape(piece, askama::filters::Html).map_err(|_| fmt::Error)?;
            match (index % 2 == 1, paired) {
                (true, true) => write!(f, "<code>{escaped}</code>")?,
                (true, false) => write!(f, "`{escaped}")?,
                (false, false) if index > 0 => write!(f, "`{escaped}")?,
                (false, _) => write!(f, "{escaped}")?,
            }
        }
        Ok(())
    }
}
impl HtmlSafe for Coded<'_> {}

/// One checked permission, as a row.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CheckRow {
    /// As in Cloudflare's form.
    pub(crate) name: String,
    /// `account` or `zone`.
    pub(crate) scope: String,
    /// `edit` or `read`.
    pub(crate) level: String,
    /// The finding.
    pub(crate) granted: Granted,
    /// The evidence.
    #[serde(default)]
    pub(crate) detail: String,
    /// Where to grant it.
    #[serde(default)]
    pub(crate) fix_url: Option<String>,
}

impl CheckRow {
    /// The finding as a state.
    pub(crate) fn state(&self) -> State {
        self.granted.into()
    }

    /// The level as Cloudflare writes it.
    pub(crate) fn level_word(&self) -> &'static str {
        if self.level == "edit" { "Edit" } else { "Read" }
    }

    /// Whether the finding is a plain yes.
    pub(crate) fn is_yes(&self) -> bool {
        self.granted == Granted::Yes
    }

    /// The rows inside a problem with a token.
    pub(crate) fn of(problem: &Problem) -> Vec<Self> {
        problem
            .permissions
            .as_ref()
            .and_then(|value| serde_json::from_value(value.clone()).ok())
            .unwrap_or_default()
    }
}

/// Where a panel's button leads.
#[derive(Debug, Clone)]
pub(crate) struct Action {
    /// Its words.
    pub(crate) label: &'static str,
    /// Its address.
    pub(crate) href: String,
    /// Whether it leaves the console.
    pub(crate) is_away: bool,
}

/// A problem, on a page.
#[derive(Debug, Clone, Template)]
#[template(path = "parts/problem.html")]
pub(crate) struct ProblemPanel {
    /// What happened.
    pub(crate) problem: Problem,
    /// What can be pressed.
    pub(crate) actions: Vec<Action>,
    /// Distinguishes several panels of one page.
    pub(crate) key: String,
}

impl ProblemPanel {
    /// The panel of a problem.
    pub(crate) fn new(problem: Problem) -> Self {
        let fixes = matches!(
            problem.code,
            Code::InvalidToken
                | Code::TokenExpired
                | Code::InsufficientPermissions
                | Code::ApiKeyNotSupported
                | Code::NoAccounts
        );
        let mut actions = Vec::new();
        if matches!(
            problem.code,
            Code::TokenDisabled | Code::TokenIpRestricted | Code::InsufficientPermissions
        ) {
            actions.push(Action {
                label: "Edit the token",
                href: token_url::TOKENS_PAGE.to_owned(),
                is_away: true,
            });
        }
        if fixes {
            actions.push(Action {
                label: "Open the form, filled in",
                href: token_url::user_form().to_string(),
                is_away: true,
            });
        }
        Self {
            problem,
            actions,
            key: "problem".to_owned(),
        }
    }

    /// The problem that was stored as JSON, for example with a step.
    pub(crate) fn stored(value: &serde_json::Value, key: &str) -> Option<Self> {
        let problem = serde_json::from_value(value.clone()).ok()?;
        let mut panel = Self::new(problem);
        key.clone_into(&mut panel.key);
        Some(panel)
    }

    /// Adds a button.
    #[must_use]
    pub(crate) fn with(mut self, label: &'static str, href: impl Into<String>) -> Self {
        self.actions.push(Action {
            label,
            href: href.into(),
            is_away: false,
        });
        self
    }

    /// What is wrong with a field, if that is known.
    pub(crate) fn wrong(&self, field: &str) -> Option<&str> {
        self.problem
            .errors
            .iter()
            .find(|error| error.field == field)
            .map(|error| error.detail.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_spans() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_248), "1,248");
        assert_eq!(count(1_000_000), "1,000,000");
        assert_eq!(plural(1, "step"), "1 step");
        assert_eq!(plural(2, "step"), "2 steps");
        assert_eq!(
            span(Some(Millis(0)), Some(Millis(314))),
            Some("0.31 s".to_owned())
        );
        assert_eq!(
            span(Some(Millis(0)), Some(Millis(124_000))),
            Some("2 min 4 s".to_owned())
        );
        assert_eq!(span(None, Some(Millis(1))), None);
    }

    #[test]
    fn backticks_are_code() {
        let text = |text: &str| Coded(text).to_string();
        assert_eq!(text("`path` is <b>"), "<code>path</code> is &#60;b&#62;");
        assert_eq!(text("one ` alone"), "one ` alone");
        assert_eq!(text("plain"), "plain");
    }

    #[test]
    fn times_in_words() {
        let words = |ago: i64| {
            When {
                at: Millis(1_000_000_000_000 - ago * 1000),
                now: Millis(1_000_000_000_000),
            }
            .words()
        };
        assert_eq!(words(3), "just now");
        assert_eq!(words(120), "2 min ago");
        assert_eq!(words(7_200), "2 h ago");
        assert_eq!(words(3 * 86_400), "3 days ago");
        assert_eq!(words(-92 * 86_400), "in 92 days");
    }
}
