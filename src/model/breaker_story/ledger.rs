//! The breaker after any number of events: folded once, kept every few rows.

use super::KeepGoing;
use crate::model::built_in::BuiltIn;
use crate::model::event::Event;
use crate::model::kind::Kind;
use crate::model::log::EventLog;
use crate::model::peek;
use crate::model::stream_state::breaker::{Breaker, Policy};

/// Rows between two breakers that are kept, and between two looks at whether to go on.
pub(super) const STRIDE: usize = 2_048;

/// Where a log's breaker has been folded to. Belongs to one log.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// The breaker before rows 0, `STRIDE`, 2 · `STRIDE`…
    kept: Vec<Breaker>,
    /// Rows folded so far, and the breaker after them.
    folded: (usize, Breaker),
    /// Rows that configure a worker, and its slug.
    workers: Vec<(usize, String)>,
    /// The limit that the service set for all streams, as far as the log tells.
    policy: Policy,
    /// A pause named the limit.
    named: bool,
}

impl Ledger {
    /// The breaker after `rows` events. `None` when it was stopped, or when the log is not indexed
    /// that far yet; what was folded is kept either way.
    #[must_use]
    pub fn at(
        &mut self,
        log: &dyn EventLog,
        rows: usize,
        keep_going: KeepGoing<'_>,
    ) -> Option<Breaker> {
        if log.len() < self.folded.0 {
            // Truncated: another log by now.
            *self = Ledger::default();
        }
        while self.folded.0 < rows {
            let (row, breaker) = &mut self.folded;
            if *row % STRIDE == 0 {
                if !keep_going() {
                    return None;
                }
                if self.kept.len() == *row / STRIDE {
                    self.kept.push(breaker.clone());
                }
            }
            let read = fold(breaker, log, *row, self.policy)?;
            if let Read::Worker(slug) = read {
                self.workers.push((*row, slug));
            } else if read == Read::Gate
                && !self.named
                && let Some(policy) = breaker.pause_reason.as_deref().and_then(Policy::of_reason)
            {
                self.named = true;
                if policy != self.policy {
                    // Everything up to here was counted against another limit.
                    *self = Ledger {
                        policy,
                        named: true,
                        ..Ledger::default()
                    };
                    continue;
                }
            }
            self.folded.0 += 1;
        }
        if self.folded.0 == rows {
            return Some(self.folded.1.clone());
        }
        let near = (rows / STRIDE).min(self.kept.len().saturating_sub(1));
        let mut breaker = self.kept.get(near).cloned().unwrap_or_default();
        for row in near * STRIDE..rows {
            fold(&mut breaker, log, row, self.policy)?;
        }
        Some(breaker)
    }

    /// The limit of streams without a configuration of their own: the one that the log's first
    /// pause names, else SPEC §4's.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// The workers configured before a row, in order of their first configuration.
    #[must_use]
    pub fn workers_before(&self, row: usize) -> Vec<&str> {
        let mut found: Vec<&str> = Vec::new();
        for (_, slug) in self.workers.iter().take_while(|(at, _)| *at < row) {
            if !found.contains(&slug.as_str()) {
                found.push(slug);
            }
        }
        found
    }
}

/// What a row was to the breaker.
#[derive(Debug, PartialEq)]
pub(super) enum Read {
    /// It counted against the limit, if it has a time and the stream was not paused.
    Counted,
    /// It opened or closed the gate, or filled the bucket.
    Gate,
    /// It counted, and configured the worker with this slug.
    Worker(String),
    /// It is no event.
    Nothing,
}

/// Folds one row; `None` when the log does not know it yet. Only what opens, closes or configures
/// is parsed: of every other event its time is enough.
pub(super) fn fold(
    breaker: &mut Breaker,
    log: &dyn EventLog,
    row: usize,
    policy: Policy,
) -> Option<Read> {
    let columns = log.row(row)?;
    if columns.kind == Kind::Unreadable {
        return Some(Read::Nothing);
    }
    match BuiltIn::parse(&columns.event_type) {
        Some(gate @ (BuiltIn::Paused | BuiltIn::Resumed | BuiltIn::CircuitBreakerConfigured)) => {
            let Some(event) = log.raw(row).and_then(|raw| Event::parse(&raw).ok()) else {
                return Some(Read::Nothing);
            };
            breaker.reduce(gate, &event, columns.time, policy);
            Some(Read::Gate)
        }
        Some(BuiltIn::DynamicWorkerConfigured) => {
            breaker.count(columns.time, policy);
            let slug = log.raw(row).and_then(|raw| {
                let payload = peek::member(&raw, "payload")?;
                peek::text_member(payload, "slug").map(|slug| slug.into_owned())
            });
            Some(Read::Worker(slug.unwrap_or_else(|| "default".to_owned())))
        }
        _ => {
            breaker.count(columns.time, policy);
            Some(Read::Counted)
        }
    }
}
