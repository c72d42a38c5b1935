//! HTTP over the service (SPEC §1–§3): routes, bodies, readers, limits. Nothing else knows HTTP.

mod access;
mod answer;
mod body;
mod bounds;
mod connection;
mod docs;
mod error;
mod input;
mod json;
mod metrics;
mod project;
mod query;
mod reading;
mod router;
mod secrets;
mod streams;
mod target;

pub use access::Token;

use crate::service::Service;
use body::BodyLimits;
use connection::ConnectionLimits;
use metrics::Metrics;
use router::{App, AppOptions};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How a server serves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Most bytes of a request's body.
    pub max_body: u64,
    /// Asked for as `Authorization: Bearer` on every route but `/healthz`.
    pub token: Option<Token>,
    /// Longest wait for a whole request head; also how long an idle connection is kept.
    pub head_timeout: Duration,
    /// Longest wait for the next bytes of a body.
    pub body_idle: Duration,
    /// Longest time for a whole body.
    pub body_total: Duration,
    /// An idle live reader hears a comment after so long; at most 5 s (SPEC §3.1).
    pub keep_alive: Duration,
    /// After the order to stop, requests that are being answered have so long to end.
    pub grace: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            max_body: 8 << 20,
            token: None,
            head_timeout: Duration::from_secs(30),
            body_idle: Duration::from_secs(20),
            body_total: Duration::from_secs(120),
            keep_alive: Duration::from_secs(4),
            grace: Duration::from_secs(3),
        }
    }
}

/// Serves until `shutdown` is ready; then takes no more connections, ends live readers, lets requests
/// that are being answered end, and cuts what is left after [`Options::grace`]. The service stays
/// open: whoever opened it shuts it down.
pub async fn run(
    listener: TcpListener,
    service: Arc<Service>,
    options: Options,
    shutdown: impl Future<Output = ()>,
) {
    let stop = CancellationToken::new();
    let app = Arc::new(App {
        metrics: Metrics::new(Arc::clone(&service)),
        service,
        options: AppOptions {
            token: options.token,
            body: BodyLimits {
                bytes: options.max_body,
                idle: options.body_idle,
                total: options.body_total,
            },
            keep_alive: options.keep_alive,
        },
        stop: stop.clone(),
    });
    let limits = ConnectionLimits {
        head: options.head_timeout,
        grace: options.grace,
    };
    let serve = connection::serve(listener, router::router(app), limits, &stop);
    let stopping = async {
        shutdown.await;
        stop.cancel();
    };
    tokio::join!(serve, stopping);
}
