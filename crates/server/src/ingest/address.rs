//! Where Workers send their visits. `serve` knows it; every other process reads it from the database, so that all of them
//! see the same Worker.

use super::PATH;
use crate::{
    app::App,
    config::is_loopback,
    problem::{Outcome, Problem},
};
use std::net::SocketAddr;
use url::Url;

/// The name of the blob.
const KEY: &str = "ingest-url";

/// Keeps the address of a server that listens at `address`: below its public address, or, with a local Cloudflare, below
/// the one that it was told to listen at. Without either no visits are gathered: nobody could send them.
pub(crate) async fn announce(app: &App, address: SocketAddr) -> Outcome<()> {
    let url = reachable(app, address);
    let text = url.as_ref().map_or("", Url::as_str);
    if app.store.meta(KEY).await?.as_deref() != Some(text.as_bytes()) {
        app.store.set_meta(KEY, text.as_bytes()).await?;
    }
    Ok(())
}

fn reachable(app: &App, address: SocketAddr) -> Option<Url> {
    let base = match &app.config.public_url {
        Some(url) => url.clone(),
        None => {
            let is_local = app
                .config
                .cloudflare_base_url
                .host()
                .is_some_and(|host| is_loopback(&host));
            // A port that is another one after each start would make each start a change of every Worker.
            let is_fixed = app.config.listen.port() != 0;
            if !is_local || !is_fixed || !address.ip().is_loopback() {
                return None;
            }
            format!("http://{address}/").parse().ok()?
        }
    };
    base.join(PATH).ok()
}

/// The address, if visits can be sent.
pub(crate) async fn url(app: &App) -> Outcome<Option<String>> {
    let Some(bytes) = app.store.meta(KEY).await? else {
        return Ok(None);
    };
    let text = String::from_utf8(bytes).map_err(|error| Problem::internal(&error))?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}
