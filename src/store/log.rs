//! The store on disk: a log of commits in one folder, with an index of it in memory.
//!
//! # Layout, version 1
//!
//! ```text
//! LOCK                   held by the one process that has the store open
//! FORMAT                 "evtui log 1\n"; a higher number is refused
//! CLOSED                 last segment and its end when the store was closed; may be outdated
//! segments/00000001.log  commits, one behind the other; then 00000002.log …
//!          00000001.index  a finished segment's index (see `sidecar`); only a copy
//! ```
//!
//! All numbers are little-endian, all checksums CRC-32C. A segment begins with 64 bytes: `evtuilog`,
//! version u32, its own number u32, a random salt u64, `previous_end` u64 (where the segment before
//! ends: what stands behind that is no part of it), `own_end` u64 (where this one ends, if it was
//! written in one piece, else 0), 20 zeros, checksum u32. Segments are numbered without gaps.
//!
//! Then come records, at multiples of 8, with zeros between. Each has a header of 40 bytes:
//!
//! ```text
//!  0 u32 checksum of the salt, the record's position (u64) and the header's other 36 bytes
//!  4 u32 checksum of key and body       8 u32 bytes of key and body     12 u32 bytes of key
//! 16 u32 stream number                 20 u8 kind   21 u8 1: has a key  22 two zeros
//! 24 u64 offset                        32 i64 time, ms
//! ```
//!
//! then the key, then the body. Kinds: 1 *commit*, whose body is the records that follow, and whose
//! offset counts the segment's commits, whose time says up to where the segment was durable before;
//! 2 *stream*, which gives a number its name (project as key, path as body, creation as time), in
//! every segment before anything else of that stream; 3 *event*, with its idempotency key and JSON;
//! 4 *snapshot*; 5 *destroyed*; 6 *cell*, name as key; 7 *cell removed*. A number names one life of a
//! stream: after a destroy the name gets a new one.
//!
//! # Writing
//!
//! One thread takes all that is queued, writes it as one commit, syncs once, publishes it to
//! readers, and tells the callers. So nothing is read, or answered, that is not durable. A write
//! that fails is cut back, a segment whose sync failed is left for a new one (see `writer`); what was
//! asked then fails, and later batches may succeed.
//!
//! # After a crash
//!
//! Finished segments are opened by their sidecars; the last one is read through. At its end stands
//! at most one commit that never became durable (with [`Durability::Os`]: some): it is incomplete,
//! and neither a commit behind it nor `CLOSED` says that it was durable. It is cut off, with a
//! warning. Damage to a last commit that *was* durable looks the same, unless the store was closed
//! after it. Anything else that
//! does not match its checksum was damaged later. Events whose bodies are damaged are known by their
//! headers or by the gap they leave: reading them is [`StoreError::Corrupt`], the rest stays
//! readable and writable. Where headers are damaged nobody can say which streams they were of, so
//! the store is opened read-only.
//!
//! # Why no engine
//!
//! `cargo bench --bench store`, 200-byte events, ext4, two cores; one fsync took 0.12 to 0.25 ms before and
//! after nearly every row. *Bare* is a loop of write and fdatasync on a growing file.
//!
//! ```text
//!                                      this log      redb 4.6       bare
//! 1 event a commit                        2,394         1,736      1,800   events/s
//! 100 events a commit                   113,153        54,681    146,930   events/s
//! single events, 16 on their way         35,901             –          –   events/s
//! single events, 64 on their way         69,695             –          –   events/s
//! 1M in commits of 1000                 509,021       239,051    276,855   events/s
//! 1M events on disk                         244           285          –   MB
//! whole history                             943           432          –   MB/s
//! one event, anywhere                   277,055       462,148          –   events/s
//! open and close, 1M events                  32             2          –   ms
//! ```
//!
//! A log writes each byte once, into space made ahead (which is why it can be faster than the bare
//! loop, whose every sync commits the file's new size to the file system's journal); a tree writes pages
//! and their parents. And a log can say which events a damaged place held, which an engine cannot. It
//! pays with an index in memory, 20 MiB for a million events with keys, and with reading the last
//! segment when it is opened.
//!
//! # Assumed of the disk
//!
//! A write that is cut short may leave any of its sectors new, old, or torn within, in any order,
//! but does not harm bytes that it did not change. After `fdatasync` (macOS: `F_FULLFSYNC`) returns,
//! what was written and the file's length survive a loss of power; after an fsync of the folder, so
//! do names. A rename is atomic. What a *failed* sync leaves is unknown, and so is what the page
//! cache says of it.

mod disk;
mod format;
mod group;
mod index;
mod open;
mod scan;
mod segment;
mod sidecar;
mod tidy;
mod writer;

#[cfg(test)]
mod tests;

pub use open::OpenError;

