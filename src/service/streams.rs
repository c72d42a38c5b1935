//! The streams in memory: found without a lock that all share, opened once however many ask, and let
//! go when nobody does.

use super::error::ServiceError;
use super::stream::{End, Stream};
use crate::model::path::StreamKey;
use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::watch;

const SHARDS: usize = 64;

/// What those who wait for a busy stream will be told; when the teller goes away without a word, they
/// look again.
pub(super) type Outcome = Option<Result<Arc<Stream>, ServiceError>>;

enum Slot {
    Open(Arc<Stream>),
    /// Somebody opens or destroys it.
    Busy(watch::Receiver<Outcome>),
}

type Shard = HashMap<StreamKey, Slot>;

pub(super) struct Streams {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    open: AtomicUsize,
    started: Instant,
}

/// What a look at a stream found.
pub(super) enum Look {
    /// It is open.
    Open(Arc<Stream>),
    /// Somebody is at it.
    Wait(watch::Receiver<Outcome>),
    /// It is the caller's to open; what was there of it before is of no more use.
    Mine(Claim, Option<Arc<Stream>>),
}

/// The right to open or destroy a stream. Dropping it leaves the stream as not open.
pub(super) struct Claim {
    streams: Arc<Streams>,
    key: StreamKey,
    outcome: watch::Sender<Outcome>,
}

impl Streams {
    pub(super) fn new() -> Arc<Streams> {
        Arc::new(Streams {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            open: AtomicUsize::new(0),
            started: Instant::now(),
        })
    }

    pub(super) fn look(self: &Arc<Self>, key: &StreamKey) -> Look {
        self.take(key, |stream| stream.is_ended())
    }

    /// As [`Streams::look`], but takes the stream away from others even if it is in order.
    pub(super) fn claim(self: &Arc<Self>, key: &StreamKey) -> Look {
        self.take(key, |_| true)
    }

    fn take(self: &Arc<Self>, key: &StreamKey, take: impl FnOnce(&Stream) -> bool) -> Look {
        let mut shard = self.shard(key);
        let slot = shard.get_mut(key);
        let old = match &slot {
            Some(Slot::Open(stream)) if !take(stream) => {
                stream.last_used.store(self.uptime(), Relaxed);
                return Look::Open(Arc::clone(stream));
            }
            Some(Slot::Busy(outcome)) => return Look::Wait(outcome.clone()),
            Some(Slot::Open(stream)) => Some(Arc::clone(stream)),
            None => None,
        };
        let (sender, receiver) = watch::channel(None);
        let busy = Slot::Busy(receiver);
        match slot {
            Some(slot) => {
                *slot = busy;
                self.open.fetch_sub(1, Relaxed);
            }
            None => {
                shard.insert(key.clone(), busy);
            }
        }
        let claim = Claim {
            streams: Arc::clone(self),
            key: key.clone(),
            outcome: sender,
        };
        Look::Mine(claim, old)
    }

    /// A number that stands for a stream; other streams have it once in 2^64.
    pub(super) fn hash(&self, key: &StreamKey) -> u64 {
        self.hasher.hash_one(key)
    }

    /// How many are open.
    pub(super) fn len(&self) -> usize {
        self.open.load(Relaxed)
    }

    /// All that are open.
    pub(super) fn all(&self) -> Vec<Arc<Stream>> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let shard = lock(shard);
            all.extend(shard.values().filter_map(|slot| match slot {
                Slot::Open(stream) => Some(Arc::clone(stream)),
                Slot::Busy(_) => None,
            }));
        }
        all
    }

    /// Lets go of streams that nobody needs now: those unused for `idle_millis`, and the longest
    /// unused of the others while more than `most` are open.
    pub(super) fn let_go(&self, most: usize, idle_millis: i64) {
        let mut all = self.all();
        all.sort_by_key(|stream| stream.last_used.load(Relaxed));
        let mut surplus = all.len().saturating_sub(most);
        let idle_since = self.uptime() - idle_millis;
        for stream in all {
            let idle = stream.last_used.load(Relaxed) <= idle_since;
            if (!idle && surplus == 0) || !stream.let_go() {
                continue;
            }
            surplus = surplus.saturating_sub(1);
            if let Entry::Occupied(slot) = self.shard(&stream.key).entry(stream.key.clone())
                && matches!(slot.get(), Slot::Open(open) if Arc::ptr_eq(open, &stream))
            {
                slot.remove();
                self.open.fetch_sub(1, Relaxed);
            }
        }
    }

    /// Ends all that are open, as [`Stream::close`] does.
    pub(super) fn close_all(&self, end: End) -> Vec<Arc<Stream>> {
        let all = self.all();
        for stream in &all {
            stream.close(end);
        }
        all
    }

    /// Milliseconds since the service was opened.
    fn uptime(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    fn shard(&self, key: &StreamKey) -> MutexGuard<'_, Shard> {
        let index = self.hash(key) % SHARDS as u64;
        lock(&self.shards[usize::try_from(index).unwrap_or(0)])
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Claim {
    pub(super) fn key(&self) -> &StreamKey {
        &self.key
    }

    /// Where the outcome will be told.
    pub(super) fn outcome(&self) -> watch::Receiver<Outcome> {
        self.outcome.subscribe()
    }

    /// Opens the stream for all, or tells why not.
    pub(super) fn finish(self, result: Result<Arc<Stream>, ServiceError>) {
        if let Ok(stream) = &result {
            stream.last_used.store(self.streams.uptime(), Relaxed);
            let slot = Slot::Open(Arc::clone(stream));
            self.streams.shard(&self.key).insert(self.key.clone(), slot);
            self.streams.open.fetch_add(1, Relaxed);
        }
        self.outcome.send_replace(Some(result));
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let opened = matches!(*self.outcome.borrow(), Some(Ok(_)));
        if !opened {
            self.streams.shard(&self.key).remove(&self.key);
        }
    }
}
