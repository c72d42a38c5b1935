//! What is asked of a store, waiting for its one writer thread; and that thread: it takes all that
//! has come in meanwhile as one group, has it committed, then tells each who asked, in order.

use super::{Batch, Commits, Done, StoreError};
use crate::model::path::StreamKey;
use bytes::Bytes;
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

/// Something to be made durable.
pub(super) enum Order {
    Append(Batch),
    Destroy {
        streams: Vec<StreamKey>,
        done: Done,
    },
    Put {
        cell: String,
        value: Option<Bytes>,
        done: Done,
    },
}

impl Order {
    /// About what it takes on disk.
    pub(super) fn size(&self) -> usize {
        const HEADER: usize = 48;
        match self {
            Order::Append(batch) => {
                let records = batch.records.iter().map(|r| {
                    HEADER + r.json.len() + r.idempotency_key.as_ref().map_or(0, String::len)
                });
                let snapshot = batch.snapshot.as_ref().map_or(0, |s| s.state.len());
                HEADER + snapshot + records.sum::<usize>()
            }
            Order::Destroy { streams, .. } => HEADER * streams.len().max(1),
            Order::Put { cell, value, .. } => {
                HEADER + cell.len() + value.as_ref().map_or(0, Bytes::len)
            }
        }
    }

    /// How many events it adds.
    fn events(&self) -> u64 {
        match self {
            Order::Append(batch) => batch.records.len() as u64,
            Order::Destroy { .. } | Order::Put { .. } => 0,
        }
    }

    /// Whom to tell.
    pub(super) fn into_done(self) -> Done {
        match self {
            Order::Append(Batch { done, .. })
            | Order::Destroy { done, .. }
            | Order::Put { done, .. } => done,
        }
    }
}

/// Who asked, and what became of it.
pub(super) type Told = (Done, Result<(), StoreError>);

/// What a backend does on the writer thread.
pub(super) trait Writer: Send {
    /// Carries out a group of orders; what it gives back is told in that order.
    fn commit(&mut self, orders: Vec<Order>) -> Vec<Told>;

    /// Nothing will be committed any more.
    fn close(&mut self) {}
}

/// Orders not yet taken by the writer thread.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
}

#[derive(Default)]
struct Waiting {
    orders: VecDeque<Order>,
    /// The orders so far are the last ones that are carried out; to be told when they are.
    closing: Option<Sender<()>>,
    /// Orders to take before closing.
    before_close: usize,
    /// The thread is to end.
    ended: bool,
}

enum Next {
    Group(Vec<Order>),
    Close(Sender<()>),
    End,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics while it is held.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, order: Order) {
        let mut waiting = self.lock();
        waiting.orders.push_back(order);
        let first = waiting.orders.len() == 1;
        drop(waiting);
        if first {
            self.filled.notify_one();
        }
    }

    /// Takes the waiting orders, in order, up to about so many bytes; sleeps while there are none.
    /// With `company`, more are likely to be on their way: who brings them may have the processor
    /// first. On a busy machine that makes commits two to three times as large, so that fewer of them
    /// take processor time from those who append; on an idle one it costs nothing.
    fn next(&self, most: usize, company: bool) -> Next {
        let mut waiting = self.lock();
        let mut yields = company;
        loop {
            if waiting.before_close == 0
                && let Some(told) = waiting.closing.take()
            {
                return Next::Close(told);
            }
            if !waiting.orders.is_empty() && yields {
                drop(waiting);
                std::thread::yield_now();
                waiting = self.lock();
                yields = false;
                continue;
            }
            if !waiting.orders.is_empty() {
                break;
            }
            if waiting.ended {
                return Next::End;
            }
            waiting = self
                .filled
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let limit = match waiting.closing {
            Some(_) => waiting.before_close,
            None => waiting.orders.len(),
        };
        let mut size = 0;
        let count = waiting
            .orders
            .iter()
            .take(limit)
            .take_while(|order| {
                let fits = size == 0 || size + order.size() <= most;
                size += order.size();
                fits
            })
            .count();
        waiting.before_close = waiting.before_close.saturating_sub(count);
        Next::Group(waiting.orders.drain(..count).collect())
    }

    /// Takes the orders out of the line that are meant, for the writer to refuse.
    pub(super) fn withdraw(&self, meant: impl Fn(&Order) -> bool) -> Vec<Order> {
        let mut waiting = self.lock();
        let closing_at = waiting.before_close;
        let mut out = Vec::new();
        let orders = std::mem::take(&mut waiting.orders);
        for (at, order) in orders.into_iter().enumerate() {
            if meant(&order) {
                waiting.before_close -= usize::from(at < closing_at);
                out.push(order);
            } else {
                waiting.orders.push_back(order);
            }
        }
        out
    }
}

/// The writer thread of a store; it ends when this is dropped.
pub(super) struct Worker {
    queue: Arc<Queue>,
    closed: Arc<AtomicBool>,
    committed: Arc<Committed>,
    given_up: Arc<OnceLock<String>>,
    thread: Option<JoinHandle<()>>,
}

/// [`Commits`], counted by the thread.
#[derive(Default)]
struct Committed {
    groups: AtomicU64,
    events: AtomicU64,
}

