//! `edge-delivery token …`.

use super::{print_json, print_line};
use crate::{
    clock::{Clock, rfc3339},
    config::{ConfigArgs, logging},
    problem::Problem,
    services::{
        token_check::{self, TokenReport, UNWATCHED, level_word, permissions_json},
        token_text::recognise,
        token_url,
    },
};
use anyhow::Context;
use clap::{Args, Subcommand};
use cloudflare::{Client, ClientConfig};
use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use domain::connection::{Granted, is_good_enough};
use serde_json::json;
use std::{
    io::{IsTerminal, Read},
    process::ExitCode,
};

/// Check a Cloudflare API token, or print the address of the form for one.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Check a token, permission by permission. Changes nothing at Cloudflare and stores nothing.
    ///
    /// The token is read from CLOUDFLARE_API_TOKEN, else from standard input; never from an argument, which every process
    /// of the machine could read. Exit code 0: ready; 1: not.
    Check(Box<CheckArgs>),
    /// Print the address of Cloudflare's form, filled in with the five permissions.
    Url(UrlArgs),
}

/// How a token is checked.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Which form.
#[derive(Debug, Args)]
pub(crate) struct UrlArgs {
    /// The form for a token that an account owns instead of a person
    #[arg(long)]
    account_owned: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(command: TokenCommand) -> anyhow::Result<ExitCode> {
    match command {
        TokenCommand::Check(args) => check(*args).await,
        TokenCommand::Url(args) => {
            let url = if args.account_owned {
                token_url::account_form()
            } else {
                token_url::user_form()
            };
            if args.json {
                print_json(&json!({ "url": url }))?;
            } else {
                print_line(url.as_str())?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn check(args: CheckArgs) -> anyhow::Result<ExitCode> {
    let config = args.config.command_config()?;
    logging::start_quiet(&config);
    let pasted = read_token()?;
    let client = Client::new(ClientConfig::new(
        config.cloudflare_base_url.clone(),
        concat!("edge-delivery/", env!("CARGO_PKG_VERSION")),
    ))?;
    let outcome = async {
        let pasted = recognise(&pasted)?;
        if !pasted.cleaned.is_empty() {
            super::hint(&format!(
                "taken away from what was given: {}",
                pasted.cleaned.join(", ")
            ));
        }
        let report = token_check::check(&client, Clock, &pasted, UNWATCHED).await?;
        Ok::<_, Problem>(report)
    };
    match outcome.await {
        Ok(report) => show(report, args.json),
        Err(problem) => super::refuse(problem, args.json),
    }
}

fn read_token() -> anyhow::Result<String> {
    if let Some(token) = std::env::var_os("CLOUDFLARE_API_TOKEN").filter(|token| !token.is_empty())
    {
        return token
            .into_string()
            .map_err(|_| anyhow::anyhow!("CLOUDFLARE_API_TOKEN is not text"));
    }
    if std::io::stdin().is_terminal() {
        return rpassword::prompt_password("Cloudflare API token (not shown): ")
            .context("the token could not be read");
    }
    let mut text = String::new();
    // A little more than may be pasted: what is too long is refused with words instead of being cut.
    std::io::stdin()
        .take(8 * 1024)
        .read_to_string(&mut text)
        .context("standard input is not text")?;
    Ok(text)
}

fn show(report: TokenReport, as_json: bool) -> anyhow::Result<ExitCode> {
    let is_ready = is_good_enough(&report.permissions);
    if as_json {
        print_json(&json!({
            "ready": is_ready,
            "tokenKind": report.kind,
            "expiresAt": report.expires_at.map(rfc3339),
            "accounts": report.accounts,
            "zones": report.zones,
            "permissions": permissions_json(&report.permissions),
        }))?;
    } else {
        print_line(&table(&report))?;
        print_line(if is_ready {
            "ready: this token can deploy"
        } else {
            "not ready"
        })?;
    }
    match report.require_good_enough() {
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(_) if as_json => Ok(ExitCode::FAILURE),
        Err(problem) => super::refuse(problem, false),
    }
}

fn table(report: &TokenReport) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["", "permission", "level", "where", "evidence"]);
    for check in &report.permissions {
        table.add_row([
            granted_word(check.granted).to_owned(),
            check.permission.name().to_owned(),
            level_word(check.permission).to_owned(),
            check.place.clone(),
            check.detail.clone(),
        ]);
    }
    table.trim_fmt()
}

const fn granted_word(granted: Granted) -> &'static str {
    match granted {
        Granted::Yes => "yes",
        Granted::No => "NO",
        Granted::Unknown => "unknown",
    }
}
