//! Marks and states: always a shape, a colour and a word.

use askama::filters::HtmlSafe;
use domain::{
    connection::{ConnectionStatus, Granted},
    deployment::{DeploymentStatus, SiteStatus, StepStatus},
};
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
