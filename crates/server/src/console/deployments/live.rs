//! The part of a deployment's page that changes, sent anew after every event.

use super::show::view;
use crate::{
    console::desk::{Desk, id},
    problem::Problem,
    services::deployments,
};
use askama::Template;
use axum::{
    extract::Path,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use domain::ids::DeploymentId;
use futures::StreamExt;
use std::{convert::Infallible, time::Duration};

/// A line of silence so often keeps proxies from closing the stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A stream of HTML: each message is the whole part as it is then, so nothing is lost when a connection breaks. The last
/// message is named `finished`.
pub(in crate::console) async fn live(
    desk: Desk,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let deployment = id::<DeploymentId>(&text, "deployment")?;
    deployments::get(desk.app(), desk.ws(), deployment).await?;
    let stream = async_stream::stream! {
        // What happened up to here is in the first message.
        let seq = deployments::events_after(desk.app(), desk.ws(), deployment, 0)
            .await
            .ok()
            .and_then(|events| events.last().map(|event| event.seq))
            .unwrap_or(0);
        let events = deployments::event_stream(desk.app.clone(), desk.ws(), deployment, seq).ready_chunks(16);
        let mut events = std::pin::pin!(events);
        loop {
            let Ok(view) = view(desk.app(), &desk.me, deployment).await else { break };
            let is_running = view.is_running;
            if let Ok(html) = view.render() {
                yield Ok::<_, Infallible>(Event::default().data(html.replace('\r', "")));
            }
            if !is_running {
                yield Ok(Event::default().event("finished").data("finished"));
                break;
            }
            if events.next().await.is_none() {
                // The final status is stored by now; one more look shows it.
                let Ok(view) = self::view(desk.app(), &desk.me, deployment).await else { break };
                if let Ok(html) = view.render() {
                    yield Ok(Event::default().data(html.replace('\r', "")));
                }
                yield Ok(Event::default().event("finished").data("finished"));
                break;
            }
        }
    };
    Ok(Sse::new(stream)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response())
}
