//! `edge-delivery token …`.

mod checklist;

use self::checklist::{Live, checklist};
use super::{print_json, print_line};
use crate::{
    clock::{Clock, rfc3339},
    config::{ConfigArgs, logging},
    problem::{Outcome, Problem},
    services::{
        token_check::{self, Progress, TokenReport, optional_json, permissions_json_of},
        token_text::recognise,
        token_url,
    },
};
use anyhow::Context;
use clap::{Args, Subcommand};
use cloudflare::{Client, ClientConfig};
use domain::connection::TokenKind;
use serde_json::{Value, json};
use std::{
    ffi::OsString,
    io::{IsTerminal, Read},
    process::ExitCode,
};

/// Something is wrong with how the command was called.
const WRONG_USAGE: u8 = 2;

/// Check a Cloudflare API token, or print the address of the form for one.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Check a token, permission by permission. Changes nothing at Cloudflare and stores nothing.
    ///
    /// The token is read from CLOUDFLARE_API_TOKEN, else from standard input; never from an argument, which every process
    /// of the machine could read. The checklist and the verdict go to standard output, everything else to standard error.
    #[command(after_long_help = EXIT_CODES)]
    Check(Box<CheckArgs>),
    /// Print the address of Cloudflare's form, filled in with the five permissions.
    Url(UrlArgs),
    /// A token may stand here by mistake: it must not be quoted back.
    #[command(external_subcommand)]
    Misplaced(Vec<OsString>),
}

const EXIT_CODES: &str = "\
Exit codes:
  0  ready: at least one account grants its three permissions, and one of its zones both of its own
  1  not ready, or it could not be told; the reason is on standard error, or with --json in the answer
  2  wrong usage, for example a token as an argument

In a pipeline, before a deployment:
  CLOUDFLARE_API_TOKEN=… edge-delivery token check --json";

/// How a token is checked.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// Taken so that they can be refused without being quoted.
    #[arg(hide = true, value_name = "NOTHING")]
    misplaced: Vec<OsString>,
    /// Likewise.
    #[arg(hide = true, long, visible_alias = "api-token", num_args = 0..)]
    token: Option<Vec<OsString>>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Which form.
#[derive(Debug, Args)]
pub(crate) struct UrlArgs {
    /// The form for a token that an account owns instead of a person
    #[arg(long)]
    account_owned: bool,
    /// With the optional sixth permission, Account Analytics: Read, for visits that are kept in Analytics Engine
    #[arg(long)]
    analytics: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(command: TokenCommand) -> anyhow::Result<ExitCode> {
    match command {
        TokenCommand::Check(args) if !args.misplaced.is_empty() || args.token.is_some() => {
            let by_flag = args.token.map_or(0, |words| words.len());
            Ok(refuse_arguments(args.misplaced.len() + by_flag))
        }
        TokenCommand::Check(args) => check(*args).await,
        TokenCommand::Misplaced(words) => Ok(refuse_arguments(words.len())),
        TokenCommand::Url(args) => {
            let kind = if args.account_owned {
                TokenKind::Account
            } else {
                TokenKind::User
            };
            let url = match (args.analytics, kind) {
                (true, kind) => token_url::form_with_analytics(kind),
                (false, TokenKind::Account) => token_url::account_form(),
                (false, TokenKind::User) => token_url::user_form(),
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

/// Says why no token is taken from an argument, without quoting what stood there.
fn refuse_arguments(count: usize) -> ExitCode {
    super::hint(&format!(
        "error: `edge-delivery token` knows `check` and `url`, and takes no token as an argument; what stood there ({count} in all) is not shown.\n  \
         why:  every process of this machine can read the arguments of the others, and the shell keeps them in its history.\n  \
         next: if it was a token, consider it seen by others: roll it at Cloudflare (My Profile → API Tokens → Roll).\n  \
         next: give the new one by standard input or in CLOUDFLARE_API_TOKEN, for example: edge-delivery token check < FILE",
    ));
    ExitCode::from(WRONG_USAGE)
}

async fn check(args: CheckArgs) -> anyhow::Result<ExitCode> {
    let config = args.config.command_config()?;
    logging::start_quiet(&config);
    let given = read_token()?;
    let client = Client::new(ClientConfig::new(
        config.cloudflare_base_url.clone(),
        concat!("edge-delivery/", env!("CARGO_PKG_VERSION")),
    ))?;
    let live = Live::new(!args.json);
    let outcome = find_out(&client, &given, &live).await;
    live.clear();
    match outcome {
        Ok(found) if args.json => {
            print_json(&as_json(&found))?;
            Ok(found
                .problem
                .map_or(ExitCode::SUCCESS, |_| ExitCode::FAILURE))
        }
        Ok(found) => show(&found),
        Err(problem) if args.json => {
            let mut answer = json!({"ready": false});
            merge(&mut answer, &problem);
            print_json(&answer)?;
            Ok(ExitCode::FAILURE)
        }
        Err(problem) => Ok(say(&problem)),
    }
}

/// A token that Cloudflare knows, and why it is not good enough if it is not.
struct Found {
    cleaned: Vec<&'static str>,
    report: TokenReport,
    problem: Option<Problem>,
}

async fn find_out(client: &Client, given: &str, live: &Live) -> Outcome<Found> {
    let pasted = recognise(given)?;
    let watch = |progress: Progress| live.show(progress);
    let report = token_check::check(client, Clock, &pasted, &watch).await?;
    Ok(Found {
        problem: report.clone().require_good_enough().err(),
        cleaned: pasted.cleaned,
        report,
    })
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

/// The result and, when the token is not good enough, the problem's members, in one object.
fn as_json(found: &Found) -> Value {
    let report = &found.report;
    let mut answer = json!({
        "ready": found.problem.is_none(),
        "tokenKind": report.kind,
        "expiresAt": report.expires_at.map(rfc3339),
        "accounts": report.accounts,
        "zones": report.zones,
        "permissions": permissions_json_of(&report.permissions, report.kind),
        "optionalPermissions": optional_json(&report.optional, report.kind),
        "cleaned": found.cleaned,
    });
    if let Some(problem) = &found.problem {
        merge(&mut answer, problem);
    }
    answer
}

fn merge(answer: &mut Value, problem: &Problem) {
    if let (Some(answer), Ok(Value::Object(members))) =
        (answer.as_object_mut(), serde_json::to_value(problem))
    {
        answer.extend(members);
    }
}

fn show(found: &Found) -> anyhow::Result<ExitCode> {
    if !found.cleaned.is_empty() {
        super::hint(&format!(
            "taken away from what was given: {}",
            found.cleaned.join(", ")
        ));
    }
    print_line(&checklist(&found.report.all_checks()))?;
    match &found.problem {
        None => {
            print_line("ready: this token can deploy")?;
            Ok(ExitCode::SUCCESS)
        }
        Some(problem) => {
            print_line("not ready")?;
            Ok(say(problem))
        }
    }
}

/// The problem in words, and what to copy to support.
fn say(problem: &Problem) -> ExitCode {
    super::hint(&format!(
        "error: {problem}\n\nDetails for support, without secrets:\n{}",
        problem.details()
    ));
    ExitCode::FAILURE
}