impl Worker {
    /// Starts the thread; groups are cut at about `most` bytes.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start<W: Writer + 'static>(
        most: usize,
        queue: Arc<Queue>,
        mut writer: W,
    ) -> io::Result<Worker> {
        let closed = Arc::new(AtomicBool::new(false));
        let (line, ended) = (Arc::clone(&queue), Arc::clone(&closed));
        let committed = Arc::new(Committed::default());
        let counted = Arc::clone(&committed);
        let given_up = Arc::new(OnceLock::new());
        let giving_up = Arc::clone(&given_up);
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || {
                let mut state = Ok(());
                let mut last = 0;
                loop {
                    match line.next(most, last > 1) {
                        Next::Group(orders) => {
                            last = orders.len();
                            state = carry_out(&mut writer, orders, state, &counted);
                            if let Err(StoreError::ReadOnly(why)) = &state {
                                giving_up.get_or_init(|| why.clone());
                            }
                        }
                        Next::Close(told) => {
                            if state.is_ok() {
                                writer.close();
                            }
                            ended.store(true, Ordering::Release);
                            state = Err(StoreError::Closed);
                            // Who asked may have gone.
                            let _ = told.send(());
                        }
                        Next::End => {
                            if state.is_ok() {
                                writer.close();
                            }
                            break;
                        }
                    }
                }
            })?;
        Ok(Worker {
            queue,
            closed,
            committed,
            given_up,
            thread: Some(thread),
        })
    }

    pub(super) fn push(&self, order: Order) {
        self.queue.push(order);
    }

    pub(super) fn commits(&self) -> Commits {
        Commits {
            groups: self.committed.groups.load(Ordering::Relaxed),
            events: self.committed.events.load(Ordering::Relaxed),
        }
    }

    /// Why nothing is committed any more, if the writer failed.
    pub(super) fn given_up(&self) -> Option<String> {
        self.given_up.get().cloned()
    }

    /// [`StoreError::Closed`] from the moment on at which [`Worker::close`] has done its work.
    pub(super) fn open(&self) -> Result<(), StoreError> {
        match self.closed.load(Ordering::Acquire) {
            true => Err(StoreError::Closed),
            false => Ok(()),
        }
    }

    /// Has the orders so far carried out, then all later ones refused.
    pub(super) fn close(&self) {
        if self.open().is_err() {
            return;
        }
        let (told, wait) = channel();
        let mut waiting = self.queue.lock();
        if waiting.closing.is_none() {
            waiting.before_close = waiting.orders.len();
        }
        // Two that close at once: the first one's sender goes, which wakes it as well.
        let earlier = waiting.closing.replace(told);
        drop(waiting);
        self.queue.filled.notify_one();
        // An error says that the thread is gone, and with it all that could be waited for.
        let _ = wait.recv();
        drop(earlier);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.queue.lock().ended = true;
        self.queue.filled.notify_one();
        let Some(thread) = self.thread.take() else {
            return;
        };
        // The last owner may have been a `done`, and no thread can wait for itself.
        if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
            tracing::error!("the store's writer thread panicked");
        }
    }
}

/// Commits a group, if nothing stands against it, and tells everyone.
fn carry_out(
    writer: &mut impl Writer,
    orders: Vec<Order>,
    state: Result<(), StoreError>,
    counted: &Committed,
) -> Result<(), StoreError> {
    if let Err(error) = &state {
        for order in orders {
            tell(order.into_done(), Err(error.clone()));
        }
        return state;
    }
    let events: Vec<u64> = orders.iter().map(Order::events).collect();
    // After a panic the writer is never used again, so nothing half done is seen.
    match catch_unwind(AssertUnwindSafe(|| writer.commit(orders))) {
        Ok(told) => {
            // Told in the order of the orders.
            let stored = told
                .iter()
                .zip(events)
                .filter(|((_, result), _)| result.is_ok());
            let events: u64 = stored.map(|(_, events)| events).sum();
            counted
                .groups
                .fetch_add(u64::from(events > 0), Ordering::Relaxed);
            counted.events.fetch_add(events, Ordering::Relaxed);
            for (done, result) in told {
                tell(done, result);
            }
            Ok(())
        }
        Err(_) => {
            tracing::error!("the store's writer panicked; it takes no more writes");
            Err(StoreError::ReadOnly(
                "its writer failed for an internal reason; open the store anew".to_owned(),
            ))
        }
    }
}

fn tell(done: Done, result: Result<(), StoreError>) {
    // One caller's fault must not stop the others' commits.
    if catch_unwind(AssertUnwindSafe(|| done(result))).is_err() {
        tracing::error!("a caller of the store panicked on being told of a commit");
    }
}

/// Where the stream stands after the batch, if it follows on what is there.
///
/// # Errors
/// [`StoreError::Conflict`]: a record, or the snapshot, is of another place.
pub(super) fn follow(
    batch: &Batch,
    last: crate::model::offset::Offset,
) -> Result<crate::model::offset::Offset, StoreError> {
    let conflict = |expected, next| {
        Err(StoreError::Conflict {
            stream: batch.stream.clone(),
            expected,
            next,
        })
    };
    let mut last = last;
    for record in &batch.records {
        if record.offset != last.next() {
            return conflict(record.offset, last.next());
        }
        last = record.offset;
    }
    match &batch.snapshot {
        Some(snapshot) if snapshot.offset > last => conflict(snapshot.offset, last),
        _ => Ok(last),
    }
}
