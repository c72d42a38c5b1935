//! Reading a stream: a cursor that takes what is durable from memory or from the store, and waits for
//! more. From history to live there is no seam, and a slow reader costs the stream nothing.

use super::Service;
use super::error::ServiceError;
use super::recent::Entry;
use super::stream::{End, Head, Stream};
use crate::model::offset::Offset;
use crate::model::path::StreamKey;
use crate::store::StoreError;
use std::sync::Arc;
use tokio::sync::watch;

/// Bytes of JSON in one chunk, but for an event that is larger by itself.
const CHUNK_BYTES: usize = 256 << 10;

/// An exclusive bound (SPEC §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Before the first event.
    Start,
    /// This event, which is left out itself.
    Offset(Offset),
    /// After the last event at the time of the request.
    End,
}

/// What to read (SPEC §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Only events after it.
    pub after: Bound,
    /// Only events before it; makes the reading finite.
    pub before: Option<Bound>,
    /// Goes on with later events as they are committed; of no effect with an upper bound.
    pub live: bool,
}

/// The whole history, then live.
impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            after: Bound::Start,
            before: None,
            live: true,
        }
    }
}

/// A cursor on a stream.
pub struct Reader {
    service: Arc<Service>,
    stream: Arc<Stream>,
    head: watch::Receiver<Head>,
    next: Offset,
    until: Offset,
    live: bool,
    /// The durable head when last looked at.
    seen: Offset,
    over: bool,
}

impl Reader {
    pub(super) fn new(
        service: Arc<Service>,
        stream: Arc<Stream>,
        bounds: Bounds,
    ) -> Result<Reader, ServiceError> {
        let head = stream.watch();
        // A service that closes ends the readers that it sees; this one it may not have seen.
        if service.is_closing() {
            return Err(ServiceError::shutting_down());
        }
        service.shared.counts.reader_came();
        let seen = head.borrow().durable;
        let live = bounds.live && bounds.before.is_none();
        let next = match bounds.after {
            Bound::Start => Offset::FIRST,
            Bound::Offset(offset) => offset.next(),
            Bound::End => seen.next(),
        };
        let until = match bounds.before {
            Some(Bound::Start) => Offset::FIRST,
            Some(Bound::Offset(offset)) => offset.min(seen.next()),
            Some(Bound::End) => seen.next(),
            None if live => Offset(u64::MAX),
            None => seen.next(),
        };
        Ok(Reader {
            service,
            stream,
            head,
            next,
            until,
            live,
            seen,
            over: false,
        })
    }

    /// The next events, at least one, in order and without a gap. `None` at the upper bound, when the
    /// stream is destroyed and when the service shuts down. After [`ServiceError::Damaged`] the next
    /// call goes on behind the damage; after any other error there is nothing more. May be dropped
    /// and called again without losing anything.
    pub async fn next(&mut self) -> Option<Result<Vec<Entry>, ServiceError>> {
        while !self.over && self.next < self.until {
            let head = *self.head.borrow_and_update();
            self.seen = head.durable;
            if head.end == Some(End::Destroyed) {
                break;
            }
            if head.durable >= self.next {
                match self.read().await {
                    Some(Ok(chunk)) if chunk.is_empty() => {}
                    Some(result) => return Some(result),
                    None => break,
                }
                continue;
            }
            match head.end {
                Some(End::Reopen) => {
                    if let Err(error) = self.reattach().await {
                        self.over = true;
                        let closing = self.service.is_closing();
                        return (!closing).then_some(Err(error));
                    }
                }
                Some(End::Shutdown) if self.stream.is_settled() => break,
                _ => {
                    // The sender lives as long as the stream that is held here.
                    let _ = self.head.changed().await;
                }
            }
        }
        self.over = true;
        None
    }

    /// What is there, from memory or from the store.
    async fn read(&mut self) -> Option<Result<Vec<Entry>, ServiceError>> {
        if let Some(chunk) = self.stream.recent_from(self.next, self.until, CHUNK_BYTES) {
            return self.give(chunk);
        }
        let store = Arc::clone(&self.service.shared.store);
        let (key, from) = (self.stream.key.clone(), self.next);
        let read = tokio::task::spawn_blocking(move || store.read(&key, from, CHUNK_BYTES)).await;
        // Events read after the stream was destroyed may be another's of the same name.
        if self.head.borrow().end == Some(End::Destroyed) {
            return None;
        }
        match read {
            Ok(Ok(records)) if records.is_empty() => {
                self.over = true;
                Some(Err(ServiceError::Internal(format!(
                    "the store has no event {from} though it was told to be durable"
                ))))
            }
            Ok(Ok(records)) => {
                let chunk = records
                    .into_iter()
                    .take_while(|record| record.offset < self.until)
                    .map(|record| Entry {
                        offset: record.offset,
                        json: record.json,
                    });
                self.give(chunk.collect())
            }
            Ok(Err(StoreError::Closed)) => None,
            Ok(Err(error)) => {
                match &error {
                    StoreError::Corrupt { until, .. } => self.next = until.next(),
                    _ => self.over = true,
                }
                Some(Err(error.into()))
            }
            Err(error) => {
                self.over = true;
                Some(Err(ServiceError::Internal(error.to_string())))
            }
        }
    }

    fn give(&mut self, chunk: Vec<Entry>) -> Option<Result<Vec<Entry>, ServiceError>> {
        if let Some(last) = chunk.last() {
            self.next = last.offset.next();
        }
        Some(Ok(chunk))
    }

    /// Goes on with the stream as it was opened anew.
    async fn reattach(&mut self) -> Result<(), ServiceError> {
        let stream = match self.service.existing(&self.stream.key).await {
            Err(ServiceError::NotFound(_)) => {
                self.over = true;
                return Ok(());
            }
            found => found?,
        };
        self.head = stream.watch();
        self.stream = stream;
        // With less in it than before, it was destroyed in between and is another stream.
        self.over = self.head.borrow().durable < self.seen;
        Ok(())
    }

    /// The stream that is read.
    #[must_use]
    pub fn key(&self) -> &StreamKey {
        &self.stream.key
    }

    /// The offset that the next chunk begins with, if there is one.
    #[must_use]
    pub fn position(&self) -> Offset {
        self.next
    }

    /// Whether it goes on after the history.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.live
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.service.shared.counts.reader_left();
    }
}
