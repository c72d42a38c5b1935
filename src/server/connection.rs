//! Accepting and serving connections: time limits on slow clients, and an orderly end.

use super::router::Answering;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Most bytes of a request's head, and of what is buffered of a body.
const BUFFER_BYTES: usize = 64 << 10;
/// How long to wait when the system has no more sockets to give.
const OUT_OF_SOCKETS: Duration = Duration::from_millis(100);
/// A peer that is gone without a word is noticed after about `PROBE_AFTER` + `PROBES` × `PROBE_EVERY`.
const PROBE_AFTER: Duration = Duration::from_secs(30);
const PROBE_EVERY: Duration = Duration::from_secs(10);
const PROBES: u32 = 3;

/// How connections are served.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Longest wait for a whole request head, also on a connection kept alive.
    pub head: Duration,
    /// Longest that an orderly end takes before connections are cut.
    pub grace: Duration,
}

/// Serves connections until `stop`; then requests that are being answered end, and after
/// [`ConnectionLimits::grace`] are cut off.
pub async fn serve(
    listener: TcpListener,
    router: impl Answering,
    limits: ConnectionLimits,
    stop: &CancellationToken,
) {
    let tasks = TaskTracker::new();
    let cut = CancellationToken::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let served = one(
                    stream,
                    peer,
                    router.clone(),
                    limits,
                    stop.clone(),
                    cut.clone(),
                );
                tasks.spawn(served);
            }
            Err(error) if of_the_peer(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept a connection");
                tokio::time::sleep(OUT_OF_SOCKETS).await;
            }
        }
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(limits.grace, tasks.wait())
        .await
        .is_err()
    {
        tracing::warn!(
            connections = tasks.len(),
            "cutting connections that do not end"
        );
        cut.cancel();
        tasks.wait().await;
    }
}

/// True when a connection was gone before it was taken.
fn of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

async fn one(
    stream: TcpStream,
    peer: SocketAddr,
    router: impl Answering,
    limits: ConnectionLimits,
    stop: CancellationToken,
    cut: CancellationToken,
) {
    if let Err(error) = tune(&stream) {
        // The connection was gone already; serving it says so again.
        tracing::debug!(%peer, %error, "cannot set socket options");
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), router);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                () = cut.cancelled() => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, error = &error as &dyn std::error::Error, "connection ended");
    }
}

fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let probes = TcpKeepalive::new()
        .with_time(PROBE_AFTER)
        .with_interval(PROBE_EVERY)
        .with_retries(PROBES);
    SockRef::from(stream).set_tcp_keepalive(&probes)
}
