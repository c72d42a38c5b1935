//! One file of the log, and reading records from it.

use super::disk::DiskFile;
use super::format::{HEADER, Header, Kind, SEGMENT_HEADER, Seal, SegmentHeader};
use crate::model::offset::Offset;
use crate::store::Record;
use bytes::Bytes;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most bytes read at once; a bigger record is read alone.
const CHUNK: u64 = 256 << 10;
/// Records further apart than this are read one by one.
const APART: u64 = 16 << 10;
/// Guess of what the last record of a chunk takes.
const GUESS: u64 = 4 << 10;

/// An open segment.
pub(super) struct Segment {
    pub number: u32,
    pub header: SegmentHeader,
    pub seal: Seal,
    pub file: Arc<dyn DiskFile>,
}

/// Why a record could not be read.
pub(super) enum Bad {
    /// The system says so.
    Io(io::Error),
    /// The bytes are not what was written.
    Damaged(String),
}

impl Segment {
    pub(super) fn new(header: SegmentHeader, file: Arc<dyn DiskFile>) -> Segment {
        Segment {
            number: header.number,
            header,
            seal: Seal::new(header.salt),
            file,
        }
    }

    /// Reads events of one stream that stand at these ascending positions, until `most` bytes of
    /// JSON are there (at least one event, if the first can be read). Gives back what came before
    /// the first bad one, and why that is bad.
    pub(super) fn events(
        &self,
        stream: u32,
        first: Offset,
        positions: &[u32],
        most: usize,
    ) -> (Vec<Record>, Option<Bad>) {
        let mut records: Vec<Record> = Vec::new();
        let mut bytes = 0;
        let mut chunk = Chunk::default();
        for (row, position) in positions.iter().enumerate() {
            let position = u64::from(*position);
            let want = Offset(first.0 + row as u64);
            let ahead = || self.reach(&positions[row..], most.saturating_sub(bytes));
            let record = self
                .record(&mut chunk, position, ahead)
                .and_then(|(header, body)| {
                    let right = header.kind == Kind::Event
                        && header.stream == stream
                        && header.offset == want;
                    match right {
                        true => event(want, &header, body),
                        false => Err(self.damaged(position, "another record")),
                    }
                });
            match record {
                Ok(record) => {
                    bytes += record.json.len().max(1);
                    if bytes > most && !records.is_empty() {
                        return (records, None);
                    }
                    records.push(record);
                }
                Err(bad) => return (records, Some(bad)),
            }
        }
        (records, None)
    }

    /// A single record: its header, and its body behind the key.
    pub(super) fn one(&self, position: u32) -> Result<(Header, Bytes), Bad> {
        let record = self.record(&mut Chunk::default(), u64::from(position), || GUESS);
        record.map(|(header, body)| (header, body.slice(header.key_len as usize..)))
    }

    /// Up to where to read for the records at these positions.
    fn reach(&self, positions: &[u32], most: usize) -> u64 {
        let start = u64::from(positions[0]);
        let limit = CHUNK.min((most as u64).saturating_mul(2).max(GUESS));
        let mut last = start;
        for position in positions {
            let position = u64::from(*position);
            if position - last > APART || position + GUESS - start > limit {
                break;
            }
            last = position;
        }
        last + GUESS - start
    }

    /// The record at a position, from the chunk or else from the disk with what lies `ahead`: its
    /// header, and its key and body, which are what was written.
    fn record(
        &self,
        chunk: &mut Chunk,
        position: u64,
        ahead: impl FnOnce() -> u64,
    ) -> Result<(Header, Bytes), Bad> {
        if chunk.part(position, HEADER as u64).is_none() {
            chunk.load(self, position, ahead())?;
        }
        let header = chunk
            .part(position, HEADER as u64)
            .and_then(|range| Header::decode(&chunk.bytes[range], self.seal, position))
            .ok_or_else(|| self.damaged(position, "no record"))?;
        let (body_at, body_len) = (position + HEADER as u64, u64::from(header.body_len));
        if chunk.part(body_at, body_len).is_none() {
            chunk.load(self, position, HEADER as u64 + body_len)?;
        }
        chunk
            .part(body_at, body_len)
            .filter(|range| header.split(&chunk.bytes[range.clone()]).is_some())
            .map(|range| (header, chunk.bytes.slice(range)))
            .ok_or_else(|| self.damaged(position, "a record whose checksum is wrong"))
    }

    fn damaged(&self, position: u64, found: &str) -> Bad {
        Bad::Damaged(format!(
            "{found} at byte {position} of segment {}",
            self.number
        ))
    }
}

fn event(offset: Offset, header: &Header, mut body: Bytes) -> Result<Record, Bad> {
    let key = body.split_to(header.key_len as usize);
    let idempotency_key = match header.has_key {
        true => Some(String::from_utf8(key.to_vec()).map_err(|e| Bad::Damaged(e.to_string()))?),
        false => None,
    };
    Ok(Record {
        offset,
        idempotency_key,
        json: body,
    })
}

/// Bytes of a segment as read last.
#[derive(Default)]
struct Chunk {
    at: u64,
    bytes: Bytes,
}

impl Chunk {
    fn load(&mut self, segment: &Segment, at: u64, len: u64) -> Result<(), Bad> {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let mut bytes = vec![0; len];
        let read = segment.file.read_full(&mut bytes, at).map_err(Bad::Io)?;
        bytes.truncate(read);
        self.at = at;
        self.bytes = bytes.into();
        Ok(())
    }

    /// Where in the chunk these bytes of the segment are, if they are.
    fn part(&self, at: u64, len: u64) -> Option<Range<usize>> {
        let start = usize::try_from(at.checked_sub(self.at)?).ok()?;
        let end = start.checked_add(usize::try_from(len).ok()?)?;
        (end <= self.bytes.len()).then_some(start..end)
    }
}

/// The files of a store's folder.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    pub folder: PathBuf,
    pub segments: PathBuf,
}

impl Paths {
    pub(super) fn new(folder: &Path) -> Paths {
        Paths {
            folder: folder.to_owned(),
            segments: folder.join("segments"),
        }
    }

    pub(super) fn closed(&self) -> PathBuf {
        self.folder.join("CLOSED")
    }

    pub(super) fn log(&self, number: u32) -> PathBuf {
        self.segments.join(format!("{number:08}.log"))
    }

    pub(super) fn index(&self, number: u32) -> PathBuf {
        self.segments.join(format!("{number:08}.index"))
    }
}

/// Bytes of a segment that holds nothing.
pub(super) fn is_empty(end: u64) -> bool {
    end <= SEGMENT_HEADER
}
