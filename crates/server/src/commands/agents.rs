//! `edge-delivery agents …`: who is known, who a user agent is, and the registry of all that.

use super::{hint, print_json, print_line};
use crate::{
    api::agents::{
        AgentFilter, AgentView, CheckView, RegistryView, active_event, no_such, staged_event,
    },
    app::App,
    audit::{self, Actor, Event, Kind},
    config::ConfigArgs,
    problem::Outcome,
    services::{
        agents::{self, Back, Standing},
        sites,
    },
};
use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use domain::agents::{ExcludedKind, Purpose, changes::Change, document::DOCUMENT_MAX};
use std::{
    io::Read,
    path::{Path, PathBuf},
    process::ExitCode,
};
use store::Site;

/// Whoever is said to have done it.
const BY: &str = "command line";

/// AI agents: who is known, who a user agent is, and the registry they stand in.
#[derive(Debug, Subcommand)]
pub(crate) enum AgentsCommand {
    /// List the agents that are known
    List(ListArgs),
    /// Show one of them, and what it gets at each site
    Show(ShowArgs),
    /// Say who a user agent would be, and what it gets at each site
    Check(CheckArgs),
    /// Check and stage a registry from a file, and show what it would change; nothing changes until it is activated
    Update(UpdateArgs),
    /// Show which registry is in force, what is staged and what was in force before
    Registry(PlainArgs),
    /// Put the staged registry in force; each site's Worker gets it with the site's next deployment
    Activate(PlainArgs),
    /// Forget the staged registry
    Discard(PlainArgs),
    /// Go back to the built-in registry or to a former one
    Revert(RevertArgs),
    /// Print the registry in force as a document, to be changed and sent again
    Export(ExportArgs),
}

/// Which are listed.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only those whose token, name or operator holds this text
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only this purpose: training, search or user
    #[arg(long)]
    purpose: Option<String>,
    /// Only this operator's
    #[arg(long)]
    operator: Option<String>,
    /// Only those known from: operator (its own documentation) or reported (logs and public lists)
    #[arg(long)]
    evidence: Option<String>,
    /// agent, excluded (they get the page that people get), robots_only or all
    #[arg(long, default_value = "agent")]
    kind: String,
    /// Tell what each gets at this site, by name or id
    #[arg(long)]
    site: Option<String>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Which one is shown.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Its token, as in GPTBot
    token: String,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Who is looked up.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The whole user agent, as it stands in a log
    user_agent: String,
    /// Tell what it gets at this site alone, by name or id
    #[arg(long)]
    site: Option<String>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// What is taken in.
#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// The document, `-` for standard input
    file: PathBuf,
    /// Put it in force at once
    #[arg(long)]
    activate: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Nothing but the form of the output.
