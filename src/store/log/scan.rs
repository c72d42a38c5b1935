//! Reads a segment from front to end: what it holds, where it ends, what of it is torn or damaged.

use super::format::{ALIGN, HEADER, Header, Kind, SEGMENT_HEADER, padded};
use super::index::{Cell, EventPlace, Index, Name, SnapshotPlace, key_hash};
use super::segment::Segment;
use crate::model::path::StreamKey;
use std::io;
use std::ops::Range;

/// What a segment was found to hold.
pub(super) struct Scan {
    pub index: Index,
    /// Where the next commit goes.
    pub end: u64,
    /// Up to here it was durable when its last commit was written.
    pub durable: u64,
    /// Commits up to the end.
    pub commits: u64,
    /// Bytes behind the end that a commit that never became durable has left.
    pub torn: u64,
    /// Bytes that are damaged so that it cannot be told what they held.
    pub holes: Vec<Range<u64>>,
}

/// What is known of a segment's end.
#[derive(Clone, Copy)]
pub(super) enum End {
    /// It ends here.
    At(u64),
    /// It is the last one, and was durable at least up to here.
    Behind(u64),
}

/// Reads a segment.
///
/// # Errors
/// Reading fails.
pub(super) fn scan(segment: &Segment, end: End) -> io::Result<Scan> {
    let len = segment.file.len()?;
    let (limit, least) = match end {
        End::At(end) => (end.min(len), end),
        End::Behind(least) => (len, least),
    };
    let mut bytes = vec![0; usize::try_from(limit).map_err(io::Error::other)?];
    let read = segment.file.read_full(&mut bytes, 0)?;
    bytes.truncate(read);
    let mut reader = Reader {
        segment,
        bytes: &bytes,
        scan: Scan {
            index: Index::default(),
            end: SEGMENT_HEADER,
            durable: SEGMENT_HEADER,
            commits: 0,
            torn: 0,
            holes: Vec::new(),
        },
    };
    reader.commits(usize::try_from(least).map_err(io::Error::other)?);
    let mut scan = reader.scan;
    if len < least {
        scan.holes.push(len.max(SEGMENT_HEADER)..least);
    }
    if let End::At(_) = end {
        scan.index.settle();
    }
    Ok(scan)
}

struct Reader<'a> {
    segment: &'a Segment,
    bytes: &'a [u8],
    scan: Scan,
}

