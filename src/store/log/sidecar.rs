//! A finished segment's index in a file beside it, so that opening need not read the segment. Only
//! ever a copy: missing, damaged or of another segment, it is made anew.

use super::disk::{Disk, DiskFile};
use super::format::VERSION;
use super::index::{Cell, Index, Keys, Name, Run, SnapshotPlace, Stream};
use super::scan::stream_key;
use super::segment::Segment;
use crate::model::event::Millis;
use crate::model::offset::Offset;
use bytes::Bytes;
use crc32c::crc32c;
use std::io;
use std::path::Path;

const MAGIC: [u8; 8] = *b"evtuiidx";

/// Writes the index of a segment that ends at `end`. A crash midway leaves no sidecar, or one
/// whose checksum is wrong.
///
/// # Errors
/// Writing fails.
pub(super) fn save(
    disk: &dyn Disk,
    path: &Path,
    segment: &Segment,
    end: u64,
    index: &Index,
) -> io::Result<()> {
    let mut out = Out(Vec::new());
    out.0.extend_from_slice(&MAGIC);
    out.u32(VERSION);
    out.u64(segment.header.salt);
    out.u64(end);
    out.index(index);
    let crc = crc32c(&out.0);
    out.u32(crc);
    let part = path.with_extension("part");
    disk.create(&part)?.write_full(&out.0, 0)?;
    disk.rename(&part, path)
}

/// The index of a segment that ends at `end`; `None` when there is none that can be used.
pub(super) fn load(file: &dyn DiskFile, segment: &Segment, end: u64) -> Option<Index> {
    let mut bytes = vec![0; usize::try_from(file.len().ok()?).ok()?];
    let read = file.read_full(&mut bytes, 0).ok()?;
    bytes.truncate(read);
    let (content, crc) = bytes.split_last_chunk::<4>()?;
    if u32::from_le_bytes(*crc) != crc32c(content) {
        return None;
    }
    let mut from = In(content);
    let right = from.take(8)? == MAGIC
        && from.u32()? == VERSION
        && from.u64()? == segment.header.salt
        && from.u64()? == end;
    right.then(|| from.index(segment.number)).flatten()
}

/// Little-endian numbers; texts and lists after their length.
struct Out(Vec<u8>);

impl Out {
    fn u32(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn u64(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn len(&mut self, len: usize) {
        self.u64(len as u64);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.len(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn index(&mut self, index: &Index) {
        self.u32(index.last_stream);
        self.len(index.destroyed.len());
        for stream in &index.destroyed {
            self.u32(*stream);
        }
        self.len(index.removed.len());
        for name in &index.removed {
            self.bytes(name.as_bytes());
        }
        self.len(index.cells.len());
        for (name, cell) in &index.cells {
            self.bytes(name.as_bytes());
            self.bytes(&cell.value);
            self.u32(cell.position);
        }
        self.len(index.streams.len());
        for (number, stream) in &index.streams {
            self.u32(*number);
            self.stream(stream);
        }
    }

    fn stream(&mut self, stream: &Stream) {
        let name = stream.name.as_ref();
        self.u32(u32::from(name.is_some()));
        if let Some(name) = name {
            self.bytes(name.key.project.as_str().as_bytes());
            self.bytes(name.key.path.as_str().as_bytes());
            self.u64(name.created_at.0.cast_unsigned());
        }
        self.u64(stream.last_at.0.cast_unsigned());
        self.u32(u32::from(stream.snapshot.is_some()));
        if let Some(snapshot) = &stream.snapshot {
            self.u32(snapshot.position);
            self.u32(snapshot.length);
        }
        self.len(stream.runs.len());
        for run in &stream.runs {
            self.u64(run.first.0);
            self.u64(run.bytes);
            self.len(run.positions.len());
            for position in &run.positions {
                self.u32(*position);
            }
            let (hashes, rows): (&[u64], &[u32]) = match &run.keys {
                Keys::Sorted(hashes, rows) => (hashes, rows),
                // A scan of a finished segment sorts them.
                Keys::Growing(..) => (&[], &[]),
            };
            self.len(hashes.len());
            for hash in hashes {
                self.u64(*hash);
            }
            for row in rows {
                self.u32(*row);
            }
        }
    }
}

/// What is left to read. Everything is `None` when it ends too early, or is no number or text.
struct In<'a>(&'a [u8]);

impl<'a> In<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*number))
    }

    fn u64(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*number))
    }

    fn len(&mut self) -> Option<usize> {
        usize::try_from(self.u64()?).ok()
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.len()?;
        self.take(len)
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?.to_vec()).ok()
    }

    fn u32s(&mut self, count: usize) -> Option<Vec<u32>> {
        let bytes = self.take(count.checked_mul(4)?)?;
        let (chunks, _) = bytes.as_chunks::<4>();
        Some(chunks.iter().map(|c| u32::from_le_bytes(*c)).collect())
    }

    fn u64s(&mut self, count: usize) -> Option<Vec<u64>> {
        let bytes = self.take(count.checked_mul(8)?)?;
        let (chunks, _) = bytes.as_chunks::<8>();
        Some(chunks.iter().map(|c| u64::from_le_bytes(*c)).collect())
    }

    fn index(&mut self, segment: u32) -> Option<Index> {
        let mut index = Index {
            last_stream: self.u32()?,
            ..Index::default()
        };
        let destroyed = self.len()?;
        index.destroyed = self.u32s(destroyed)?;
        for _ in 0..self.len()? {
            let name = self.text()?;
            index.removed.insert(name);
        }
        for _ in 0..self.len()? {
            let name = self.text()?;
            let value = Bytes::copy_from_slice(self.bytes()?);
            let position = self.u32()?;
            index.cells.insert(
                name,
                Cell {
                    value,
                    segment,
                    position,
                },
            );
        }
        for _ in 0..self.len()? {
            let number = self.u32()?;
            let stream = self.stream(segment)?;
            index.streams.insert(number, stream);
        }
        self.0.is_empty().then_some(index)
    }

    fn stream(&mut self, segment: u32) -> Option<Stream> {
        let name = match self.u32()? {
            0 => None,
            _ => Some(Name {
                key: stream_key(self.bytes()?, self.bytes()?)?,
                created_at: Millis(self.u64()?.cast_signed()),
            }),
        };
        let last_at = Millis(self.u64()?.cast_signed());
        let snapshot = match self.u32()? {
            0 => None,
            _ => Some(SnapshotPlace {
                segment,
                position: self.u32()?,
                length: self.u32()?,
            }),
        };
        let mut runs = Vec::new();
        for _ in 0..self.len()? {
            let (first, bytes) = (Offset(self.u64()?), self.u64()?);
            let positions = self.len()?;
            let positions = self.u32s(positions)?;
            let keys = self.len()?;
            let hashes = self.u64s(keys)?.into_boxed_slice();
            let rows = self.u32s(keys)?.into_boxed_slice();
            runs.push(Run {
                segment,
                first,
                positions,
                keys: Keys::Sorted(hashes, rows),
                bytes,
            });
        }
        Some(Stream {
            name,
            last_at,
            runs,
            snapshot,
        })
    }
}
