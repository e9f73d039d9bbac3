//! The commands of `edge-delivery`, one file each.

pub(crate) mod admin;
pub(crate) mod backup;
pub(crate) mod demo;
pub(crate) mod deploy;
pub(crate) mod emulator;
pub(crate) mod key;
pub(crate) mod migrate;
pub(crate) mod plan;
pub(crate) mod remove;
pub(crate) mod restore;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod token;
pub(crate) mod variants;

use std::{io::Write, process::ExitCode};

/// Prints a failure with its causes on standard error and gives exit code 1.
pub(crate) fn fail(error: &anyhow::Error) -> ExitCode {
    // When standard error is gone there is nowhere left to say so.
    let _ = writeln!(std::io::stderr(), "error: {error:#}");
    ExitCode::FAILURE
}

/// Prints a line on standard output; a closed pipe ends the command quietly.
pub(crate) fn print_line(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}").map_err(Into::into)
}