impl Reader<'_> {
    /// Only behind `least` anything can be torn, or not have been written.
    fn commits(&mut self, least: usize) {
        let mut at = SEGMENT_HEADER as usize;
        while at < self.bytes.len() {
            if let Some(commit) = self.commit(at) {
                let records = at + HEADER..at + HEADER + commit.body_len as usize;
                self.records(records.clone(), true);
                self.scan.durable = u64::try_from(commit.time.0).unwrap_or(0);
                self.scan.commits = commit.offset.0;
                at = padded(records.end);
                self.scan.end = at as u64;
                continue;
            }
            if at >= least && self.bytes[at..].iter().all(|b| *b == 0) {
                break;
            }
            let next = self.next_commit(at + ALIGN);
            if at >= least && !self.was_durable(at, next) {
                let used = self.bytes.iter().rposition(|b| *b != 0);
                self.scan.torn = used.map_or(0, |last| last + 1 - at) as u64;
                break;
            }
            let next = next.unwrap_or(match at < least {
                true => least.min(self.bytes.len()),
                false => self.bytes.len(),
            });
            self.records(at..next, false);
            at = next;
            self.scan.end = at as u64;
        }
    }

    /// The commit at a position, if all of it is as it was written.
    fn commit(&self, at: usize) -> Option<Header> {
        let header = self.header(at).filter(|h| h.kind == Kind::Commit)?;
        let start = at + HEADER;
        let payload = self.bytes.get(start..start + header.body_len as usize)?;
        (crc32c::crc32c(payload) == header.body_crc).then_some(header)
    }

    fn header(&self, at: usize) -> Option<Header> {
        Header::decode(self.bytes.get(at..)?, self.segment.seal, at as u64)
    }

    fn next_commit(&self, from: usize) -> Option<usize> {
        (from..self.bytes.len())
            .step_by(ALIGN)
            .find(|at| self.commit(*at).is_some())
    }

    /// True when a commit behind `at` was written after what stands at `at` had become durable:
    /// then that is no torn write, but was damaged later.
    fn was_durable(&self, at: usize, mut next: Option<usize>) -> bool {
        while let Some(position) = next {
            let Some(commit) = self.commit(position) else {
                return false;
            };
            if commit.time.0 > at as i64 {
                return true;
            }
            next = self.next_commit(position + HEADER + commit.body_len as usize);
        }
        false
    }

    /// Takes in the records in a range, which may be damaged if that is not `known` to be right.
    fn records(&mut self, range: Range<usize>, known: bool) {
        let mut at = range.start;
        while at < range.end {
            match self.header(at) {
                Some(header) if at + header.len() <= padded(range.end) => {
                    if !self.record(at, &header, known) {
                        self.hole(at..at + header.len());
                    }
                    at += header.len();
                }
                _ => at = self.skip(at, &range),
            }
        }
    }

    /// Goes on to the next thing that is a record, and notes what was lost.
    fn skip(&mut self, at: usize, range: &Range<usize>) -> usize {
        let next = (at + ALIGN..range.end)
            .step_by(ALIGN)
            .find(|at| self.header(*at).is_some())
            .unwrap_or(range.end);
        // The header of a commit says nothing that its records do not.
        if at != range.start || next != at + HEADER {
            self.hole(at..next);
        }
        next
    }

    fn hole(&mut self, range: Range<usize>) {
        self.scan.holes.push(range.start as u64..range.end as u64);
    }

    /// Takes in one record. `false` when it is damaged, and not known what it said.
    fn record(&mut self, at: usize, header: &Header, known: bool) -> bool {
        let index = &mut self.scan.index;
        let segment = self.segment.number;
        let Ok(position) = u32::try_from(at) else {
            return false;
        };
        let body = self
            .bytes
            .get(at + HEADER..at + HEADER + header.body_len as usize)
            .and_then(|bytes| match known {
                true => bytes.split_at_checked(header.key_len as usize),
                false => header.split(bytes),
            });
        match (header.kind, body) {
            (Kind::Commit, _) => true,
            // Its place is known, so that reading it says what is wrong; its key is not.
            (Kind::Event, body) => {
                let key = body.map(|(key, _)| key).filter(|_| header.has_key);
                index.last_stream = index.last_stream.max(header.stream);
                let stream = index.streams.entry(header.stream).or_default();
                if header.offset > stream.last() {
                    stream.add_event(&EventPlace {
                        segment,
                        position,
                        length: u32::try_from(header.len()).unwrap_or(u32::MAX),
                        offset: header.offset,
                        time: header.time,
                        key_hash: key.map(key_hash),
                    });
                }
                true
            }
            (Kind::Destroyed, Some(_)) => {
                index.destroy(header.stream);
                true
            }
            // It only saves work.
            (Kind::Snapshot, None) => true,
            (Kind::Snapshot, Some(_)) => {
                let stream = index.streams.entry(header.stream).or_default();
                stream.snapshot = Some(SnapshotPlace {
                    segment,
                    position,
                    length: u32::try_from(header.len()).unwrap_or(u32::MAX),
                });
                true
            }
            (Kind::Stream, Some((project, path))) => {
                let Some(key) = stream_key(project, path) else {
                    return false;
                };
                let created_at = header.time;
                index.declare(header.stream, Name { key, created_at });
                true
            }
            (Kind::Cell, Some((name, value))) => {
                let Ok(name) = String::from_utf8(name.to_vec()) else {
                    return false;
                };
                let value = bytes::Bytes::copy_from_slice(value);
                index.set_cell(
                    name,
                    Cell {
                        value,
                        segment,
                        position,
                    },
                );
                true
            }
            (Kind::CellRemoved, Some((name, _))) => match String::from_utf8(name.to_vec()) {
                Ok(name) => {
                    index.remove_cell(name);
                    true
                }
                Err(_) => false,
            },
            (Kind::Stream | Kind::Destroyed | Kind::Cell | Kind::CellRemoved, None) => false,
        }
    }
}

pub(super) fn stream_key(project: &[u8], path: &[u8]) -> Option<StreamKey> {
    Some(StreamKey {
        project: std::str::from_utf8(project).ok()?.parse().ok()?,
        path: std::str::from_utf8(path).ok()?.parse().ok()?,
    })
}
