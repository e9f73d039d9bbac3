//! The log: always on standard error, so that standard output is a command's answer alone.

use super::Config;
use tracing_subscriber::EnvFilter;

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one JSON object a line.
    Json,
}

pub(super) fn settings(
    filter: Option<&str>,
    format: Option<&str>,
    errors: &mut Vec<String>,
) -> (String, LogFormat) {
    let filter = filter.filter(|text| !text.is_empty()).unwrap_or("info");
    if let Err(why) = EnvFilter::builder().parse(filter) {
        errors.push(format!(
            "EDGE_DELIVERY_LOG {filter:?} is not a log filter: {why}"
        ));
    }
    let format = match format.filter(|text| !text.is_empty()) {
        None | Some("text") => LogFormat::Text,
        Some("json") => LogFormat::Json,
        Some(other) => {
            errors.push(format!(
                "EDGE_DELIVERY_LOG_FORMAT {other:?} is neither text nor json"
            ));
            LogFormat::Text
        }
    };
    (filter.to_owned(), format)
}

/// Starts the log of a long-running program.
pub(crate) fn start(config: &Config) {
    start_with(&config.log, config.log_format);
}

/// What a short command logs: warnings, and not that a deployment failed, which the command says itself.
const QUIET: &str = "warn,edge_delivery::reconcile::execute=error";

/// Starts the log of a short command: warnings alone unless `EDGE_DELIVERY_LOG` asks for more, so that the command's
/// own words stay readable.
pub(crate) fn start_quiet(config: &Config) {
    let filter = if config.log == "info" {
        QUIET
    } else {
        &config.log
    };
    start_with(filter, config.log_format);
}

/// Libraries that tell of every element of every page, whatever is asked for.
const TALKATIVE: [&str; 3] = ["selectors=warn", "html5ever=warn", "dom_query=warn"];

fn start_with(filter: &str, format: LogFormat) {
    let mut filter = EnvFilter::builder()
        .parse(filter)
        .unwrap_or_else(|_| EnvFilter::new("info"));
    for quieter in TALKATIVE {
        filter = filter.add_directive(quieter.parse().expect("a constant directive"));
    }
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(ansi);
    // A second start in one process (the demo runs several parts) keeps the first.
    let _ = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}
