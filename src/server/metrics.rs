//! Counters of the service in Prometheus' text form.

use axum::http::StatusCode;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// The media type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is counted at the door.
pub struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    /// Readers that wait for later events.
    pub live_readers: Gauge,
    /// Bytes of bodies that were read.
    pub received: Counter,
    /// Bytes of events that were sent to readers.
    pub sent: Counter,
    /// Seconds from a whole append request to its answer.
    pub append_seconds: Histogram,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    status: u16,
}

impl Metrics {
    /// All at zero; `more` adds what is counted elsewhere.
    pub fn new(more: impl FnOnce(&mut Registry)) -> Metrics {
        let mut registry = Registry::with_prefix("evtui");
        let metrics = Metrics {
            requests: Family::default(),
            live_readers: Gauge::default(),
            received: Counter::default(),
            sent: Counter::default(),
            // 0.1 ms to 3.3 s.
            append_seconds: Histogram::new(exponential_buckets(0.0001, 2.0, 16)),
            registry: Registry::default(),
        };
        let (requests, readers) = (metrics.requests.clone(), metrics.live_readers.clone());
        registry.register("requests", "Requests answered", requests);
        registry.register("live_readers", "Readers waiting for later events", readers);
        registry.register_with_unit(
            "received",
            "Bodies of requests",
            Unit::Bytes,
            metrics.received.clone(),
        );
        registry.register_with_unit(
            "sent",
            "Events sent to readers",
            Unit::Bytes,
            metrics.sent.clone(),
        );
        registry.register_with_unit(
            "append_duration",
            "From a whole append request to its answer",
            Unit::Seconds,
            metrics.append_seconds.clone(),
        );
        more(&mut registry);
        Metrics {
            registry,
            ..metrics
        }
    }

    /// Counts an answer.
    pub fn answered(&self, status: StatusCode) {
        let status = status.as_u16();
        self.requests.get_or_create(&Answered { status }).inc();
    }

    /// All counters as text.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing into a string cannot fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}
