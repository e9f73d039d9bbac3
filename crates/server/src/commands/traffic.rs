//! `edge-delivery traffic SITE`.

use super::{print_json, print_line};
use crate::{
    api::traffic_view,
    config::ConfigArgs,
    services::{
        agents, sites,
        traffic::{self, Asked, Summary},
    },
};
use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use domain::visit::VisitOutcome;
use std::process::ExitCode;

/// As many agents and pages are shown; --json has all.
const SHOWN: usize = 15;

/// Show which agents came to a site, what they got, and what was missing.
#[derive(Debug, clap::Args)]
pub(crate) struct TrafficArgs {
    /// The site's name or id
    site: String,
    /// From this time on (2026-11-01T00:00:00Z), or a span: 24h, 7d, 30d, 90d, 12mo [default: 7d]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Until before this time [default: now]
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
    /// Print the answer as JSON, as the REST API gives it
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub(crate) async fn run(args: TrafficArgs) -> anyhow::Result<ExitCode> {
    let app = super::open(args.config).await?;
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
        print(&summary)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(summary: &Summary) -> anyhow::Result<()> {
    for note in summary.notes() {
        print_line(&note)?;
    }
    let totals = &summary.totals;
    if totals.visits == 0 {
        return print_line(
            "No agent came in this time. To see one: curl -A GPTBot https://YOUR-SITE/",
        );
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
    ))
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