use super::queue::{Order, Worker};
use super::{Batch, Commits, Done, Head, Record, Snapshot, Store, StoreError};
use crate::model::offset::Offset;
use crate::model::path::StreamKey;
use bytes::Bytes;
use disk::{Disk, LocalDisk};
use index::{Catalog, Stream, key_hash};
use segment::{Bad, Paths, Segment};
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Groups are cut at about so many bytes.
const GROUP: usize = 8 << 20;
/// Most bytes of one commit.
const MAX_COMMIT: usize = 1 << 30;
/// Most events looked up under one lock.
const LOOKED_UP: usize = 4096;
/// Guess of the smallest event: more are not looked up than are likely to be read.
const SMALLEST: usize = 64;

/// When a commit counts as durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// When the disk says that it has it: survives a loss of power.
    #[default]
    Fsync,
    /// When the operating system has it: survives the end of the process.
    Os,
}

/// How to open a store.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// See there.
    pub durability: Durability,
    /// A new segment is begun when one would grow beyond this many bytes (4 KiB to 1 GiB).
    pub segment_bytes: u64,
    /// Make a store where there is none.
    pub create: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            durability: Durability::Fsync,
            segment_bytes: 64 << 20,
            create: true,
        }
    }
}

/// A store in a folder. One process at a time can have it open.
pub struct LogStore {
    worker: Worker,
    shared: Arc<Shared>,
}

/// What readers, the writer and the tidying thread share.
struct Shared {
    catalog: RwLock<Catalog>,
    disk: Arc<dyn Disk>,
    paths: Paths,
    options: Options,
    /// Why nothing may be written.
    read_only: Option<String>,
    /// Held as long as the store is open.
    _lock: File,
}

impl Shared {
    fn catalog(&self) -> RwLockReadGuard<'_, Catalog> {
        // A writer that panicked has left single changes out, and nothing writes after it.
        self.catalog.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn catalog_mut(&self) -> RwLockWriteGuard<'_, Catalog> {
        self.catalog.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where to read events of a stream that follow each other.
struct Plan {
    stream: u32,
    segment: Arc<Segment>,
    first: Offset,
    positions: Vec<u32>,
}

/// What comes next of a stream.
enum Ahead {
    Events(Plan),
    /// Damaged up to and including this one.
    Gap(Offset),
    End,
}

impl LogStore {
    /// Opens the store in a folder. After a crash it looks through what was written last; a commit
    /// that was not completed is cut off, with a warning.
    ///
    /// # Errors
    /// See [`OpenError`]. Damage is none: what can be read is read, and the store is read-only if
    /// it cannot be told what is missing.
    pub fn open(folder: &Path, options: Options) -> Result<LogStore, OpenError> {
        LogStore::open_on(Arc::new(LocalDisk), folder, options)
    }

    fn open_on(
        disk: Arc<dyn Disk>,
        folder: &Path,
        mut options: Options,
    ) -> Result<LogStore, OpenError> {
        options.segment_bytes = options.segment_bytes.clamp(4 << 10, 1 << 30);
        open::open(disk, folder, options)
    }

    fn catalog(&self) -> Result<RwLockReadGuard<'_, Catalog>, StoreError> {
        self.worker.open()?;
        Ok(self.shared.catalog())
    }

    /// Looks up at most so many events from an offset on.
    fn ahead(&self, stream: &StreamKey, from: Offset, most: usize) -> Result<Ahead, StoreError> {
        let catalog = self.catalog()?;
        let Some((number, stream)) = catalog.stream(stream) else {
            return Ok(Ahead::End);
        };
        let Some(run) = stream.run_at(from) else {
            return Ok(Ahead::End);
        };
        if run.first > from {
            return Ok(Ahead::Gap(Offset(run.first.0 - 1)));
        }
        let positions = run.from(from);
        Ok(Ahead::Events(Plan {
            stream: number,
            segment: segment(&catalog, run.segment)?,
            first: from,
            positions: positions[..positions.len().min(most)].to_vec(),
        }))
    }

    /// What is wrong with an event that cannot be read, and how far that goes.
    fn damage(&self, stream: &StreamKey, from: Offset, what: String) -> StoreError {
        let mut until = from;
        loop {
            match self.ahead(stream, until.next(), 1) {
                Ok(Ahead::Gap(last)) => until = last,
                Ok(Ahead::Events(plan)) => {
                    let (_, bad) = plan
                        .segment
                        .events(plan.stream, plan.first, &plan.positions, 0);
                    if !matches!(bad, Some(Bad::Damaged(_))) {
                        break;
                    }
                    until = plan.first;
                }
                _ => break,
            }
        }
        StoreError::Corrupt {
            stream: stream.clone(),
            from,
            until,
            what,
        }
    }
}

fn segment(catalog: &Catalog, number: u32) -> Result<Arc<Segment>, StoreError> {
    let segment = catalog.segments.get(&number).cloned();
    segment.ok_or_else(|| StoreError::Read(format!("segment {number} is not open")))
}

impl Store for LogStore {
    fn append(&self, batch: Batch) {
        self.worker.push(Order::Append(batch));
    }

    fn head(&self, stream: &StreamKey) -> Result<Option<Head>, StoreError> {
        let catalog = self.catalog()?;
        Ok(catalog.stream(stream).and_then(|(_, stream)| stream.head()))
    }

