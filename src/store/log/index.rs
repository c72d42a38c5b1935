//! Where everything of the log stands: streams, their events by offset and by key, snapshots, cells.
//! Built from records, of one segment or of all.

use super::segment::Segment;
use crate::model::event::Millis;
use crate::model::offset::Offset;
use crate::model::path::StreamKey;
use crate::store::Head;
use bytes::Bytes;
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The streams and cells of one segment or, absorbed in order, of all.
#[derive(Default)]
pub(super) struct Index {
    pub streams: FxHashMap<u32, Stream>,
    pub cells: BTreeMap<String, Cell>,
    /// Streams destroyed in this segment. Of all: nothing.
    pub destroyed: Vec<u32>,
    /// Cells removed in this segment, and not set again. Of all: nothing.
    pub removed: BTreeSet<String>,
    /// Highest number that a stream has had.
    pub last_stream: u32,
}

/// A stream, as far as these segments know it.
pub(super) struct Stream {
    /// Unknown when the record that tells it is not here, or damaged.
    pub name: Option<Name>,
    pub last_at: Millis,
    /// By offset; where one does not begin after the end of the one before, events are damaged.
    pub runs: Vec<Run>,
    pub snapshot: Option<SnapshotPlace>,
}

#[derive(Clone)]
pub(super) struct Name {
    pub key: StreamKey,
    pub created_at: Millis,
}

#[derive(Clone, Copy)]
pub(super) struct SnapshotPlace {
    pub segment: u32,
    pub position: u32,
    pub length: u32,
}

pub(super) struct Cell {
    pub value: Bytes,
    pub segment: u32,
    pub position: u32,
}

/// Events of a stream that follow each other in one segment.
pub(super) struct Run {
    pub segment: u32,
    pub first: Offset,
    pub positions: Vec<u32>,
    pub keys: Keys,
    /// What the events take in the segment.
    pub bytes: u64,
}

/// Hashes of the run's idempotency keys, and whose they are (rows of the run).
pub(super) enum Keys {
    /// The first event of each hash, and the others.
    Growing(FxHashMap<u64, u32>, Vec<(u64, u32)>),
    /// Sorted by hash, then row.
    Sorted(Box<[u64]>, Box<[u32]>),
}

impl Default for Stream {
    fn default() -> Stream {
        Stream {
            name: None,
            last_at: Millis(0),
            runs: Vec::new(),
            snapshot: None,
        }
    }
}

impl Stream {
    /// The last event; 0 when there is none.
    pub(super) fn last(&self) -> Offset {
        self.runs.last().map_or(Offset(0), Run::last)
    }

    pub(super) fn head(&self) -> Option<Head> {
        let name = self.name.as_ref()?;
        Some(Head {
            created_at: name.created_at,
            last_at: self.last_at,
            last: self.last(),
        })
    }

    pub(super) fn add_event(&mut self, event: &EventPlace) {
        self.last_at = event.time;
        let follows = self
            .runs
            .last()
            .is_some_and(|run| run.segment == event.segment && run.last().next() == event.offset);
        if !follows {
            self.runs.push(Run {
                segment: event.segment,
                first: event.offset,
                positions: Vec::new(),
                keys: Keys::Growing(FxHashMap::default(), Vec::new()),
                bytes: 0,
            });
        }
        if let Some(run) = self.runs.last_mut() {
            let row = run.positions.len();
            run.positions.push(event.position);
            run.bytes += u64::from(event.length);
            if let Some(hash) = event.key_hash {
                run.keys.add(hash, u32::try_from(row).unwrap_or(u32::MAX));
            }
        }
    }

    /// The run that holds this offset, or else the first one behind it.
    pub(super) fn run_at(&self, offset: Offset) -> Option<&Run> {
        let at = self.runs.partition_point(|run| run.last() < offset);
        self.runs.get(at)
    }
}

/// What the index needs to know of an event.
pub(super) struct EventPlace {
    pub segment: u32,
    pub position: u32,
    pub length: u32,
    pub offset: Offset,
    pub time: Millis,
    pub key_hash: Option<u64>,
}

impl Run {
    pub(super) fn last(&self) -> Offset {
        Offset((self.first.0 + self.positions.len() as u64).saturating_sub(1))
    }

    /// The rows whose key has this hash, in order.
    pub(super) fn rows(&self, hash: u64) -> Vec<u32> {
        self.keys.rows(hash)
    }

    /// The positions from this offset on, which must not lie before the run.
    pub(super) fn from(&self, offset: Offset) -> &[u32] {
        let skip = usize::try_from(offset.0.saturating_sub(self.first.0)).unwrap_or(usize::MAX);
        self.positions.get(skip..).unwrap_or_default()
    }
}

