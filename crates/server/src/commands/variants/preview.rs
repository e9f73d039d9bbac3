//! `edge-delivery variants preview …`: links with which somebody sees a revision on the live site.

use crate::{
    api::preview_view as view,
    app::App,
    audit::{self, Actor, Kind},
    commands::{self, print_json, print_line},
    config::ConfigArgs,
    problem::{Outcome, Problem},
    services::{
        previews::{self, NewPreview, OpenPreview},
        sites,
        variants::VariantName,
    },
};
use clap::Args;
use domain::variant::Format;
use serde_json::{Value, json};
use std::process::ExitCode;
use store::Site;

/// A page, or what is to be done with the links that are open.
#[derive(Debug, Args)]
pub(crate) struct PreviewArgs {
    /// The site's name or id
    site: String,
    /// The page's path, with the query that matters
    #[arg(required_unless_present_any = ["list", "revoke", "rotate_key"])]
    path: Option<String>,
    /// The format
    #[arg(long, default_value = "html", value_name = "html|markdown")]
    format: Format,
    /// Which revision, 64 hex digits; the newest unless given
    #[arg(long)]
    revision: Option<String>,
    /// On which host name; the site's first unless given
    #[arg(long)]
    host: Option<String>,
    /// List the links that are open
    #[arg(long, conflicts_with_all = ["path", "revoke", "rotate_key"])]
    list: bool,
    /// Revoke a link, by its id
    #[arg(long, value_name = "ID", conflicts_with_all = ["path", "rotate_key"])]
    revoke: Option<String>,
    /// Revoke every link and make another key, which the next deployment brings to the Worker
    #[arg(long, conflicts_with = "path")]
    rotate_key: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) async fn run(args: &PreviewArgs) -> anyhow::Result<ExitCode> {
    let app = commands::open(args.config.clone()).await?;
    match act(&app, args).await {
        Ok((told, lines)) => {
            if args.json {
                print_json(&told)?;
            } else {
                for line in lines {
                    print_line(&line)?;
                }
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(problem) => commands::refuse(&problem, args.json),
    }
}

/// Does it; answers for programs and for people.
async fn act(app: &App, args: &PreviewArgs) -> Outcome<(Value, Vec<String>)> {
    let ws = app.workspace;
    let actor = Actor::command_line(ws);
    let site = sites::find(app, ws, &args.site).await?;
    if args.list {
        let open = previews::list(app, ws, site.id).await?;
        let items: Vec<_> = open.iter().map(view).collect();
        let lines = match open.len() {
            0 => vec!["no preview link is open".to_owned()],
            _ => open.iter().map(line).collect(),
        };
        return Ok((json!({ "items": items }), lines));
    }
    if let Some(id) = &args.revoke {
        let id = id.parse().map_err(|_| Problem::not_found("preview", id))?;
        let link = previews::revoke(app, ws, site.id, id).await?;
        audit::record_preview(app, &actor, Kind::PreviewRevoked, &site, &link).await;
        return Ok((
            json!({ "revoked": link.id.to_string() }),
            vec![format!("revoked the link to {}", link.path)],
        ));
    }
    if args.rotate_key {
        let revoked = previews::rotate_key(app, ws, site.id).await?;
        audit::record_preview_key(app, &actor, &site, revoked).await;
        return Ok((
            json!({ "revoked": revoked, "needsDeployment": true }),
            vec![format!(
                "{revoked} links revoked; deploy the site to give its Worker the new key"
            )],
        ));
    }
    let open = make(app, args, &site).await?;
    audit::record_preview(app, &actor, Kind::PreviewMade, &site, &open.link).await;
    let told = serde_json::to_value(view(&open)).map_err(|error| Problem::internal(&error))?;
    Ok((told, vec![open.url]))
}

async fn make(app: &App, args: &PreviewArgs, site: &Site) -> Outcome<OpenPreview> {
    let path = args.path.as_deref().unwrap_or_default();
    let name = VariantName::parse(site, args.format.as_str(), path)?;
    let revision = args
        .revision
        .as_ref()
        .map(|text| text.parse())
        .transpose()
        .map_err(|_| Problem::field("revision", "must be 64 hex digits"))?;
    let new = NewPreview {
        name: &name,
        revision,
        host: args.host.as_deref(),
        author: "command line",
    };
    previews::create(app, app.workspace, &new).await
}

fn line(open: &OpenPreview) -> String {
    let link = &open.link;
    format!(
        "{}  {} {} {}  until {}  {}",
        link.id,
        link.format,
        link.revision.short(),
        link.path,
        crate::clock::rfc3339(link.expires_at),
        open.url
    )
}
