//! One open stream: the critical section in which an append gets its place, and what is told of it
//! once the store has made it durable.
//!
//! Appends are pipelined: the next one is folded into the speculative state while the commit of the
//! one before is in flight. When a commit fails, or the section panics, all of this is thrown away and
//! the stream is opened again from the store. Readers are only ever given durable events.

use super::attend::Follower;
use super::draft::Draft;
use super::error::ServiceError;
use super::recent::{Entry, Recent};
use super::{Shared, attend, schedule};
use crate::model::built_in::BuiltIn;
use crate::model::event::Millis;
use crate::model::offset::Offset;
use crate::model::path::StreamKey;
use crate::model::stream_state::StreamState;
use crate::model::stream_state::subscriber::Subscription;
use crate::store::{Batch, Record, Snapshot, StoreError};
use bytes::Bytes;
use rustc_hash::FxHashMap;
use serde_json::json;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{oneshot, watch};

/// A snapshot of the state is worth storing after so many events or bytes since the last one.
const SNAPSHOT_EVENTS: u64 = 1_000;
const SNAPSHOT_BYTES: usize = 1 << 20;

/// An appended event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its place in the stream.
    pub offset: Offset,
    /// The whole stored event as one line of JSON, without the line's end.
    pub json: Bytes,
    /// True when it was there already: its idempotency key was known (SPEC §2).
    pub repeated: bool,
}

/// Where a stream stands for those who wait on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The last durable event; 0 before the first.
    pub durable: Offset,
    /// Set once, when this memory of the stream is of no more use.
    pub end: Option<End>,
    /// A commit failed: nothing that is still in flight will become durable.
    pub failed: bool,
}

/// What to do when a stream's memory is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Look the stream up again: it is opened from the store.
    Reopen,
    /// It was destroyed.
    Destroyed,
    /// The service is shutting down.
    Shutdown,
}

/// What became of a draft in the critical section.
pub(super) enum Admitted {
    /// On its way to the store.
    Queued {
        offset: Offset,
        json: Bytes,
        done: oneshot::Receiver<Result<(), StoreError>>,
    },
    /// Its idempotency key is known, of an event that is durable.
    Repeated(Entry),
    /// The same, of an event whose commit may still be in flight.
    RepeatedInFlight(Entry),
    /// The gates or the store say no.
    Refused(ServiceError),
    /// This memory of the stream is of no more use: look the stream up again.
    Gone,
    /// A schedule that is not due now.
    NotDue,
}

pub(super) struct Stream {
    pub key: StreamKey,
    core: Mutex<Core>,
    recent: Mutex<Recent>,
    head: watch::Sender<Head>,
    /// The last event given to the store.
    queued: AtomicU64,
    /// Milliseconds since the service was opened.
    pub last_used: AtomicI64,
}

/// What only the critical section touches.
struct Core {
    state: StreamState,
    /// The store has been told that something acts on this stream by itself.
    attended: bool,
    /// The last event folded.
    last: Offset,
    /// Events with idempotency keys that the store may not know yet.
    in_flight: FxHashMap<Arc<str>, Entry>,
    in_flight_order: VecDeque<(Offset, Arc<str>)>,
    /// Something was configured that acts on the stream by itself.
    call: bool,
    snapshot: SnapshotDue,
}

#[derive(Default)]
struct SnapshotDue {
    events: u64,
    bytes: usize,
    /// Length of the last one.
    size: usize,
}

impl SnapshotDue {
    /// A large state is stored less often: snapshots stay a fraction of what is written.
    fn is(&self) -> bool {
        self.events >= SNAPSHOT_EVENTS.max(self.size as u64 / 40)
            || self.bytes >= SNAPSHOT_BYTES.max(self.size * 4)
    }
}

impl Stream {
    /// A stream as the store has it: `state` folded up to `last`, `unsaved` events of it since the
    /// newest snapshot.
    pub(super) fn new(key: StreamKey, state: StreamState, last: Offset, unsaved: u64) -> Stream {
        let head = Head {
            durable: last,
            end: None,
            failed: false,
        };
        Stream {
            key,
            core: Mutex::new(Core {
                attended: false,
                state,
                last,
                in_flight: FxHashMap::default(),
                in_flight_order: VecDeque::new(),
                call: false,
                snapshot: SnapshotDue {
                    events: unsaved,
                    ..SnapshotDue::default()
                },
            }),
            recent: Mutex::default(),
            head: watch::Sender::new(head),
            queued: AtomicU64::new(last.0),
            last_used: AtomicI64::new(0),
        }
    }