impl Keys {
    fn add(&mut self, hash: u64, row: u32) {
        if let Keys::Growing(first, others) = self {
            match first.entry(hash) {
                Entry::Vacant(free) => drop(free.insert(row)),
                Entry::Occupied(_) => others.push((hash, row)),
            }
        }
    }

    /// The rows with this hash, in order.
    pub(super) fn rows(&self, hash: u64) -> Vec<u32> {
        match self {
            Keys::Growing(first, others) => {
                let others = others.iter().filter(|(h, _)| *h == hash);
                let first = first.get(&hash).copied();
                first
                    .into_iter()
                    .chain(others.map(|(_, row)| *row))
                    .collect()
            }
            Keys::Sorted(hashes, rows) => {
                let start = hashes.partition_point(|h| *h < hash);
                let same = hashes[start..].iter().take_while(|h| **h == hash).count();
                rows[start..start + same].to_vec()
            }
        }
    }

    /// Less memory; nothing can be added any more.
    pub(super) fn sort(&mut self) {
        if let Keys::Growing(first, others) = self {
            let mut all: Vec<(u64, u32)> = first.drain().chain(others.drain(..)).collect();
            all.sort_unstable();
            let (hashes, rows): (Vec<u64>, Vec<u32>) = all.into_iter().unzip();
            *self = Keys::Sorted(hashes.into(), rows.into());
        }
    }
}

/// FNV-1a, which stays the same from release to release: it is in the sidecars.
pub(super) fn key_hash(key: &[u8]) -> u64 {
    key.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl Index {
    pub(super) fn declare(&mut self, stream: u32, name: Name) {
        self.last_stream = self.last_stream.max(stream);
        let known = self.streams.entry(stream).or_default();
        if known.runs.is_empty() {
            known.last_at = name.created_at;
        }
        known.name.get_or_insert(name);
    }

    pub(super) fn destroy(&mut self, stream: u32) {
        self.last_stream = self.last_stream.max(stream);
        self.streams.remove(&stream);
        self.destroyed.push(stream);
    }

    pub(super) fn set_cell(&mut self, name: String, cell: Cell) {
        self.removed.remove(&name);
        self.cells.insert(name, cell);
    }

    pub(super) fn remove_cell(&mut self, name: String) {
        self.cells.remove(&name);
        self.removed.insert(name);
    }

    /// Takes in the next segment's index. Gives back the streams whose name neither knows.
    pub(super) fn absorb(&mut self, next: Index) -> Vec<u32> {
        let mut nameless = Vec::new();
        self.last_stream = self.last_stream.max(next.last_stream);
        for (number, stream) in next.streams {
            if let Some(known) = self.streams.get_mut(&number) {
                if !stream.runs.is_empty() {
                    known.last_at = stream.last_at;
                }
                known.runs.extend(stream.runs);
                known.snapshot = stream.snapshot.or(known.snapshot);
            } else if stream.name.is_some() {
                self.streams.insert(number, stream);
            } else {
                nameless.push(number);
            }
        }
        for number in next.destroyed {
            self.streams.remove(&number);
        }
        for name in next.removed {
            self.cells.remove(&name);
        }
        self.cells.extend(next.cells);
        nameless
    }

    /// Drops spare memory; the segment gets no more records.
    pub(super) fn settle(&mut self) {
        for run in self.streams.values_mut().flat_map(|s| &mut s.runs) {
            run.positions.shrink_to_fit();
            run.keys.sort();
        }
    }
}

/// The index of all segments, and the segments.
#[derive(Default)]
pub(super) struct Catalog {
    pub index: Index,
    pub names: HashMap<StreamKey, u32>,
    pub segments: BTreeMap<u32, Arc<Segment>>,
}

impl Catalog {
    pub(super) fn stream(&self, key: &StreamKey) -> Option<(u32, &Stream)> {
        let number = *self.names.get(key)?;
        Some((number, self.index.streams.get(&number)?))
    }

    /// What of a segment is still needed, in bytes: all but what destroyed streams, replaced
    /// snapshots and replaced cells have left behind.
    pub(super) fn live(&self, segment: u32) -> u64 {
        let streams = self.index.streams.values().map(|stream| {
            let runs = stream.runs.iter().filter(|run| run.segment == segment);
            let snapshot = stream.snapshot.filter(|s| s.segment == segment);
            runs.map(|run| run.bytes).sum::<u64>()
                + snapshot.map_or(0, |snapshot| u64::from(snapshot.length))
        });
        let cells = self.index.cells.iter().filter(|c| c.1.segment == segment);
        streams.sum::<u64>()
            + cells
                .map(|(name, cell)| (name.len() + cell.value.len()) as u64)
                .sum::<u64>()
    }
}
