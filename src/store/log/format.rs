//! The bytes of a segment: its header, the header that every record has, and a commit of records.
//! See the head of [`super`] for the layout.

use crate::model::event::Millis;
use crate::model::offset::Offset;
use crc32c::{crc32c, crc32c_append};

/// What this release writes, and the newest that it reads.
pub(super) const VERSION: u32 = 1;
/// Bytes of a segment before its first commit.
pub(super) const SEGMENT_HEADER: u64 = 64;
/// Bytes of a record before its body.
pub(super) const HEADER: usize = 40;
/// Records start at multiples of this.
pub(super) const ALIGN: usize = 8;

const MAGIC: [u8; 8] = *b"evtuilog";
const HAS_KEY: u8 = 1;

/// The first bytes of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub number: u32,
    /// Goes into every checksum of the segment, so that no bytes of elsewhere pass for its own.
    pub salt: u64,
    /// Where the segment before ended when this one was begun; what stands behind is no part of it.
    pub previous_end: u64,
    /// Where this segment ends, if it was written in one piece; else 0.
    pub own_end: u64,
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> [u8; SEGMENT_HEADER as usize] {
        let mut bytes = [0; SEGMENT_HEADER as usize];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.salt.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.previous_end.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.own_end.to_le_bytes());
        let crc = crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<SegmentHeader> {
        let bytes = bytes.get(..SEGMENT_HEADER as usize)?;
        let right = bytes[..8] == MAGIC
            && u32_at(bytes, 8) == VERSION
            && u32_at(bytes, 60) == crc32c(&bytes[..60]);
        right.then(|| SegmentHeader {
            number: u32_at(bytes, 12),
            salt: u64_at(bytes, 16),
            previous_end: u64_at(bytes, 24),
            own_end: u64_at(bytes, 32),
        })
    }
}

/// What a record is. The numbers are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The records up to its end were written and became durable together. Its offset counts the
    /// commits of the segment, its time is how much of the segment was durable before, its key
    /// length the number of records.
    Commit = 1,
    /// Gives a stream's number its name: the project as key, the path as body; time of creation.
    Stream = 2,
    Event = 3,
    Snapshot = 4,
    /// The stream of this number is no more.
    Destroyed = 5,
    /// The name as key, the value as body.
    Cell = 6,
    CellRemoved = 7,
}

impl Kind {
    fn of(number: u8) -> Option<Kind> {
        Some(match number {
            1 => Kind::Commit,
            2 => Kind::Stream,
            3 => Kind::Event,
            4 => Kind::Snapshot,
            5 => Kind::Destroyed,
            6 => Kind::Cell,
            7 => Kind::CellRemoved,
            _ => return None,
        })
    }
}

/// What stands before a record's key and body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub kind: Kind,
    pub has_key: bool,
    pub stream: u32,
    pub offset: Offset,
    pub time: Millis,
    /// Bytes of the key, which come first.
    pub key_len: u32,
    /// Bytes of key and body.
    pub body_len: u32,
    pub body_crc: u32,
}

impl Header {
    fn encode(&self, seal: Seal, position: u64) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[4..8].copy_from_slice(&self.body_crc.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.body_len.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.key_len.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.stream.to_le_bytes());
        bytes[20] = self.kind as u8;
        bytes[21] = if self.has_key { HAS_KEY } else { 0 };
        bytes[24..32].copy_from_slice(&self.offset.0.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.time.0.to_le_bytes());
        let crc = seal.of(position, &bytes[4..]);
        bytes[..4].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The header at the front of `bytes`, if it is one and belongs at this position.
    pub(super) fn decode(bytes: &[u8], seal: Seal, position: u64) -> Option<Header> {
        let bytes = bytes.get(..HEADER)?;
        // Cheap tests first: a search for the next record asks at every eighth byte.
        let kind = Kind::of(bytes[20])?;
        if bytes[21] > HAS_KEY || bytes[22] != 0 || bytes[23] != 0 {
            return None;
        }
        if u32_at(bytes, 0) != seal.of(position, &bytes[4..]) {
            return None;
        }
        Some(Header {
            kind,
            has_key: bytes[21] & HAS_KEY != 0,
            stream: u32_at(bytes, 16),
            offset: Offset(u64_at(bytes, 24)),
            time: Millis(u64_at(bytes, 32).cast_signed()),
            key_len: u32_at(bytes, 12),
            body_len: u32_at(bytes, 8),
            body_crc: u32_at(bytes, 4),
        })
    }

