//! `edge-delivery admin create`.

use crate::{
    audit::{self, Actor, Event, Kind},
    auth::people,
    config::ConfigArgs,
};
use anyhow::{Context, bail};
use domain::secret::Secret;
use std::{
    io::{BufRead, IsTerminal, Write},
    process::ExitCode,
};

/// Make an administrator who can sign in to the console.
///
/// The password is asked for on a terminal, else read from standard input (its first line) or from
/// EDGE_DELIVERY_ADMIN_PASSWORD. It is never an argument: every process of the machine can read arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct CreateArgs {
    /// E-mail address to sign in with [default: EDGE_DELIVERY_ADMIN_EMAIL, else asked for]
    #[arg(long, value_name = "EMAIL")]
    email: Option<String>,
    /// Give an existing administrator a new password and end their sessions
    #[arg(long)]
    reset_password: bool,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub(super) async fn run(args: CreateArgs) -> anyhow::Result<ExitCode> {
    let named = std::env::var("EDGE_DELIVERY_ADMIN_EMAIL")
        .ok()
        .filter(|text| !text.is_empty());
    let email = match args.email.or(named) {
        Some(email) => email,
        None => ask("E-mail address: ")?,
    };
    let app = crate::commands::open_or_make(args.config).await?;
    let password = password()?;
    let user = if args.reset_password {
        people::reset_password(&app, &email, &password).await?
    } else {
        people::create(&app, &email, &password).await?
    };
    let kind = if args.reset_password {
        Kind::PersonPasswordChanged
    } else {
        Kind::AdministratorMade
    };
    let event = Event::person(kind, &user);
    audit::record(&app, &Actor::command_line(app.workspace), event).await;
    if args.json {
        crate::commands::print_json(
            &serde_json::json!({ "id": user.id.to_string(), "email": user.email }),
        )?;
    } else if args.reset_password {
        crate::commands::print_line(&format!(
            "{} has a new password; every session of theirs is ended.",
            user.email
        ))?;
    } else {
        crate::commands::print_line(&format!("{} can sign in now.", user.email))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn ask(prompt: &str) -> anyhow::Result<String> {
    if !std::io::stdin().is_terminal() {
        bail!("say whose account it is with --email");
    }
    write!(std::io::stderr(), "{prompt}")?;
    std::io::stderr().flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

fn password() -> anyhow::Result<Secret> {
    if let Some(password) = std::env::var("EDGE_DELIVERY_ADMIN_PASSWORD")
        .ok()
        .filter(|password| !password.is_empty())
    {
        return Ok(Secret::new(password));
    }
    if std::io::stdin().is_terminal() {
        let first = Secret::new(rpassword::prompt_password("Password: ")?);
        let second = Secret::new(rpassword::prompt_password("Once more: ")?);
        if first != second {
            bail!("the two passwords differ; nothing was changed");
        }
        return Ok(first);
    }
    let mut line = zeroize::Zeroizing::new(String::new());
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .context("the password could not be read from standard input")?;
    Ok(Secret::new(line.trim_end_matches(['\r', '\n'])))
}
