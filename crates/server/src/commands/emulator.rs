//! `edge-delivery emulator`: the local Cloudflare alone, for tests and for other programs that speak to Cloudflare.

use super::{listening::Wanted, serve::stop_signal};
use cloudflare_emulator::{Emulator, Options, StartError, StateFile};
use std::{io::Write, net::SocketAddr, path::PathBuf, process::ExitCode};

/// Run the local Cloudflare alone: its API and its edge.
#[derive(Debug, clap::Args)]
pub(crate) struct EmulatorArgs {
    /// Address and port of the API; control calls exist on a loopback address only
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8788", value_parser = address)]
    listen: SocketAddr,
    /// Address and port of the edge
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8787", value_parser = address)]
    edge_listen: SocketAddr,
    /// What there is at the start: accounts, zones, tokens, …, as TOML or JSON
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Append each request and answer to this file, one JSON object a line, secrets masked
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// An address to listen on; `localhost` is spelled out, a bare port is one of loopback.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    let spelled = text
        .strip_prefix("localhost:")
        .map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    spelled
        .parse()
        .map_err(|_| "write ADDRESS:PORT, for example 127.0.0.1:8788".to_owned())
}

/// Runs the command: until SIGINT or SIGTERM.
pub(crate) async fn run(args: EmulatorArgs) -> anyhow::Result<ExitCode> {
    let state = match &args.state {
        Some(path) => StateFile::load(path)?,
        None => {
            say(
                "no --state FILE: there is no account, zone or token, so every call with a token will be refused",
            );
            StateFile::default()
        }
    };
    let emulator = Emulator::start(Options {
        listen: args.listen,
        edge_listen: args.edge_listen,
        state,
        record: args.record,
        workerd: None,
    })
    .await
    .map_err(|error| {
        did_not_start(error, |flag, address| Wanted {
            what: part_of(flag),
            address,
            flag,
            also: "",
        })
    })?;
    say(&format!("api listening on http://{}", emulator.api_addr()));
    say(&format!(
        "edge listening on http://{}",
        emulator.edge_addr()
    ));
    let stopped = stop_signal().await;
    emulator.stop().await;
    stopped?;
    Ok(ExitCode::SUCCESS)
}

/// What listens where this flag of the emulator says.
pub(super) fn part_of(flag: &str) -> &'static str {
    match flag {
        "--listen" => "the local Cloudflare's API",
        _ => "the local Cloudflare's edge",
    }
}

/// Why the emulator did not start, in the words of the command that starts it.
pub(super) fn did_not_start<'a>(
    error: StartError,
    wanted: impl FnOnce(&'static str, SocketAddr) -> Wanted<'a>,
) -> anyhow::Error {
    match error {
        StartError::Listen { addr, flag, source } => wanted(flag, addr).refused(&source),
        other => anyhow::Error::new(other).context("the local Cloudflare did not start"),
    }
}

/// A line on standard error; programs that start this one read the addresses there.
fn say(line: &str) {
    // Without a standard error there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn addresses_as_people_write_them() {
        for (text, expected) in [
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("localhost:8788", "127.0.0.1:8788"),
            ("9000", "127.0.0.1:9000"),
            ("[::1]:80", "[::1]:80"),
        ] {
            assert_eq!(address(text).unwrap().to_string(), expected);
        }
        for text in ["", "shop.example:80", "127.0.0.1", "99999"] {
            assert!(address(text).is_err(), "{text}");
        }
    }
}
