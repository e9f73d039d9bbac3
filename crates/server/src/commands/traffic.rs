//! `edge-delivery traffic SITE`.

use super::{confirm, print_json, print_line};
use crate::{
    api::{kept_view, traffic_view},
    app::App,
    audit::{self, Actor, Event, Kind},
    config::ConfigArgs,
    services::{
        agents, sites,
        traffic::{self, Asked, Summary},
        visits,
    },
};
use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use domain::visit::{VisitOutcome, VisitStore};
use std::process::ExitCode;
use store::Site;

/// As many agents and pages are shown; --json has all.
const SHOWN: usize = 15;

/// Show which agents came to a site, what they got, and what was missing; or delete all of that.
#[derive(Debug, clap::Args)]
pub(crate) struct TrafficArgs {
    /// The site's name or id
    site: String,
    /// From this day (2026-11-01) or time (2026-11-01T00:00:00Z) on, or a span: 24h, 7d, 30d, 90d, 12mo [default: 7d]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Until the end of this day, or before this time [default: now]
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// hour, day or week [default: what suits the span]
    #[arg(long)]
    bucket: Option<String>,
    /// Whose midnight begins a day, as in Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// Only these agents, by token, separated by commas
    #[arg(long)]
    agent: Option<String>,
    /// Only these purposes: training, search, user
    #[arg(long)]
    purpose: Option<String>,
    /// Only pages whose path begins so
    #[arg(long)]
    path: Option<String>,
    /// Only these outcomes: variant, not_modified, origin, error
    #[arg(long)]
    outcome: Option<String>,
    /// Only these identities: verified, claimed, contradicted
    #[arg(long)]
    identity: Option<String>,
    /// Delete every visit of the site that came so far, single ones and counts
    #[arg(long, conflicts_with_all = ["from", "to", "bucket", "time_zone", "agent", "purpose", "path", "outcome", "identity"])]
    delete: bool,
    /// Do not ask before deleting
    #[arg(long, requires = "delete")]
    yes: bool,
    /// Print the answer as JSON, as the REST API gives it
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub(crate) async fn run(args: TrafficArgs) -> anyhow::Result<ExitCode> {
    let app = super::open(args.config).await?;
    if args.delete {
        return delete(&app, &args.site, args.yes, args.json).await;
    }
    let asked = Asked {
        from: args.from,
        to: args.to,
        bucket: args.bucket,
        time_zone: args.time_zone,
        agent: args.agent,
        purpose: args.purpose,
        path: args.path,
        outcome: args.outcome,
        identity: args.identity,
    };
    let answer = async {
        let site = sites::find(&app, app.workspace, &args.site).await?;
        let question = asked.question(app.clock.now())?;
        let summary = traffic::ask(&app, app.workspace, site.id, &question).await?;
        let registry = agents::active(&app, app.workspace).await?;
        Ok((question, summary, registry))
    };
    let (question, summary, registry) = match answer.await {
        Ok(answer) => answer,
        Err(problem) => return super::refuse(&problem, args.json),
    };
    if args.json {
        print_json(&traffic_view(&registry, &question, &summary))?;
    } else {
        for it in traffic::unlisted(&registry, &question.filter) {
            print_line(&it.note("`edge-delivery agents list`"))?;
        }
        print(&summary, !question.filter.is_empty())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Deletes, and returns when nothing is left.
async fn delete(app: &App, site: &str, is_sure: bool, as_json: bool) -> anyhow::Result<ExitCode> {
    let site = match sites::find(app, app.workspace, site).await {
        Ok(site) => site,
        Err(problem) => return super::refuse(&problem, as_json),
    };
    if !is_sure && !is_confirmed(&site).await? {
        anyhow::bail!("nothing was deleted: that is not the site's name");
    }
    let deleted = async {
        visits::delete_all(app, app.workspace, site.id).await?;
        let event = Event::site(Kind::SiteVisitsDeleted, &site);
        audit::record(app, &Actor::command_line(app.workspace), event).await;
        visits::finish_deletion(app, app.workspace, site.id).await?;
        kept_view(app, &site).await
    };
    match deleted.await {
        Ok(kept) if as_json => print_json(&kept)?,
        Ok(_) => {
            print_line(&format!(
                "Every visit of {} that had come is deleted, with its counts.",
                site.name
            ))?;
            if traffic::store_of(&site) == VisitStore::AnalyticsEngine {
                print_line(
                    "What lies in Analytics Engine stays: nobody can delete it there; Cloudflare forgets it after three months.",
                )?;
            }
        }
        Err(problem) => return super::refuse(&problem, as_json),
    }
    Ok(ExitCode::SUCCESS)
}

async fn is_confirmed(site: &Site) -> anyhow::Result<bool> {
    anyhow::ensure!(
        confirm::can_ask(),
        "deleting the visits of {:?} deletes each of them and every count; without a terminal to ask, say --yes",
        site.name
    );
    let question = format!(
        "This deletes every visit of {:?} and every count of them, for ever. Type its name to go on:",
        site.name
    );
    let asked = move || inquire::Text::new(&question).prompt();
    let answer = confirm::answered(tokio::task::spawn_blocking(asked).await?)?;
    Ok(answer.is_some_and(|answer| answer.trim() == site.name))
}

fn print(summary: &Summary, is_filtered: bool) -> anyhow::Result<()> {
    for note in summary.notes() {
        print_line(&note)?;
    }
    let totals = &summary.totals;
    if totals.visits == 0 {
        return print_line(if is_filtered {
            "In this time no visit fits all of that."
        } else {
            "No agent came in this time. To see one: curl -A GPTBot https://YOUR-SITE/"
        });
    }
    print_line(&format!(
        "{} visits by agents, {} in the time before; {} got a variant",
        totals.visits,
        summary.previous.visits,
        totals.served()
    ))?;
    if summary.dropped > 0 {
        print_line(&format!(
            "{} more were lost on their way, as the Worker told",
            summary.dropped
        ))?;
    }
    let rows = summary
        .agents
        .iter()
        .map(|agent| (&agent.agent, &agent.counts));
    print_line(&table("AGENT", rows))?;
    let named = |path: &str| match path {
        "" => "(all other pages)".to_owned(),
        path => path.to_owned(),
    };
    let paths: Vec<(String, traffic::Counts)> = summary
        .paths
        .iter()
        .map(|path| (named(&path.path), path.counts))
        .collect();
    print_line(&table(
        "PAGE",
        paths.iter().map(|(path, counts)| (path, counts)),
    ))?;
    if summary.missed.is_empty() {
        return Ok(());
    }
    print_line(&missed(summary))
}

/// What agents asked for without a variant: pages, then files, of which none is to be made.
fn missed(summary: &Summary) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(["MISSED, NO VARIANT YET", "VISITS", ""]);
    for (found, is_page) in traffic::missed_pages_first(summary).take(SHOWN) {
        table.add_row([
            found.path.clone(),
            found.counts.missed().to_string(),
            if is_page { "" } else { "not a page" }.to_owned(),
        ]);
    }
    format!("\n{table}")
}

fn table<'a>(what: &str, rows: impl Iterator<Item = (&'a String, &'a traffic::Counts)>) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header([
            what,
            "VISITS",
            "VARIANT",
            "ORIGIN",
            "ERROR",
            "VERIFIED",
            "CONTRADICTED",
        ]);
    for (name, counts) in rows.take(SHOWN) {
        table.add_row([
            name.clone(),
            counts.visits.to_string(),
            counts.served().to_string(),
            counts.missed().to_string(),
            counts.of(VisitOutcome::Error).to_string(),
            counts.by(domain::identity::Identity::Verified).to_string(),
            counts
                .by(domain::identity::Identity::Contradicted)
                .to_string(),
        ]);
    }
    format!("\n{table}")
}
