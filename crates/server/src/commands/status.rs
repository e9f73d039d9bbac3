//! `edge-delivery status`.

use super::{print_json, print_line};
use crate::{
    app::App,
    clock::rfc3339,
    config::ConfigArgs,
    problem::Outcome,
    services::{
        connections,
        warnings::{self, Warning},
    },
};
use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use domain::{connection::ConnectionStatus, ids::SiteId, time::Millis};
use serde_json::{Value, json};
use std::{collections::HashMap, process::ExitCode};
use store::{ConnectionGlance, KvStatus, Page, Site};

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
    let now = app.clock.now();
    let (connections, sites, alerts) = match read(&app).await {
        Ok(found) => found,
        Err(problem) => return super::refuse(&problem, args.json),
    };
    if args.json {
        print_json(&json!({
            "connections": connections.iter().map(|it| connection_json(it, now)).collect::<Value>(),
            "sites": sites.iter().map(|site| site_json(site, &alerts)).collect::<Value>(),
        }))?;
    } else {
        print(&connections, &sites, &alerts, now)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// How many alerts each site has open.
type OpenAlerts = HashMap<SiteId, u64>;

type Found = (Vec<ConnectionGlance>, Vec<(Site, KvStatus)>, OpenAlerts);

async fn read(app: &App) -> Outcome<Found> {
    let mut connections = Vec::new();
    let mut page = Page::first(store::PAGE_MAX);
    loop {
        // Not the store's glances: whether a token can be opened is known only by opening it.
        let listed = connections::list(app, app.workspace, &page).await?;
        connections.extend(listed.items.iter().map(warnings::glance_at));
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
    let alerts = app.store.count_open_alerts(app.workspace).await?;
    Ok((connections, sites, alerts))
}

fn connection_json(connection: &ConnectionGlance, now: Millis) -> Value {
    json!({
        "id": connection.id,
        "name": connection.name,
        "status": status(connection, now),
        "tokenHint": connection.token_hint,
        "tokenStoredAt": rfc3339(connection.token_stored_at),
        "expiresAt": connection.expires_at.map(rfc3339),
        "daysLeft": warnings::days_left(connection.expires_at, now),
        "checkedAt": rfc3339(connection.checked_at),
        "warnings": warnings::of(connection, now),
    })
}

fn status(connection: &ConnectionGlance, now: Millis) -> ConnectionStatus {
    warnings::status_now(connection.status, connection.expires_at, now)
}

fn expires(connection: &ConnectionGlance, now: Millis) -> String {
    match connection.expires_at {
        None => "never".to_owned(),
        Some(end) if end <= now => format!("{} (over)", rfc3339(end)),
        Some(end) => format!("{} (in {})", rfc3339(end), warnings::time_left(end, now)),
    }
}

fn warning_lines(connection: &ConnectionGlance, warning: &Warning) -> String {
    format!(
        "warning: {}: {}.\n  {}\n  next: {}",
        connection.name, warning.title, warning.detail, warning.remedy
    )
}

fn open_alerts(alerts: &OpenAlerts, site: &Site) -> u64 {
    alerts.get(&site.id).copied().unwrap_or_default()
}

fn site_json((site, content): &(Site, KvStatus), alerts: &OpenAlerts) -> Value {
    json!({
        "id": site.id,
        "name": site.name,
        "status": site.status,
        "hostnames": site.hostnames,
        "observedAt": site.observed_at.map(rfc3339),
        "live": content.live,
        "pending": content.pending,
        "failed": content.failed,
        "openAlerts": open_alerts(alerts, site),
    })
}

fn print(
    connections: &[ConnectionGlance],
    sites: &[(Site, KvStatus)],
    alerts: &OpenAlerts,
    now: Millis,
) -> anyhow::Result<()> {
    if connections.is_empty() {
        return print_line(
            "No connection yet. Connect Cloudflare in the console, or see `edge-delivery token url`.",
        );
    }
    let mut table = new_table(["connection", "status", "token", "expires"]);
    for connection in connections {
        table.add_row([
            connection.name.clone(),
            word(&json!(status(connection, now))),
            format!("…{}", connection.token_hint),
            expires(connection, now),
        ]);
    }
    print_line(&table.trim_fmt())?;
    for connection in connections {
        for warning in warnings::of(connection, now) {
            print_line("")?;
            print_line(&warning_lines(connection, &warning))?;
        }
    }
    print_line("")?;
    if sites.is_empty() {
        return print_line("No site yet.");
    }
    let mut table = new_table(["site", "status", "hosts", "variants at the edge", "alerts"]);
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
            match open_alerts(alerts, site) {
                0 => "none".to_owned(),
                open => format!("{open} open"),
            },
        ]);
    }
    print_line(&table.trim_fmt())
}

fn new_table<const N: usize>(heads: [&str; N]) -> Table {
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