#[derive(Debug, Args)]
pub(crate) struct PlainArgs {
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Where to go back to.
#[derive(Debug, Args)]
pub(crate) struct RevertArgs {
    /// The registry that came with the program, or the one that was in force before
    #[arg(long, value_enum)]
    to: RevertTo,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RevertTo {
    BuiltIn,
    Former,
}

/// Nothing.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub(crate) async fn run(command: AgentsCommand) -> anyhow::Result<ExitCode> {
    match command {
        AgentsCommand::List(args) => list(args).await,
        AgentsCommand::Show(args) => {
            let app = super::open(args.config).await?;
            let shown = show(&app, &args.token).await;
            answer(shown, args.json, print_entry)
        }
        AgentsCommand::Check(args) => {
            let app = super::open(args.config).await?;
            let found = check(&app, &args.user_agent, args.site.as_deref()).await;
            answer(found, args.json, print_check)
        }
        AgentsCommand::Update(args) => update(args).await,
        AgentsCommand::Registry(args) => {
            let app = super::open(args.config).await?;
            let standing = agents::standing(&app, app.workspace).await;
            answer(
                standing.map(|it| RegistryView::of(&it)),
                args.json,
                print_registry,
            )
        }
        AgentsCommand::Activate(args) => {
            let app = super::open(args.config).await?;
            let done = agents::activate(&app, app.workspace, None, BY).await;
            let done = recorded(&app, done, |it| active_event(Kind::AgentsActivated, it)).await;
            answer(done, args.json, print_registry)
        }
        AgentsCommand::Discard(args) => {
            let app = super::open(args.config).await?;
            let done = agents::discard(&app, app.workspace).await;
            let done = recorded(&app, done, |_| Event::new(Kind::AgentsDiscarded)).await;
            answer(done, args.json, print_registry)
        }
        AgentsCommand::Revert(args) => {
            let app = super::open(args.config).await?;
            let to = match args.to {
                RevertTo::BuiltIn => Back::BuiltIn,
                RevertTo::Former => Back::Former(None),
            };
            let done = agents::go_back(&app, app.workspace, to, BY).await;
            let done = recorded(&app, done, |it| active_event(Kind::AgentsReverted, it)).await;
            answer(done, args.json, print_registry)
        }
        AgentsCommand::Export(args) => {
            let app = super::open(args.config).await?;
            match agents::active(&app, app.workspace).await {
                Ok(registry) => {
                    print_line(registry.to_document().trim_end())?;
                    Ok(ExitCode::SUCCESS)
                }
                Err(problem) => super::refuse(&problem, false),
            }
        }
    }
}

/// Prints what came of it.
fn answer<T: serde::Serialize>(
    outcome: Outcome<T>,
    as_json: bool,
    print: impl Fn(&T) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    match outcome {
        Err(problem) => super::refuse(&problem, as_json),
        Ok(value) => {
            if as_json {
                print_json(&value)?;
            } else {
                print(&value)?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn recorded(
    app: &App,
    outcome: Outcome<Standing>,
    event: impl Fn(&Standing) -> Event,
) -> Outcome<RegistryView> {
    let standing = outcome?;
    audit::record(app, &Actor::command_line(app.workspace), event(&standing)).await;
    Ok(RegistryView::of(&standing))
}

async fn list(args: ListArgs) -> anyhow::Result<ExitCode> {
    let app = super::open(args.config).await?;
    let filter = AgentFilter {
        kind: Some(args.kind),
        purpose: args.purpose,
        operator: args.operator,
        evidence: args.evidence,
        q: args.search,
        site: None,
    };
    let listed = async {
        let registry = agents::active(&app, app.workspace).await?;
        let sites = chosen_sites(&app, args.site.as_deref(), Vec::new()).await?;
        filter.choose(AgentView::all(&registry, &sites))
    };
    match listed.await {
        Err(problem) => super::refuse(&problem, args.json),
        Ok(items) if args.json => {
            print_json(&serde_json::json!({ "items": items }))?;
            Ok(ExitCode::SUCCESS)
        }
        Ok(items) if items.is_empty() => {
            print_line("Nobody who is known fits this.")?;
            Ok(ExitCode::SUCCESS)
        }
        Ok(items) => {
            print_line(&table(&items, args.site.is_some()).trim_fmt())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The site that was named, or else these.
async fn chosen_sites(app: &App, name: Option<&str>, others: Vec<Site>) -> Outcome<Vec<Site>> {
    match name {
        Some(name) => Ok(vec![sites::find(app, app.workspace, name).await?]),
        None => Ok(others),
    }
}

fn table(items: &[AgentView], has_site: bool) -> Table {
    let mut table = Table::new();
    let mut header = vec!["token", "operator", "what", "known from", "first seen"];
    if has_site {
        header.push("gets");
    }
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    for item in items {
        let mut row = vec![
            item.token.clone(),
            item.operator.clone(),
            what(item).to_owned(),
            item.evidence.map_or("", |it| it.as_str()).to_owned(),
            item.first_seen.clone().unwrap_or_default(),
        ];
        if has_site {
            let gets = item.sites.first().map(|site| site.gets.title());
            row.push(gets.unwrap_or_default().to_owned());
        }
        table.add_row(row);
    }
    table
}

fn what(item: &AgentView) -> &'static str {
    let purpose = item.purpose.map(Purpose::as_str);
    let why = item.why.map(ExcludedKind::as_str);
    purpose.or(why).unwrap_or("robots.txt only")
}

async fn show(app: &App, token: &str) -> Outcome<AgentView> {
    let registry = agents::active(app, app.workspace).await?;
    let sites = agents::all_sites(app, app.workspace).await?;
    AgentView::find(&registry, token, &sites).ok_or_else(|| no_such(token))
}

fn print_entry(view: &AgentView) -> anyhow::Result<()> {
    print_line(&format!(
        "{}, of {}: {}",
        view.token,
        view.operator,
        what(view)
    ))?;
    if view.kind == "agent" {
        let way = view.verification.as_ref().and_then(|way| way.in_words());
        let way = way.map_or_else(
            || "no known way".to_owned(),
            |(way, by)| format!("{way}, {by}"),
        );
        print_line(&format!("verified by: {way}"))?;
        let from = view.evidence.map_or("", |it| it.as_str());
        let docs = view.docs.as_deref().unwrap_or("no page");
        print_line(&format!("known from:  {from}, {docs}"))?;
        let seen = view.first_seen.as_deref().unwrap_or("not known");
        print_line(&format!("first seen:  {seen}"))?;
    }
    print_sites(view)
}

fn print_sites(view: &AgentView) -> anyhow::Result<()> {
    for site in &view.sites {
        print_line(&format!("at {}: {}", site.name(), site.gets.title()))?;
    }
    Ok(())
}

async fn check(app: &App, user_agent: &str, site: Option<&str>) -> Outcome<CheckView> {
    let registry = agents::active(app, app.workspace).await?;
    let all = agents::all_sites(app, app.workspace).await?;
    let sites = chosen_sites(app, site, all).await?;
    Ok(CheckView::of(&registry, user_agent, &sites))
}

fn print_check(view: &CheckView) -> anyhow::Result<()> {
    match &view.entry {
        None => print_line(
            "Nobody who is known: it gets the page that people get, and a Markdown variant only if it asks for Markdown by name.",
        ),
        Some(entry) if view.visitor == "agent" => {
            print_line(&format!(
                "{}, an AI agent of {}: {}",
                entry.token,
                entry.operator,
                what(entry)
            ))?;
            print_sites(entry)
        }
        Some(entry) => {
            print_line(&format!(
                "{}, of {}: {}. It gets the page that people get unless a site says otherwise.",
                entry.token,
                entry.operator,
                what(entry)
            ))?;
            print_sites(entry)
        }
    }
}

async fn update(args: UpdateArgs) -> anyhow::Result<ExitCode> {
    let document = read(&args.file)?;
    let app = super::open(args.config).await?;
    let staged = agents::stage(&app, app.workspace, &document, BY).await;
    let staged = recorded(&app, staged, staged_event).await;
    let done = match staged {
        Ok(view) if args.activate => {
            if !args.json {
                print_staged(&view)?;
            }
            let digest = view.staged.as_ref().map(|it| it.held.digest.as_str());
            let done = agents::activate(&app, app.workspace, digest, BY).await;
            recorded(&app, done, |it| active_event(Kind::AgentsActivated, it)).await
        }
        other => other,
    };
    if let (Err(problem), false) = (&done, args.json) {
        for error in &problem.errors {
            hint(&format!("{} {}", error.field, error.detail));
        }
    }
    answer(done, args.json, |view| {
        if args.activate {
            return print_line(
                "It is in force. `edge-delivery plan SITE` shows what that changes at Cloudflare.",
            );
        }
        print_staged(view)?;
        print_line(
            "Staged. `edge-delivery agents activate` puts it in force, `edge-delivery agents discard` forgets it.",
        )
    })
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than is taken, so that a document too large is told as such.
    let limit = u64::try_from(DOCUMENT_MAX)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let outcome = if file == Path::new("-") {
        std::io::stdin().take(limit).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|opened| opened.take(limit).read_to_end(&mut bytes))
    };
    outcome.with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(bytes)
}

fn print_staged(view: &RegistryView) -> anyhow::Result<()> {
    let Some(staged) = &view.staged else {
        return print_line("No registry is staged.");
    };
    print_line(&format!(
        "staged: version {}, {} agents",
        staged.held.version, staged.held.agents
    ))?;
    if staged.changes.is_empty() {
        print_line("  no entry differs")?;
    }
    let changes = &staged.changes;
    for (sign, list) in [
        ("+", &changes.added),
        ("~", &changes.changed),
        ("-", &changes.removed),
    ] {
        for change in list {
            print_line(&format!("  {sign} {}", change_line(change)))?;
        }
    }
    for site in &staged.sites {
        print_line(&format!("  at {}", site.line()))?;
    }
    Ok(())
}

fn change_line(change: &Change) -> String {
    let mut line = format!("{}, of {} ({})", change.token, change.operator, change.kind);
    if !change.what.is_empty() {
        line.push_str(": ");
        line.push_str(&change.what.join("; "));
    }
    line
}

fn print_registry(view: &RegistryView) -> anyhow::Result<()> {
    let active = &view.active;
    let from = match &active.activated_by {
        None => "built in".to_owned(),
        Some(by) => format!(
            "from {by}, {}",
            active.activated_at.as_deref().unwrap_or_default()
        ),
    };
    print_line(&format!(
        "in force: version {}, {} agents ({from})",
        active.version, active.agents
    ))?;
    if view.staged.is_some() {
        print_staged(view)?;
    }
    for former in &view.former {
        print_line(&format!(
            "before: version {}, {} agents, in force since {}",
            former.version,
            former.agents,
            former.activated_at.as_deref().unwrap_or_default()
        ))?;
    }
    Ok(())
}