    /// The critical section: idempotency, gates, offset and time, fold, queue (SPEC §2).
    pub(super) fn admit(self: &Arc<Self>, shared: &Arc<Shared>, draft: &mut Draft) -> Admitted {
        self.enter(shared, |core| self.section(core, shared, draft))
    }

    /// Runs a schedule, if it is due: its marks and its event are one commit, so that it runs once
    /// whatever happens (SPEC §5).
    pub(super) fn run(self: &Arc<Self>, shared: &Arc<Shared>, slug: &str) -> Admitted {
        self.enter(shared, |core| self.run_section(core, shared, slug))
    }

    fn enter(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        section: impl FnOnce(&mut Core) -> Result<Admitted, ServiceError>,
    ) -> Admitted {
        let mut core = self.core();
        if self.is_ended() {
            return Admitted::Gone;
        }
        match catch_unwind(AssertUnwindSafe(|| section(&mut core))) {
            Ok(Ok(admitted)) => admitted,
            Ok(Err(error)) => {
                shared.counts.refused();
                Admitted::Refused(error)
            }
            Err(panic) => {
                // Whatever it was doing to the state is undone by opening the stream anew.
                self.end(End::Reopen);
                shared.counts.panicked();
                let what = panic_text(&*panic);
                tracing::error!(stream = %self.key, panic = what, "an append panicked; the stream reopens from its log");
                Admitted::Refused(ServiceError::Internal(format!(
                    "the append failed inside the service: {what}"
                )))
            }
        }
    }

    fn section(
        self: &Arc<Self>,
        core: &mut Core,
        shared: &Arc<Shared>,
        draft: &mut Draft,
    ) -> Result<Admitted, ServiceError> {
        if let Some(key) = &draft.key
            && let Some(repeated) = self.known(core, shared, key)?
        {
            return Ok(repeated);
        }
        draft.gates(core.last.next(), &core.state)?;
        let now = shared.clock.now();
        let mut records = Vec::with_capacity(1);
        self.take_in(core, draft, now, shared, &mut records);
        if let Some(mut configured) = schedule::follow_up(&self.key.path, draft, now) {
            self.take_in(core, &mut configured, now, shared, &mut records);
        }
        Ok(self.queue(core, shared, now, records))
    }

    fn run_section(
        self: &Arc<Self>,
        core: &mut Core,
        shared: &Arc<Shared>,
        slug: &str,
    ) -> Result<Admitted, ServiceError> {
        let now = shared.clock.now();
        let path = &self.key.path;
        let Some(run) = schedule::due(&core.state.processors.scheduler, path, slug, now) else {
            return Ok(Admitted::NotDue);
        };
        let mut event = run.event;
        let known = match &event.key {
            Some(key) => self.known(core, shared, key)?.is_some(),
            None => false,
        };
        let mut records = Vec::with_capacity(3);
        if let Some(mut started) = run.started {
            self.take_in(core, &mut started, now, shared, &mut records);
        }
        let passed = known || event.gates(core.last.next(), &core.state).is_ok();
        if passed && !known {
            self.take_in(core, &mut event, now, shared, &mut records);
            if let Some(mut configured) = schedule::follow_up(path, &event, now) {
                self.take_in(core, &mut configured, now, shared, &mut records);
            }
        }
        let mut finished = schedule::finished(path, slug, passed, run.next);
        self.take_in(core, &mut finished, now, shared, &mut records);
        Ok(self.queue(core, shared, now, records))
    }

    /// Gives a draft its place, folds it, and pauses the stream if that trips its breaker.
    fn take_in(
        &self,
        core: &mut Core,
        draft: &mut Draft,
        now: Millis,
        shared: &Shared,
        records: &mut Vec<Record>,
    ) {
        core.fold(draft, now, shared, records);
        let breaker = &core.state.processors.circuit_breaker;
        if let Some(reason) = breaker.trip(shared.options.breaker) {
            let payload = json!({"reason": reason});
            let mut paused = Draft::own(&self.key.path, BuiltIn::Paused, payload);
            core.fold(&mut paused, now, shared, records);
            shared.counts.tripped();
            tracing::warn!(stream = %self.key, offset = core.last.0, %reason, "paused by its circuit breaker");
        }
    }

