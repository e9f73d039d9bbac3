//! One attempt to connect a token or to replace one: as a plain form, or told live while it is checked.
//!
//! A browser with scripts asks for an event stream. Its messages are the part below the field, whole each time; the last
//! is followed by the event `stored` with the way on, or `refused` with what has to be done in the field. What was
//! pasted is in no answer: the field keeps it. When the reader goes away the stream is dropped, and with it the
//! check; storing is the last thing it does, in one piece.

use super::{
    ConnectPage, Named,
    checklist::{Checklist, ChecklistPart},
    show::{NOTES, tell},
};
use crate::{
    audit,
    console::{
        desk::{Desk, refused},
        parts::ProblemPanel,
    },
    problem::{Code, Outcome, Problem},
    services::{
        connections::{self, ReplacementKind},
        token_check::{Progress, Watch},
        token_text::recognise,
    },
};
use askama::Template;
use axum::{
    http::{HeaderMap, header},
    response::{
        IntoResponse, Redirect, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use domain::secret::Secret;
use std::{convert::Infallible, pin::pin, time::Duration};
use store::Connection;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A line of silence so often keeps proxies from closing the stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What the form sends, and where.
pub(super) struct Attempt {
    /// Whose it is.
    pub(super) desk: Desk,
    /// The connection whose token is replaced; none: a new one.
    pub(super) replaces: Option<(Connection, Named)>,
    /// What was pasted.
    pub(super) token: Secret,
    /// What was typed as the name.
    pub(super) name: String,
}

/// What a stream's message holds.
#[derive(Debug, Template)]
#[template(
    source = "{% if let Some(panel) = problem %}{{ panel|safe }}{% endif %}{{ list|safe }}",
    ext = "html"
)]
struct Part<'a> {
    problem: Option<&'a ProblemPanel>,
    list: ChecklistPart,
}

impl Attempt {
    /// Answers as it is asked for.
    pub(super) async fn answer(self, headers: &HeaderMap) -> Response {
        let wants_stream = headers
            .get(header::ACCEPT)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|accept| accept.contains("text/event-stream"));
        if wants_stream {
            self.stream()
        } else {
            self.plain().await
        }
    }

    fn checklist(&self) -> Checklist {
        Checklist::of(recognise(self.token.expose()).ok().as_ref())
    }

    /// Checks and stores; answers with the way on.
    async fn run(&self, watch: Watch<'_>) -> Outcome<String> {
        let (app, ws, token) = (self.desk.app(), self.desk.ws(), self.token.expose());
        let former = self.replaces.as_ref().map(|(former, _)| former);
        let mut replaced = None;
        let outcome = if let Some(former) = former {
            connections::replace_token(app, ws, former.id, token, watch)
                .await
                .map(|it| {
                    replaced = Some((it.kind, it.notes));
                    it.connection
                })
        } else {
            let name = Some(self.name.trim()).filter(|name| !name.is_empty());
            connections::connect(app, ws, token, name, watch).await
        };
        let is_same = matches!(replaced, Some((ReplacementKind::Same, _)));
        audit::record_token(app, &self.desk.actor(), former, &outcome, is_same).await;
        let id = outcome?.id;
        let word = match replaced {
            Some((kind, notes)) => {
                tell_notes(&self.desk, &notes).await;
                kind.word()
            }
            None => "connected",
        };
        let was_cleaned = recognise(token).is_ok_and(|pasted| !pasted.cleaned.is_empty());
        let cleaned = if was_cleaned { "-cleaned" } else { "" };
        Ok(format!("/connections/{id}?done={word}{cleaned}"))
    }

    fn panel(&self, problem: Problem) -> ProblemPanel {
        ProblemPanel::new(problem)
            .at(self.desk.now())
            .beside_the_guide()
    }

    async fn plain(self) -> Response {
        let mut list = self.checklist();
        let (told, mut heard) = unbounded_channel();
        let watch = |progress| drop(told.send(progress));
        match self.run(&watch).await {
            Ok(way) => Redirect::to(&way).into_response(),
            Err(problem) => {
                take_all(&mut list, &mut heard);
                list.end();
                let panel = self.panel(problem);
                let named = self.replaces.map(|(_, named)| named);
                let page =
                    ConnectPage::new(&self.desk, named, self.name).refused(panel, list.part());
                refused(&page, page.problem.as_ref())
            }
        }
    }

    fn stream(self) -> Response {
        let stream = async_stream::stream! {
            let mut list = self.checklist();
            let (told, mut heard) = unbounded_channel();
            let watch = move |progress| drop(told.send(progress));
            let mut work = pin!(self.run(&watch));
            yield message(None, &list);
            let outcome = loop {
                let progress = tokio::select! {
                    biased;
                    Some(progress) = heard.recv() => progress,
                    outcome = &mut work => break outcome,
                };
                list.take(progress);
                take_all(&mut list, &mut heard);
                yield message(None, &list);
            };
            take_all(&mut list, &mut heard);
            match outcome {
                Ok(way) => {
                    yield message(None, &list);
                    yield Ok(Event::default().event("stored").data(way));
                }
                Err(problem) => {
                    list.end();
                    let next = next_deed(&problem);
                    yield message(Some(&self.panel(problem)), &list);
                    yield Ok(Event::default().event("refused").data(next));
                }
            }
        };
        let stream = Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
        ([(header::CACHE_CONTROL, "no-store")], stream).into_response()
    }
}

/// Leaves what could not be made sure of for the connection's page. The token is stored already, so a failure is only logged.
async fn tell_notes(desk: &Desk, notes: &[String]) {
    if let Err(problem) = tell(desk, NOTES, notes).await {
        tracing::warn!(%problem, "what could not be made sure of about a new token is not told");
    }
}

/// Whether another token has to be pasted, or the same can be checked again.
pub(super) fn next_deed(problem: &Problem) -> &'static str {
    match problem.code {
        Code::InvalidToken
        | Code::TokenExpired
        | Code::ApiKeyNotSupported
        | Code::ConnectionExists
        | Code::ValidationFailed => "paste",
        _ => "again",
    }
}

fn take_all(list: &mut Checklist, heard: &mut UnboundedReceiver<Progress>) {
    while let Ok(progress) = heard.try_recv() {
        list.take(progress);
    }
}

fn message(problem: Option<&ProblemPanel>, list: &Checklist) -> Result<Event, Infallible> {
    let part = Part {
        problem,
        list: list.part(),
    };
    let html = part.render().unwrap_or_else(|error| {
        tracing::error!(error = %error, "a part of the page could not be rendered");
        String::new()
    });
    Ok(Event::default().data(html.replace('\r', "")))
}
