//! `edge-delivery status`.

use super::{print_json, print_line};
use crate::{
    app::App, clock::rfc3339, config::ConfigArgs, problem::Outcome, services::connections,
};
use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use serde_json::{Value, json};
use std::process::ExitCode;
use store::{Connection, KvStatus, Page, Site};

/// Show connections and sites at a glance, as last observed.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub(crate) async fn run(args: StatusArgs) -> anyhow::Result<ExitCode> {
    let app = super::open(args.config).await?;
    let (connections, sites) = match read(&app).await {
        Ok(found) => found,
        Err(problem) => return super::refuse(problem, args.json),
    };
    if args.json {
        print_json(&json!({
            "connections": connections.iter().map(connection_json).collect::<Value>(),
            "sites": sites.iter().map(site_json).collect::<Value>(),
        }))?;
    } else {
        print(&connections, &sites)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn read(app: &App) -> Outcome<(Vec<Connection>, Vec<(Site, KvStatus)>)> {
    let mut connections = Vec::new();
    let mut page = Page::first(store::PAGE_MAX);
    loop {
        let listed = connections::list(app, app.workspace, &page).await?;
        connections.extend(listed.items);
        match listed.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    let mut sites = Vec::new();
    let mut page = Page::first(store::PAGE_MAX);
    loop {
        let listed = app.store.list_sites(app.workspace, &page).await?;
        for site in listed.items {
            let content = app.store.kv_status(app.workspace, site.id).await?;
            sites.push((site, content));
        }
        match listed.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    Ok((connections, sites))
}

fn connection_json(connection: &Connection) -> Value {
    json!({
        "id": connection.id,
        "name": connection.name,
        "status": connection.status,
        "tokenHint": connection.token_hint,
        "expiresAt": connection.expires_at.map(rfc3339),
        "checkedAt": rfc3339(connection.checked_at),
    })
}

fn site_json((site, content): &(Site, KvStatus)) -> Value {
    json!({
        "id": site.id,
        "name": site.name,
        "status": site.status,
        "hostnames": site.hostnames,
        "observedAt": site.observed_at.map(rfc3339),
        "live": content.live,
        "pending": content.pending,
        "failed": content.failed,
    })
}

fn print(connections: &[Connection], sites: &[(Site, KvStatus)]) -> anyhow::Result<()> {
    if connections.is_empty() {
        return print_line(
            "No connection yet. Connect Cloudflare in the console, or see `edge-delivery token url`.",
        );
    }
    let mut table = new_table(["connection", "status", "token", "expires"]);
    for connection in connections {
        table.add_row([
            connection.name.clone(),
            word(&json!(connection.status)),
            format!("…{}", connection.token_hint),
            connection
                .expires_at
                .map_or_else(|| "never".to_owned(), rfc3339),
        ]);
    }
    print_line(&table.trim_fmt())?;
    print_line("")?;
    if sites.is_empty() {
        return print_line("No site yet.");
    }
    let mut table = new_table(["site", "status", "hosts", "variants at the edge"]);
    for (site, content) in sites {
        let hosts: Vec<&str> = site
            .hostnames
            .iter()
            .map(domain::names::Hostname::as_str)
            .collect();
        table.add_row([
            site.name.clone(),
            site.status.to_string(),
            hosts.join(", "),
            format!(
                "{} live, {} on their way, {} failed",
                content.live, content.pending, content.failed
            ),
        ]);
    }
    print_line(&table.trim_fmt())
}

fn new_table(heads: [&str; 4]) -> Table {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(heads);
    table
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