    /// The event that has this idempotency key.
    fn known(
        &self,
        core: &mut Core,
        shared: &Shared,
        key: &str,
    ) -> Result<Option<Admitted>, ServiceError> {
        let durable = self.head.borrow().durable;
        while let Some((offset, key)) = core.in_flight_order.front()
            && *offset <= durable
        {
            core.in_flight.remove(key);
            core.in_flight_order.pop_front();
        }
        if let Some(entry) = core.in_flight.get(key) {
            return Ok(Some(Admitted::RepeatedInFlight(entry.clone())));
        }
        let record = shared.store.find(&self.key, key)?;
        Ok(record.map(|record| {
            Admitted::Repeated(Entry {
                offset: record.offset,
                json: record.json,
            })
        }))
    }

    fn queue(
        self: &Arc<Self>,
        core: &mut Core,
        shared: &Arc<Shared>,
        now: Millis,
        records: Vec<Record>,
    ) -> Admitted {
        let due = &mut core.snapshot;
        due.events += records.len() as u64;
        due.bytes += records
            .iter()
            .map(|record| record.json.len())
            .sum::<usize>();
        let snapshot = due.is().then(|| snapshot(core)).flatten();
        let entries: Vec<Entry> = records
            .iter()
            .map(|record| Entry {
                offset: record.offset,
                json: record.json.clone(),
            })
            .collect();
        let (offset, json) = (entries[0].offset, entries[0].json.clone());
        let call = std::mem::take(&mut core.call);
        if call && !core.attended {
            // Before the batch: what is to act on the stream is not forgotten by a crash.
            attend::remember(&*shared.store, &self.key);
            core.attended = true;
        }
        let call = call.then(|| schedule::next_due(&core.state.processors.scheduler, now));
        let (reply, done) = oneshot::channel();
        let (stream, of) = (Arc::clone(self), Arc::clone(shared));
        self.queued.store(core.last.0, Ordering::Release);
        shared.store.append(Batch {
            stream: self.key.clone(),
            time: now,
            records,
            snapshot,
            done: Box::new(move |result| {
                match &result {
                    Ok(()) => stream.committed(&of, entries),
                    Err(error) => stream.commit_failed(&of, error),
                }
                if let (Ok(()), Some(due)) = (&result, call) {
                    of.attend.call(&stream.key, due);
                }
                // Whoever appended may have gone away.
                let _ = reply.send(result);
            }),
        });
        Admitted::Queued { offset, json, done }
    }

    /// On a thread of the store's, in the order of the batches. Never takes the lock of the critical
    /// section, which is held while a batch is given to the store.
    fn committed(&self, shared: &Shared, entries: Vec<Entry>) {
        let Some(last) = entries.last().map(|entry| entry.offset) else {
            return;
        };
        let bytes = entries.iter().map(|entry| entry.json.len()).sum();
        shared.counts.appended(entries.len(), bytes);
        {
            let mut recent = self.recent();
            if self.head.receiver_count() == 0 {
                // Nobody to keep it for; a reader that comes now starts from the store.
                recent.clear();
            } else {
                for entry in entries {
                    recent.push(entry, shared.options.recent_bytes);
                }
            }
        }
        self.head.send_modify(|head| head.durable = last);
    }

    fn commit_failed(&self, shared: &Shared, error: &StoreError) {
        shared.counts.failed();
        tracing::error!(stream = %self.key, %error, "an append could not be stored; the stream reopens from its log");
        self.head.send_modify(|head| {
            head.failed = true;
            head.end.get_or_insert(End::Reopen);
        });
    }

    /// The store dropped a batch without a word: it will never be known to be durable.
    pub(super) fn abandon(&self) {
        self.head.send_modify(|head| {
            head.failed = true;
            head.end.get_or_insert(End::Reopen);
        });
    }

    /// Ends this memory of the stream; the first reason stays.
    pub(super) fn end(&self, end: End) {
        self.head.send_modify(|head| {
            head.end.get_or_insert(end);
        });
    }

    /// As [`Stream::end`], but only once no append is inside the critical section: none that comes
    /// later is let in.
    pub(super) fn close(&self, end: End) {
        let _core = self.core();
        self.end(end);
    }

    /// Ends the stream for readers too, whatever it ended with before.
    pub(super) fn end_readers(&self, end: End) {
        self.head.send_modify(|head| head.end = Some(end));
    }

    /// Ends a stream that nobody needs in memory now; `false` when somebody does.
    pub(super) fn let_go(&self) -> bool {
        let Ok(_core) = self.core.try_lock() else {
            return false;
        };
        let idle = self.head.receiver_count() == 0 && self.is_settled() && !self.is_ended();
        if idle {
            self.end(End::Reopen);
        }
        idle
    }

