//! Prints each step with its result.

use crate::commands::{demo::words::Ink, print_line};
use serde_json::json;
use std::time::Instant;

/// A step failed, and was reported.
#[derive(Debug)]
pub(super) struct Failed;

/// What a step gives: something for later steps, and a few words for the reader.
pub(super) struct Done<T> {
    pub(super) value: T,
    pub(super) note: String,
}

impl<T> Done<T> {
    pub(super) fn new(value: T, note: impl Into<String>) -> Self {
        Self {
            value,
            note: note.into(),
        }
    }
}

pub(super) struct Report {
    as_json: bool,
    ink: Ink,
    number: u32,
    started: Instant,
}

impl Report {
    pub(super) fn new(as_json: bool, ink: Ink) -> Self {
        Self {
            as_json,
            ink,
            number: 0,
            started: Instant::now(),
        }
    }

    /// Runs a step and prints how it went.
    pub(super) async fn step<T, F>(
        &mut self,
        name: &str,
        work: impl FnOnce() -> F,
    ) -> Result<T, Failed>
    where
        F: Future<Output = anyhow::Result<Done<T>>>,
    {
        self.number += 1;
        let started = Instant::now();
        let outcome = work().await;
        let took = started.elapsed().as_secs_f64();
        let (passed, note) = match &outcome {
            Ok(done) => (true, done.note.clone()),
            Err(error) => (false, format!("{error:#}")),
        };
        // When nobody reads, the exit code still tells.
        let _ = print_line(&self.line(name, passed, took, &note));
        outcome.map(|done| done.value).map_err(|_| Failed)
    }

    fn line(&self, name: &str, passed: bool, took: f64, note: &str) -> String {
        if self.as_json {
            return json!({
                "step": self.number, "name": name, "passed": passed, "seconds": (took * 1000.0).round() / 1000.0,
                "note": note,
            })
            .to_string();
        }
        let Ink {
            dim,
            good,
            bad,
            off,
            ..
        } = &self.ink;
        let word = if passed {
            format!("{good}✓ ok    {off}")
        } else {
            format!("{bad}✗ failed{off}")
        };
        let note = note.replace('\n', "\n               ");
        format!(
            "{word} {:>2}  {name}  {dim}{took:.2} s{off}\n               {dim}{note}{off}",
            self.number
        )
    }

    /// The last line.
    pub(super) fn end(&self, passed: bool) -> anyhow::Result<()> {
        let seconds = self.started.elapsed().as_secs_f64();
        if self.as_json {
            return print_line(
                &json!({"passed": passed, "steps": self.number, "seconds": (seconds * 1000.0).round() / 1000.0})
                    .to_string(),
            );
        }
        let Ink { bold, off, .. } = &self.ink;
        print_line(&if passed {
            format!(
                "\n{bold}All {} steps passed in {seconds:.1} s.{off}",
                self.number
            )
        } else {
            format!(
                "\n{bold}Step {} failed after {seconds:.1} s; what follows was not tried.{off}",
                self.number
            )
        })
    }
}
