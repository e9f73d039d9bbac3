//! The commands of `edge-delivery`, one file each.

pub(crate) mod admin;
pub(crate) mod agents;
pub(crate) mod audit;
pub(crate) mod backup;
mod confirm;
pub(crate) mod demo;
pub(crate) mod deploy;
pub(crate) mod deployment;
mod draft;
pub(crate) mod emulator;
mod encrypted;
mod follow;
pub(crate) mod key;
mod listening;
pub(crate) mod migrate;
pub(crate) mod plan;
pub(crate) mod remove;
pub(crate) mod restore;
pub(crate) mod route;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod token;
pub(crate) mod traffic;
pub(crate) mod variants;

use crate::{
    app::{App, AppState},
    config::{ConfigArgs, logging},
    problem::Problem,
};
use std::{io::Write, process::ExitCode};

/// Prints a failure with its causes on standard error and gives exit code 1.
pub(crate) fn fail(error: &anyhow::Error) -> ExitCode {
    if error.is::<OutputClosed>() {
        return ExitCode::from(ENDED_BY_SIGPIPE);
    }
    // When standard error is gone there is nowhere left to say so.
    let _ = writeln!(std::io::stderr(), "error: {error:#}");
    ExitCode::FAILURE
}

/// What a shell says of a program that a closed pipe ended (128 + SIGPIPE): neither success nor a result of `plan`.
const ENDED_BY_SIGPIPE: u8 = 141;

/// Nobody reads standard output any more, as after `| head`.
#[derive(Debug, thiserror::Error)]
#[error("standard output was closed")]
struct OutputClosed;

/// Opens the database and the vault for a command that works with what is there; neither is made.
///
/// # Errors
///
/// When the settings cannot be used, there is no database or no key, the database does not answer or the key is wrong.
pub(crate) async fn open(args: ConfigArgs) -> anyhow::Result<AppState> {
    let config = args.command_config()?;
    logging::start_quiet(&config);
    App::open_existing(config).await
}

/// The same for a command that may come before the first `serve`: what is missing is made.
///
/// # Errors
///
/// When the settings cannot be used, the database does not answer or the key is wrong.
pub(crate) async fn open_or_make(args: ConfigArgs) -> anyhow::Result<AppState> {
    let config = args.command_config()?;
    logging::start_quiet(&config);
    App::open(config).await
}

/// Prints a line on standard output; a closed pipe ends the command quietly.
pub(crate) fn print_line(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(OutputClosed.into()),
        written => written.map_err(Into::into),
    }
}

/// Says something beside the result, on standard error.
pub(crate) fn hint(text: &str) {
    // When standard error is gone there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints a value as JSON on standard output.
pub(crate) fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    print_line(&serde_json::to_string_pretty(value)?)
}

/// Ends a command with a problem: in words on standard error, or with `--json` on standard output.
pub(crate) fn refuse(problem: &Problem, as_json: bool) -> anyhow::Result<ExitCode> {
    if as_json {
        print_json(problem)?;
    } else {
        hint(&format!("error: {problem}"));
    }
    Ok(ExitCode::FAILURE)
}