    fn read(
        &self,
        stream: &StreamKey,
        from: Offset,
        max_bytes: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let mut records: Vec<Record> = Vec::new();
        let mut left = max_bytes;
        let mut next = from.max(Offset::FIRST);
        loop {
            let most = (left / SMALLEST + 1).min(LOOKED_UP);
            let plan = match self.ahead(stream, next, most)? {
                Ahead::Events(plan) => plan,
                Ahead::End => return Ok(records),
                Ahead::Gap(_) if !records.is_empty() => return Ok(records),
                Ahead::Gap(_) => {
                    return Err(self.damage(stream, next, "they are missing".to_owned()));
                }
            };
            let planned = plan.positions.len();
            let (mut more, bad) = plan
                .segment
                .events(plan.stream, next, &plan.positions, left);
            // The first of a read may be of any size, but not the first of a later piece of it.
            if !records.is_empty() && more.first().is_some_and(|r| r.json.len() > left) {
                return Ok(records);
            }
            let whole = more.len() == planned;
            left = left.saturating_sub(more.iter().map(|r| r.json.len().max(1)).sum());
            records.append(&mut more);
            match bad {
                Some(_) if !records.is_empty() => return Ok(records),
                Some(Bad::Damaged(what)) => return Err(self.damage(stream, next, what)),
                Some(Bad::Io(error)) => return Err(StoreError::Read(error.to_string())),
                None if !whole || left == 0 => return Ok(records),
                None => next = records.last().map_or(next, |r| r.offset.next()),
            }
        }
    }

    fn find(&self, stream: &StreamKey, key: &str) -> Result<Option<Record>, StoreError> {
        let hash = key_hash(key.as_bytes());
        let candidates: Vec<Plan> = {
            let catalog = self.catalog()?;
            let Some((number, stream)) = catalog.stream(stream) else {
                return Ok(None);
            };
            let plan = |run: &index::Run, row: u32| {
                Ok(Plan {
                    stream: number,
                    segment: segment(&catalog, run.segment)?,
                    first: Offset(run.first.0 + u64::from(row)),
                    positions: vec![run.positions[row as usize]],
                })
            };
            let rows = |run| {
                index::Run::rows(run, hash)
                    .into_iter()
                    .map(move |r| (run, r))
            };
            let found = stream.runs.iter().flat_map(rows);
            found
                .map(|(run, row)| plan(run, row))
                .collect::<Result<_, StoreError>>()?
        };
        for plan in candidates {
            let (records, bad) = plan
                .segment
                .events(plan.stream, plan.first, &plan.positions, 0);
            match bad {
                Some(Bad::Damaged(what)) => return Err(self.damage(stream, plan.first, what)),
                Some(Bad::Io(error)) => return Err(StoreError::Read(error.to_string())),
                None => {}
            }
            let right = |record: &Record| record.idempotency_key.as_deref() == Some(key);
            if let Some(record) = records.into_iter().find(right) {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    fn snapshot(&self, stream: &StreamKey) -> Result<Option<Snapshot>, StoreError> {
        let (number, place, segment) = {
            let catalog = self.catalog()?;
            let Some((number, Stream { snapshot, .. })) = catalog.stream(stream) else {
                return Ok(None);
            };
            let Some(place) = *snapshot else {
                return Ok(None);
            };
            (number, place, segment(&catalog, place.segment)?)
        };
        match segment.one(place.position) {
            Ok((header, state))
                if header.kind == format::Kind::Snapshot && header.stream == number =>
            {
                Ok(Some(Snapshot {
                    offset: header.offset,
                    state,
                }))
            }
            Ok(_) => Ok(None),
            Err(Bad::Damaged(what)) => {
                tracing::warn!("a snapshot of {stream} is damaged and left out: {what}");
                Ok(None)
            }
            Err(Bad::Io(error)) => Err(StoreError::Read(error.to_string())),
        }
    }

    fn streams(&self) -> Result<Vec<(StreamKey, Head)>, StoreError> {
        let catalog = self.catalog()?;
        let names = catalog.names.keys();
        Ok(names
            .filter_map(|key| Some((key.clone(), catalog.stream(key)?.1.head()?)))
            .collect())
    }

    fn destroy(&self, streams: Vec<StreamKey>, done: Done) {
        self.worker.push(Order::Destroy { streams, done });
    }

    fn put(&self, cell: &str, value: Option<Bytes>, done: Done) {
        self.worker.push(Order::Put {
            cell: cell.to_owned(),
            value,
            done,
        });
    }

    fn cells(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, StoreError> {
        let catalog = self.catalog()?;
        let from = catalog.index.cells.range(prefix.to_owned()..);
        Ok(from
            .take_while(|(name, _)| name.starts_with(prefix))
            .map(|(name, cell)| (name.clone(), cell.value.clone()))
            .collect())
    }

    fn commits(&self) -> Commits {
        self.worker.commits()
    }

    fn read_only(&self) -> Option<String> {
        let damaged = self.shared.read_only.clone();
        damaged.or_else(|| self.worker.given_up())
    }

    fn close(&self) {
        self.worker.close();
    }
}