    pub(super) fn is_ended(&self) -> bool {
        self.head.borrow().end.is_some()
    }

    /// Whether nothing is in flight.
    pub(super) fn is_settled(&self) -> bool {
        let head = self.head.borrow();
        head.failed || head.durable.0 >= self.queued.load(Ordering::Acquire)
    }

    /// Waits until everything given to the store is durable, or will never be.
    pub(super) async fn settled(&self) {
        let queued = Offset(self.queued.load(Ordering::Acquire));
        let mut head = self.head.subscribe();
        // The sender is `self`: it cannot be gone.
        let _ = head
            .wait_for(|head| head.failed || head.durable >= queued)
            .await;
    }

    /// Waits until `offset` is durable; `false` when it will never be.
    pub(super) async fn durable(&self, offset: Offset) -> bool {
        let mut head = self.head.subscribe();
        let head = head
            .wait_for(|head| head.failed || head.durable >= offset)
            .await;
        head.is_ok_and(|head| head.durable >= offset)
    }

    /// Follows where the stream stands.
    pub(super) fn watch(&self) -> watch::Receiver<Head> {
        self.head.subscribe()
    }

    /// [`Recent::from`].
    pub(super) fn recent_from(
        &self,
        from: Offset,
        until: Offset,
        max_bytes: usize,
    ) -> Option<Vec<Entry>> {
        self.recent().from(from, until, max_bytes)
    }

    /// The state, of durable events only; `None` when what is folded into it will never be durable.
    pub(super) async fn durable_state(&self) -> Option<StreamState> {
        let (state, at) = {
            let core = self.core();
            (core.state.clone(), core.last)
        };
        self.durable(at).await.then_some(state)
    }

    /// Calls what is configured to act on the stream by itself.
    pub(super) fn call(&self, shared: &Shared) {
        let now = shared.clock.now();
        let mut core = self.core();
        if attend::is_needed(&core.state) {
            core.attended = true;
            let due = schedule::next_due(&core.state.processors.scheduler, now);
            shared.attend.call(&self.key, due);
        }
    }

    /// Who is to follow it.
    pub(super) fn followers(&self) -> Vec<Follower> {
        attend::followers(&self.core().state)
    }

    /// Whether it has this very subscription.
    pub(super) fn is_subscribed(&self, subscription: &Subscription) -> bool {
        let core = self.core();
        let mut all = core.state.processors.external_subscriber.0.values();
        all.any(|one| one == subscription)
    }

    /// Whether its gate is closed.
    pub(super) fn is_paused(&self) -> bool {
        self.core().state.processors.circuit_breaker.paused
    }

    /// When the first of its schedules is due.
    pub(super) fn next_due(&self, now: Millis) -> Option<Millis> {
        schedule::next_due(&self.core().state.processors.scheduler, now)
    }

    /// The schedules that are due.
    pub(super) fn due(&self, now: Millis) -> Vec<String> {
        schedule::all_due(&self.core().state.processors.scheduler, now)
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        // A panic inside has ended the stream before the lock could be poisoned.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Core {
    /// Gives a draft its place and adds it to the records.
    fn fold(&mut self, draft: &mut Draft, now: Millis, shared: &Shared, records: &mut Vec<Record>) {
        let offset = self.last.next();
        let json = draft.seal(offset, now, &mut self.state, shared.options.breaker);
        self.last = offset;
        self.call |= draft.built_in.is_some_and(attend::is_called_by);
        if let Some(key) = &draft.key {
            let key: Arc<str> = key.as_str().into();
            let json = json.clone();
            self.in_flight
                .insert(Arc::clone(&key), Entry { offset, json });
            self.in_flight_order.push_back((offset, key));
        }
        records.push(Record {
            offset,
            idempotency_key: draft.key.clone(),
            json,
        });
    }
}

fn snapshot(core: &mut Core) -> Option<Snapshot> {
    let state = match serde_json::to_vec(&core.state) {
        Ok(state) => Bytes::from(state),
        Err(error) => {
            tracing::error!(%error, "a state cannot be stored");
            return None;
        }
    };
    core.snapshot = SnapshotDue {
        size: state.len(),
        ..SnapshotDue::default()
    };
    Some(Snapshot {
        offset: core.last,
        state,
    })
}

/// What a panic said.
pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
