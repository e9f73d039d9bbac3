//! Bars on a terminal, nothing in a pipe.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;

/// So many things.
pub(super) fn of_items(length: u64) -> ProgressBar {
    styled(Some(length), "{wide_bar} {pos} of {len}, {eta} left")
}

/// So many bytes, or an unknown number of them.
pub(super) fn of_bytes(length: Option<u64>) -> ProgressBar {
    let style = match length {
        Some(_) => "{wide_bar} {bytes} of {total_bytes}, {eta} left",
        None => "{spinner} {bytes} read, {bytes_per_sec}",
    };
    styled(length, style)
}

fn styled(length: Option<u64>, style: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = length.map_or_else(ProgressBar::no_length, ProgressBar::new);
    match ProgressStyle::with_template(style) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