    /// Bytes from this record's start to the next one's; of a commit, to its first record.
    pub(super) fn len(&self) -> usize {
        match self.kind {
            Kind::Commit => HEADER,
            _ => padded(HEADER + self.body_len as usize),
        }
    }

    /// Key and body, if `bytes` (all of the body) is what was written.
    pub(super) fn split<'a>(&self, bytes: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let right = bytes.len() == self.body_len as usize && crc32c(bytes) == self.body_crc;
        right
            .then(|| bytes.split_at_checked(self.key_len as usize))
            .flatten()
    }
}

/// What binds checksums to one segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seal(u32);

impl Seal {
    pub(super) fn new(salt: u64) -> Seal {
        Seal(crc32c(&salt.to_le_bytes()))
    }

    fn of(self, position: u64, bytes: &[u8]) -> u32 {
        crc32c_append(crc32c_append(self.0, &position.to_le_bytes()), bytes)
    }
}

/// A commit in the making.
pub(super) struct Frame {
    bytes: Vec<u8>,
    seal: Seal,
    position: u64,
    records: u32,
}

/// What one record says; see [`Kind`].
pub(super) struct Entry<'a> {
    pub kind: Kind,
    pub stream: u32,
    pub offset: Offset,
    pub time: Millis,
    pub key: Option<&'a [u8]>,
    pub body: &'a [u8],
}

impl Frame {
    /// Begins a commit that will stand at this position of a segment, in a used buffer.
    pub(super) fn begin(mut bytes: Vec<u8>, seal: Seal, position: u64) -> Frame {
        bytes.clear();
        bytes.resize(HEADER, 0);
        Frame {
            bytes,
            seal,
            position,
            records: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records == 0
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a record; gives back its position and its length with the padding.
    pub(super) fn push(&mut self, entry: &Entry<'_>) -> (u32, u32) {
        let key = entry.key.unwrap_or_default();
        let start = self.bytes.len();
        let position = self.position + start as u64;
        let header = Header {
            kind: entry.kind,
            has_key: entry.key.is_some(),
            stream: entry.stream,
            offset: entry.offset,
            time: entry.time,
            key_len: truncated(key.len()),
            body_len: truncated(key.len() + entry.body.len()),
            body_crc: crc32c_append(crc32c(key), entry.body),
        };
        self.bytes
            .extend_from_slice(&header.encode(self.seal, position));
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(entry.body);
        self.bytes.resize(padded(self.bytes.len()), 0);
        self.records += 1;
        let length = self.bytes.len() - start;
        (truncated_position(position), truncated(length))
    }

    /// The bytes to write at the position; `durable` is how much of the segment already is.
    pub(super) fn finish(mut self, commit: u64, durable: u64) -> Vec<u8> {
        let payload = &self.bytes[HEADER..];
        let header = Header {
            kind: Kind::Commit,
            has_key: false,
            stream: 0,
            offset: Offset(commit),
            time: Millis(durable.cast_signed()),
            key_len: self.records,
            body_len: truncated(payload.len()),
            body_crc: crc32c(payload),
        };
        let header = header.encode(self.seal, self.position);
        self.bytes[..HEADER].copy_from_slice(&header);
        self.bytes
    }

    /// The buffer, to be used again.
    pub(super) fn discard(self) -> Vec<u8> {
        self.bytes
    }
}

/// The next position that a record may have.
pub(super) fn padded(len: usize) -> usize {
    len.next_multiple_of(ALIGN)
}

/// A length in a commit; the writer keeps commits below [`super::MAX_COMMIT`].
#[allow(clippy::cast_possible_truncation)]
fn truncated(len: usize) -> u32 {
    debug_assert!(u32::try_from(len).is_ok());
    len as u32
}

/// A position in a segment, which the writer keeps below 4 GiB.
#[allow(clippy::cast_possible_truncation)]
fn truncated_position(position: u64) -> u32 {
    debug_assert!(u32::try_from(position).is_ok());
    position as u32
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(four)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}
