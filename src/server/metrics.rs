//! Counters of the service in Prometheus' text form.

use crate::service::Service;
use axum::http::StatusCode;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::sync::Arc;

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
    /// All at zero, and what the service counts beside them.
    pub fn new(service: Arc<Service>) -> Metrics {
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
        registry.register_collector(Box::new(OfService(service)));
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

/// What the service counts, asked for when it is looked at.
struct OfService(Arc<Service>);

impl fmt::Debug for OfService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OfService")
    }
}

impl Collector for OfService {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let counted = self.0.counted();
        for (name, help, count) in [
            (
                "appends",
                "Events stored, the service's own among them",
                counted.appended,
            ),
            (
                "appended_bytes",
                "Bytes of their JSON",
                counted.appended_bytes,
            ),
            (
                "repeated_appends",
                "Appends whose idempotency key was known",
                counted.repeated,
            ),
            (
                "invalid_appends",
                "Inputs stored as invalid-event-appended",
                counted.invalid,
            ),
            (
                "refused_appends",
                "Appends that a gate refused",
                counted.refused,
            ),
            (
                "failed_commits",
                "Batches that the store did not take",
                counted.failed,
            ),
            ("commits", "Commits of the store", counted.commits.groups),
            (
                "committed_events",
                "Events in them; by commits, the events per commit",
                counted.commits.events,
            ),
            (
                "breaker_trips",
                "Streams paused by their circuit breaker",
                counted.trips,
            ),
            (
                "stream_panics",
                "Panics contained in a stream",
                counted.panics,
            ),
        ] {
            let counter = ConstCounter::new(count);
            let described = encoder.encode_descriptor(name, help, None, counter.metric_type())?;
            counter.encode(described)?;
        }
        for (name, help, count) in [
            ("readers", "Readers, live and finite", counted.readers),
            ("open_streams", "Streams in memory", counted.open_streams),
        ] {
            let gauge = ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX));
            let described = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(described)?;
        }
        Ok(())
    }
}
