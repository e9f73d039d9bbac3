//! The first page: what needs you and all sites at a glance, or the way to the first site.

use super::{
    activity::ActivityRow,
    parts::{Mark, State},
    shell::Shell,
    sites::SiteRow,
};
use askama::Template;

/// The overview.
#[derive(Debug, Template)]
#[template(path = "pages/overview.html")]
pub(crate) struct OverviewPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The first-run path, until its last step is done.
    pub(crate) way: Option<Vec<WayStep>>,
    /// How much there is, in a line.
    pub(crate) summary: String,
    /// What waits for a decision.
    pub(crate) needs: Vec<Need>,
    /// The sites.
    pub(crate) sites: Vec<SiteRow>,
    /// The latest deployments.
    pub(crate) activity: Vec<ActivityRow>,
}

/// A step of the first-run path.
#[derive(Debug, Clone)]
pub(crate) struct WayStep {
    /// What to do.
    pub(crate) title: &'static str,
    /// What it takes.
    pub(crate) words: &'static str,
    /// Where it is done.
    pub(crate) href: String,
    /// Done already.
    pub(crate) is_done: bool,
    /// The one to do now.
    pub(crate) is_now: bool,
}

/// Something that waits for a decision.
#[derive(Debug, Clone)]
pub(crate) struct Need {
    /// How bad it is.
    pub(crate) state: State,
    /// What happened.
    pub(crate) title: String,
    /// What it means.
    pub(crate) words: String,
    /// Where to go.
    pub(crate) href: String,
    /// The button's words.
    pub(crate) action: &'static str,
}

/// The path from signing in to the first visit of an agent.
pub(crate) fn way(
    has_connection: bool,
    site: Option<&str>,
    is_live: bool,
    has_variant: bool,
) -> Vec<WayStep> {
    let at = |rest: &str| {
        site.map_or_else(
            || "/sites/new".to_owned(),
            |id| format!("/sites/{id}{rest}"),
        )
    };
    let mut steps = vec![
        WayStep {
            title: "Sign in",
            words: "",
            href: "/".to_owned(),
            is_done: true,
            is_now: false,
        },
        WayStep {
            title: "Connect Cloudflare",
            words: "Paste an API token; the guide is beside the field. About 4 minutes.",
            href: "/connections/new".to_owned(),
            is_done: has_connection,
            is_now: false,
        },
        WayStep {
            title: "Choose a domain",
            words: "From the zones that the token reaches. Nothing is changed yet.",
            href: "/sites/new".to_owned(),
            is_done: site.is_some(),
            is_now: false,
        },
        WayStep {
            title: "Read the plan and go live",
            words: "What will be made in your account, before it is made.",
            href: at("/plan"),
            is_done: is_live,
            is_now: false,
        },
        WayStep {
            title: "Publish the first variant",
            words: "The same facts in a form that agents read well.",
            href: at("/variants/new"),
            is_done: has_variant,
            is_now: false,
        },
        WayStep {
            title: "Visit as GPTBot",
            words: "Beside Chrome, so that you see both.",
            href: at("/visit"),
            is_done: false,
            is_now: false,
        },
    ];
    if let Some(next) = steps.iter_mut().find(|step| !step.is_done) {
        next.is_now = true;
    }
    steps
}
