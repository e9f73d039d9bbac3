//! `edge-delivery route …`: what an owner decides about routes that are in the way.

use super::{hint, print_json, print_line};
use crate::{
    app::App,
    audit::{self, Actor, Event, Kind},
    config::ConfigArgs,
    problem::{Outcome, Problem},
    services::sites::{self, SitePatch},
    words::shell_word,
};
use clap::{Args, Subcommand};
use domain::{desired::RouteChoiceKind, names::Hostname};
use serde_json::json;
use std::{collections::BTreeMap, process::ExitCode};
use store::Site;

/// Decide about routes of others that are in a site's way, as its plan shows them. Nothing changes at Cloudflare before the
/// next deployment.
#[derive(Debug, Subcommand)]
pub(crate) enum RouteCommand {
    /// Adopt a foreign route: it runs the site's Worker, and is given back as it was when the site is removed. Repairs a
    /// route of ours that somebody repointed.
    Adopt(ChoiceArgs),
    /// Accept that a route of the site takes requests from a foreign Worker, for people, too.
    Accept(ChoiceArgs),
    /// Take such a decision back, before it was deployed.
    Withdraw(ChoiceArgs),
    /// Cover only a part of a host name: these patterns instead of all of it. Without a pattern: all of it again.
    Narrow(NarrowArgs),
    /// Take a host name out of the site.
    LeaveOut(HostArgs),
}

/// A decision about one route.
#[derive(Debug, Args)]
pub(crate) struct ChoiceArgs {
    /// The site's name or id
    site: String,
    /// The route's pattern, as the plan's conflict names it
    pattern: String,
    #[command(flatten)]
    common: CommonArgs,
}

/// Narrower patterns.
#[derive(Debug, Args)]
pub(crate) struct NarrowArgs {
    /// The site's name or id
    site: String,
    /// The host name
    host: String,
    /// The patterns, for example 'shop.example/blog/*'
    patterns: Vec<String>,
    #[command(flatten)]
    common: CommonArgs,
}

/// A host name of a site.
#[derive(Debug, Args)]
pub(crate) struct HostArgs {
    /// The site's name or id
    site: String,
    /// The host name
    host: String,
    #[command(flatten)]
    common: CommonArgs,
}

/// What all take.
#[derive(Debug, Args)]
pub(crate) struct CommonArgs {
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// What is decided, by the word of the audit log.
enum Decision {
    Choice(RouteChoiceKind, String),
    Withdraw(String),
    Narrow(String, Vec<String>),
    LeaveOut(String),
}

impl Decision {
    const fn word(&self) -> &'static str {
        match self {
            Self::Choice(RouteChoiceKind::Adopt, _) => "adopt",
            Self::Choice(RouteChoiceKind::Accept, _) => "accept",
            Self::Withdraw(_) => "withdraw",
            Self::Narrow(..) => "narrower_pattern",
            Self::LeaveOut(_) => "leave_out_host",
        }
    }

    fn about(&self) -> &str {
        match self {
            Self::Choice(_, about)
            | Self::Withdraw(about)
            | Self::Narrow(about, _)
            | Self::LeaveOut(about) => about,
        }
    }
}

/// Runs the command.
pub(crate) async fn run(command: RouteCommand) -> anyhow::Result<ExitCode> {
    let (site, decision, common) = match command {
        RouteCommand::Adopt(args) => (
            args.site,
            Decision::Choice(RouteChoiceKind::Adopt, args.pattern),
            args.common,
        ),
        RouteCommand::Accept(args) => (
            args.site,
            Decision::Choice(RouteChoiceKind::Accept, args.pattern),
            args.common,
        ),
        RouteCommand::Withdraw(args) => (args.site, Decision::Withdraw(args.pattern), args.common),
        RouteCommand::Narrow(args) => (
            args.site,
            Decision::Narrow(args.host, args.patterns),
            args.common,
        ),
        RouteCommand::LeaveOut(args) => (args.site, Decision::LeaveOut(args.host), args.common),
    };
    let app = super::open(common.config).await?;
    let decided = match carry_out(&app, &site, &decision).await {
        Ok(decided) => decided,
        Err(problem) => return super::refuse(&problem, common.json),
    };
    let event = Event::site(Kind::SiteChanged, &decided)
        .with("choice", decision.word())
        .with("about", decision.about());
    audit::record(&app, &Actor::command_line(app.workspace), event).await;
    if common.json {
        print_json(&json!({
            "siteId": decided.id.to_string(),
            "siteName": decided.name,
            "choice": decision.word(),
            "about": decision.about(),
        }))?;
    } else {
        print_line(&format!(
            "{}: written down ({}, {})",
            decided.name,
            decision.word(),
            decision.about()
        ))?;
        let site = shell_word(&decided.name);
        hint(&format!(
            "next: edge-delivery plan {site}, then edge-delivery deploy {site}"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

async fn carry_out(app: &App, site: &str, decision: &Decision) -> Outcome<Site> {
    let ws = app.workspace;
    let site = sites::find(app, ws, site).await?;
    let patch = match decision {
        Decision::Choice(kind, pattern) => {
            let about = ("route", pattern.as_str());
            return sites::choose(app, ws, site.id, *kind, about, "command line").await;
        }
        Decision::Withdraw(pattern) => {
            return sites::withdraw(app, ws, site.id, pattern, "command line").await;
        }
        Decision::Narrow(host, patterns) => SitePatch {
            route_patterns: Some(BTreeMap::from([(host.clone(), patterns.clone())])),
            ..SitePatch::default()
        },
        Decision::LeaveOut(host) => SitePatch {
            hostnames: Some(without(&site, host)?),
            ..SitePatch::default()
        },
    };
    sites::update(app, ws, site.id, patch).await
}

/// The site's host names but one.
fn without(site: &Site, host: &str) -> Outcome<Vec<String>> {
    let left: Vec<String> = site
        .hostnames
        .iter()
        .map(Hostname::as_str)
        .filter(|other| !other.eq_ignore_ascii_case(host))
        .map(str::to_owned)
        .collect();
    if left.len() == site.hostnames.len() {
        return Err(Problem::field("host", "is not a host name of this site"));
    }
    if left.is_empty() {
        return Err(Problem::field(
            "host",
            "is the site's only host name: give it narrower patterns, or remove the site",
        ));
    }
    Ok(left)
}
