//! Whether a `workerd` process still answers: one that hangs or was stopped (`kill -STOP`) keeps its sockets open, and
//! the kernel goes on taking connections for it.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long after one answer the next question is asked.
const EVERY: Duration = Duration::from_secs(1);
/// How long an answer may take. It takes less than a millisecond; a busy machine must not look like a process that hangs.
const LIMIT: Duration = Duration::from_secs(5);
/// No HTTP: workerd refuses it by itself, so that no script is run by being asked.
const QUESTION: &[u8] = b"?\r\n\r\n";

/// Comes back when the process that listens at `port` of 127.0.0.1 no longer answers.
pub(super) async fn lost(port: u16) {
    loop {
        tokio::time::sleep(EVERY).await;
        // A process that has ended refuses at once; its end is noticed elsewhere.
        if tokio::time::timeout(LIMIT, ask(port)).await.is_err() {
            return;
        }
    }
}

async fn ask(port: u16) -> io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(QUESTION).await?;
    stream.read_u8().await.map(drop)
}
