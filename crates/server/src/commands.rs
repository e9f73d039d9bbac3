//! The commands of `edge-delivery`, one file each.

pub(crate) mod admin;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod demo;
pub(crate) mod deploy;
mod draft;
pub(crate) mod emulator;
mod encrypted;
mod follow;
pub(crate) mod key;
pub(crate) mod migrate;
pub(crate) mod plan;
pub(crate) mod remove;
pub(crate) mod restore;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod token;
pub(crate) mod variants;

use crate::{
    app::{App, AppState},
    config::{ConfigArgs, logging},
};
use std::{io::Write, process::ExitCode};

/// Prints a failure with its causes on standard error and gives exit code 1.
pub(crate) fn fail(error: &anyhow::Error) -> ExitCode {
    // When standard error is gone there is nowhere left to say so.
    let _ = writeln!(std::io::stderr(), "error: {error:#}");
    ExitCode::FAILURE
}

/// Opens the database and the vault for a command.
///
/// # Errors
///
/// When the settings cannot be used, the database does not answer or the key is wrong.
pub(crate) async fn open(args: ConfigArgs) -> anyhow::Result<AppState> {
    let config = args.command_config()?;
    logging::start_quiet(&config);
    App::open(config).await
}

/// Prints a line on standard output; a closed pipe ends the command quietly.
pub(crate) fn print_line(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}").map_err(Into::into)
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
pub(crate) fn refuse(problem: crate::problem::Problem, as_json: bool) -> anyhow::Result<ExitCode> {
    if as_json {
        print_json(&problem)?;
        return Ok(ExitCode::FAILURE);
    }
    Err(problem.into())
}
