//! Cloudflare's API under `/client/v4`, and the control calls for tests under `/__emulator`.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::account::SharedWorld;

pub mod record;

/// Serves the API until `stop`.
pub async fn serve(
    listener: TcpListener,
    world: Arc<SharedWorld>,
    record: Option<record::Recorder>,
    stop: CancellationToken,
) {
    let _ = (listener, world, record);
    stop.cancelled().await;
}
