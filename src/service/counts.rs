//! What the service counts, for metrics.

use crate::store::Commits;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters since the service was opened; gauges where said.
#[derive(Debug, Default)]
pub struct Counts {
    appended: AtomicU64,
    appended_bytes: AtomicU64,
    repeated: AtomicU64,
    invalid: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    trips: AtomicU64,
    panics: AtomicU64,
    readers: AtomicU64,
}

/// [`Counts`] as they stood at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Events stored, the service's own among them.
    pub appended: u64,
    /// Their bytes of JSON.
    pub appended_bytes: u64,
    /// Appends answered with an event that was there already.
    pub repeated: u64,
    /// Inputs stored as invalid-event-appended.
    pub invalid: u64,
    /// Appends refused by a gate.
    pub refused: u64,
    /// Batches that the store did not take.
    pub failed: u64,
    /// Commits, and events in them: what shared them is durable at once.
    pub commits: Commits,
    /// Times a circuit breaker paused a stream.
    pub trips: u64,
    /// Panics contained in a stream.
    pub panics: u64,
    /// Gauge: readers now, live and finite.
    pub readers: u64,
    /// Gauge: streams in memory now.
    pub open_streams: u64,
}

impl Counts {
    pub(super) fn appended(&self, events: usize, bytes: usize) {
        self.appended.fetch_add(events as u64, Relaxed);
        self.appended_bytes.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn repeated(&self) {
        self.repeated.fetch_add(1, Relaxed);
    }

    pub(super) fn invalid(&self) {
        self.invalid.fetch_add(1, Relaxed);
    }

    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    pub(super) fn failed(&self) {
        self.failed.fetch_add(1, Relaxed);
    }

    pub(super) fn tripped(&self) {
        self.trips.fetch_add(1, Relaxed);
    }

    pub(super) fn panicked(&self) {
        self.panics.fetch_add(1, Relaxed);
    }

    pub(super) fn reader_came(&self) {
        self.readers.fetch_add(1, Relaxed);
    }

    pub(super) fn reader_left(&self) {
        self.readers.fetch_sub(1, Relaxed);
    }

    pub(super) fn now(&self, open_streams: usize, commits: Commits) -> Counted {
        Counted {
            appended: self.appended.load(Relaxed),
            appended_bytes: self.appended_bytes.load(Relaxed),
            repeated: self.repeated.load(Relaxed),
            invalid: self.invalid.load(Relaxed),
            refused: self.refused.load(Relaxed),
            failed: self.failed.load(Relaxed),
            commits,
            trips: self.trips.load(Relaxed),
            panics: self.panics.load(Relaxed),
            readers: self.readers.load(Relaxed),
            open_streams: open_streams as u64,
        }
    }
}
