//! `edge-delivery audit`.

use super::{print_json, print_line};
use crate::{
    api::audit_view,
    audit::{self, Kind},
    clock::rfc3339,
    config::ConfigArgs,
    problem::Outcome,
};
use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use std::process::ExitCode;
use store::{AuditEntry, AuditFilter, PAGE_MAX, Page};

/// Show who did what, when, from where; newest first.
#[derive(Debug, clap::Args)]
pub(crate) struct AuditArgs {
    /// How many lines
    #[arg(long, default_value_t = 50, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Only what was done so: connection.replaced, or connection for every kind of it
    #[arg(long)]
    kind: Option<String>,
    /// Only what was done to the site, connection, access key or person with this id
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
    /// Print the lines as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub(crate) async fn run(args: AuditArgs) -> anyhow::Result<ExitCode> {
    let app = super::open(args.config).await?;
    let filter = AuditFilter {
        kind: args.kind,
        subject: args.subject,
    };
    let entries = match read(&app, &filter, args.limit).await {
        Ok(entries) => entries,
        Err(problem) => return super::refuse(&problem, args.json),
    };
    if args.json {
        let items: Vec<_> = entries.iter().map(audit_view).collect();
        print_json(&serde_json::json!({ "items": items }))?;
    } else if entries.is_empty() {
        print_line("Nothing is written down.")?;
    } else {
        print_line(&table(&entries).trim_fmt())?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn read(app: &crate::app::App, filter: &AuditFilter, limit: u32) -> Outcome<Vec<AuditEntry>> {
    let mut entries = Vec::new();
    let mut page = Page::first(limit.min(PAGE_MAX));
    loop {
        let listed = audit::list(app, app.workspace, filter, &page).await?;
        entries.extend(listed.items);
        let missing = limit.saturating_sub(u32::try_from(entries.len()).unwrap_or(u32::MAX));
        match listed.next {
            Some(next) if missing > 0 => {
                page = Page {
                    after: Some(next),
                    limit: missing.min(PAGE_MAX),
                };
            }
            _ => return Ok(entries),
        }
    }
}

fn table(entries: &[AuditEntry]) -> Table {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(["when", "who", "what", "to", "from"]);
    for AuditEntry { event, .. } in entries {
        let mut what = Kind::in_words(&event.kind);
        let more = audit::in_words(event);
        if !more.is_empty() {
            what = format!("{what} ({more})");
        }
        table.add_row([
            rfc3339(event.at),
            event.who.clone(),
            what,
            event.subject_name.clone(),
            event.address.clone().unwrap_or_default(),
        ]);
    }
    table
}
