//! The durable log that the service writes: what it asks of a store. Backends stand beside it, and
//! a distributed log could: nothing here supposes that this process is the only one.

pub mod log;
pub mod memory;

mod queue;

use crate::model::event::Millis;
use crate::model::offset::Offset;
use crate::model::path::StreamKey;
use bytes::Bytes;

/// One stored event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its place in the stream.
    pub offset: Offset,
    /// SPEC §2; unique in the stream.
    pub idempotency_key: Option<String>,
    /// The whole stored event as one line of JSON, without the line's end.
    pub json: Bytes,
}

/// A stream's reduced state after an event, kept so that opening it need not fold everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last event folded into it.
    pub offset: Offset,
    /// The state as JSON.
    pub state: Bytes,
}

/// Called once, on a thread of the store's, in the order in which a stream's batches were given;
/// must be quick and must not call the store. `Ok` means durable.
pub type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Events to append to one stream: all of them are stored, or none. Without events it only brings
/// a snapshot, which is dropped if the stream does not exist.
pub struct Batch {
    /// Where to.
    pub stream: StreamKey,
    /// When the events were made; of a stream's first batch, when the stream was created.
    pub time: Millis,
    /// Dense offsets; the first must be the one after the stream's last, counting batches not yet
    /// durable.
    pub records: Vec<Record>,
    /// The state after some event up to the last of these; takes the place of the one before it.
    pub snapshot: Option<Snapshot>,
    /// Told when it is durable, or will never be.
    pub done: Done,
}

/// What a store knows of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// When its first event was stored.
    pub created_at: Millis,
    /// When its last event was stored.
    pub last_at: Millis,
    /// The last durable event.
    pub last: Offset,
}

/// Why a store did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another writer was there first: the batch does not begin at the stream's next offset.
    #[error("stream {stream}: expected to write offset {expected}, but the next one is {next}")]
    Conflict {
        /// Which stream.
        stream: StreamKey,
        /// Where the batch begins.
        expected: Offset,
        /// Where it would have had to.
        next: Offset,
    },
    /// Writing or syncing failed; nothing of the batch is durable, nor of the stream's batches
    /// that were queued behind it (one given later, before its author saw this, is told
    /// [`StoreError::Conflict`]). The store may take later ones.
    #[error("{0}")]
    Write(String),
    /// The store takes no more writes until it is opened anew; reading goes on.
    #[error("the store is read-only: {0}")]
    ReadOnly(String),
    /// Reading failed.
    #[error("{0}")]
    Read(String),
    /// What is stored is damaged from this event on, up to and including `until`.
    #[error("stream {stream}: events {from} to {until} are damaged on disk: {what}")]
    Corrupt {
        /// Which stream.
        stream: StreamKey,
        /// First damaged event.
        from: Offset,
        /// Last damaged event; the ones after it can be read.
        until: Offset,
        /// What was found.
        what: String,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

/// What a store has committed since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Commits {
    /// Groups of batches that shared a commit.
    pub groups: u64,
    /// Events in them.
    pub events: u64,
}

/// Streams of records, and small named cells beside them. Every method but [`Store::append`],
/// [`Store::destroy`] and [`Store::put`] may block on the disk for a moment.
pub trait Store: Send + Sync + 'static {
    /// Queues a batch and returns at once; batches of all streams share commits.
    fn append(&self, batch: Batch);

    /// A stream's head; `None` when it does not exist.
    ///
    /// # Errors
    /// [`StoreError::Read`], [`StoreError::Closed`].
    fn head(&self, stream: &StreamKey) -> Result<Option<Head>, StoreError>;

    /// Durable events from `from` on, in order: as many as fit into `max_bytes` of JSON, and at
    /// least one if there is one. Empty past the end.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when `from` itself cannot be read; the others as above.
    fn read(
        &self,
        stream: &StreamKey,
        from: Offset,
        max_bytes: usize,
    ) -> Result<Vec<Record>, StoreError>;

    /// The durable event with this idempotency key; the first, should there be several. Costs no
    /// reading when there is none.
    ///
    /// # Errors
    /// As [`Store::read`].
    fn find(&self, stream: &StreamKey, key: &str) -> Result<Option<Record>, StoreError>;

    /// The newest snapshot.
    ///
    /// # Errors
    /// As [`Store::head`]; a damaged snapshot counts as none.
    fn snapshot(&self, stream: &StreamKey) -> Result<Option<Snapshot>, StoreError>;

    /// All streams, in no particular order.
    ///
    /// # Errors
    /// As [`Store::head`].
    fn streams(&self) -> Result<Vec<(StreamKey, Head)>, StoreError>;

    /// Forgets streams, all at once or none; they start over at offset 1 when appended to again.
    /// Queued behind the batches given before it.
    fn destroy(&self, streams: Vec<StreamKey>, done: Done);

    /// Sets or removes a cell. Queued like a batch.
    fn put(&self, cell: &str, value: Option<Bytes>, done: Done);

    /// The cells whose name starts with `prefix`, by name.
    ///
    /// # Errors
    /// As [`Store::head`].
    fn cells(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, StoreError>;

    /// What was committed so far.
    fn commits(&self) -> Commits;

    /// Why it takes no writes until it is opened anew, if it does not.
    fn read_only(&self) -> Option<String>;

    /// Commits what is queued, then refuses everything. Blocks until that is done.
    fn close(&self);
}
