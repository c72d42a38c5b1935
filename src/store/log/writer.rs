//! The writer thread's work: encode a group, write it, sync it, publish it; begin a new segment
//! when one is full or can no longer be trusted.

use super::disk::DiskFile;
use super::format::{Frame, SEGMENT_HEADER, SegmentHeader};
use super::group::{Change, Encoded, Group};
use super::open::note_closed;
use super::segment::Segment;
use super::tidy::{Job, Tidy};
use super::{Durability, MAX_COMMIT, Shared};
use crate::model::path::StreamKey;
use crate::store::StoreError;
use crate::store::queue::{Order, Queue, Told, Writer};
use rustc_hash::FxHashSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Small commits are written into space that was filled with zeros before, so that syncing them
/// need not change the file's size or extents: on ext4 that costs a journal commit each time.
const AHEAD: u64 = 1 << 20;

/// The buffer is used again for commits up to this size.
const KEPT: usize = 1 << 20;

/// The writer of a log.
pub(super) struct LogWriter {
    pub shared: Arc<Shared>,
    pub queue: Arc<Queue>,
    pub tidy: Tidy,
    pub place: Place,
    pub last_stream: u32,
    pub buffer: Vec<u8>,
}

/// Where the next commit goes.
pub(super) enum Place {
    Segment(Active),
    /// Into a new segment: the one of this number ends here for good.
    Behind(u32, u64),
}

/// The segment that is written to.
pub(super) struct Active {
    pub segment: Arc<Segment>,
    /// Where the next commit goes; everything before is published.
    pub end: u64,
    /// Everything before is durable.
    pub durable: u64,
    /// Up to here there is space made ahead.
    pub filled: u64,
    pub commits: u64,
    /// Streams that it names.
    pub declared: FxHashSet<u32>,
}

enum Failed {
    /// Nothing was made durable, and the file can be cut back.
    Write(io::Error),
    /// What the disk holds of the last commit cannot be known.
    Sync(io::Error),
}

impl Writer for LogWriter {
    fn commit(&mut self, orders: Vec<Order>) -> Vec<Told> {
        if let Some(why) = &self.shared.read_only {
            let error = StoreError::ReadOnly(why.clone());
            return refuse(orders, &error);
        }
        let size: usize = orders.iter().map(Order::size).sum();
        if size > MAX_COMMIT {
            // Groups are cut long before; this is one order.
            let what = format!("{size} bytes to be stored at once; at most {MAX_COMMIT} can be");
            return refuse(orders, &StoreError::Write(what));
        }
        if let Err(error) = self.make_room(size as u64) {
            let error = self.failed("begin a segment", &error);
            return refuse(orders, &error);
        }
        let Place::Segment(active) = &mut self.place else {
            return refuse(
                orders,
                &StoreError::Write("no segment to write to".to_owned()),
            );
        };
        let (mut told, encoded) = {
            let catalog = self.shared.catalog();
            let buffer = std::mem::take(&mut self.buffer);
            let frame = Frame::begin(buffer, active.segment.seal, active.end);
            let number = active.segment.number;
            let mut group = Group::new(&catalog, number, &active.declared, self.last_stream, frame);
            let told: Vec<Told> = orders.into_iter().map(|order| group.take(order)).collect();
            (told, group.finish())
        };
        if encoded.frame.is_empty() {
            self.buffer = encoded.frame.discard();
            return told;
        }
        if let Err(error) = self.write(encoded) {
            let (error, streams) = error;
            // What waits behind counts on these.
            let behind = self.queue.withdraw(
                |order| matches!(order, Order::Append(batch) if streams.contains(&batch.stream)),
            );
            for (_, result) in &mut told {
                if result.is_ok() {
                    *result = Err(error.clone());
                }
            }
            told.extend(refuse(behind, &error));
        }
        told
    }

    fn close(&mut self) {
        let (number, end) = match &self.place {
            Place::Segment(active) => {
                if active.durable < active.end
                    && let Err(error) = active.segment.file.sync()
                {
                    tracing::error!("the last events may not be durable: {error}");
                    return;
                }
                (active.segment.number, active.end)
            }
            Place::Behind(number, end) => (*number, *end),
        };
        // In a damaged log ends are guesses.
        if self.shared.read_only.is_none()
            && let Err(error) = note_closed(&self.shared, number, end)
        {
            tracing::warn!("cannot note that the store was closed: {error}");
        }
    }
}

impl LogWriter {
    /// Writes and publishes a group, or gives back why not and the streams it was about.
    fn write(&mut self, encoded: Encoded) -> Result<(), (StoreError, Vec<StreamKey>)> {
        let Encoded {
            frame,
            changes,
            declares,
            last_stream,
            streams,
        } = encoded;
        let Place::Segment(active) = &mut self.place else {
            return Ok(());
        };
        let bytes = frame.finish(active.commits + 1, active.durable);
        let written = active.write(&bytes, &self.shared);
        if bytes.capacity() <= KEPT {
            self.buffer = bytes;
        }
        match written {
            Ok(()) => {
                active.declared.extend(declares);
                self.last_stream = last_stream;
                let destroyed = changes.iter().any(|c| matches!(c, Change::Destroyed(..)));
                self.shared.catalog_mut().publish(changes);
                if destroyed {
                    self.tidy.send(Job::Sweep);
                }
                Ok(())
            }
            Err(Failed::Write(error)) => {
                self.cut_back();
                Err((self.failed("write", &error), streams))
            }
            Err(Failed::Sync(error)) => {
                self.leave();
                Err((self.failed("sync", &error), streams))
            }
        }
    }

    /// Takes what a failed write left out of the file, or else leaves the segment.
    fn cut_back(&mut self) {
        if let Place::Segment(active) = &mut self.place {
            active.filled = active.end;
            if active.segment.file.set_len(active.end).is_err() {
                self.leave();
            }
        }
    }

    /// After a failed sync the system may take pages for clean that never reached the disk, so
    /// nothing is written here any more. What was durable before stays where it is; the next
    /// segment's header says where that ends.
    fn leave(&mut self) {
        if let Place::Segment(active) = &self.place {
            let (number, end) = (active.segment.number, active.end);
            self.place = Place::Behind(number, end);
            self.tidy.send(Job::Finished(number, end));
        }
    }

    /// Sees to it that there is a segment with room.
    fn make_room(&mut self, size: u64) -> io::Result<()> {
        if let Place::Segment(active) = &mut self.place {
            let end = active.end;
            if end <= SEGMENT_HEADER || end + size <= self.shared.options.segment_bytes {
                return Ok(());
            }
            if active.durable < end {
                active.segment.file.sync()?;
                active.durable = end;
            }
            // Only gives back the space made ahead.
            let _ = active.segment.file.set_len(end);
            // From here on the new segment may exist and say where this one ends.
            self.leave();
        }
        if let Place::Behind(number, end) = self.place {
            let segment = create(&self.shared, number + 1, end)?;
            let segments = &mut self.shared.catalog_mut().segments;
            segments.insert(segment.number, Arc::clone(&segment));
            self.place = Place::Segment(Active::new(segment));
        }
        Ok(())
    }

    fn failed(&self, what: &str, error: &io::Error) -> StoreError {
        let folder = self.shared.paths.folder.display();
        let error = StoreError::Write(format!("cannot {what} in {folder}: {error}"));
        tracing::error!("{error}");
        error
    }
}

impl Active {
    pub(super) fn new(segment: Arc<Segment>) -> Active {
        Active {
            segment,
            end: SEGMENT_HEADER,
            durable: SEGMENT_HEADER,
            filled: SEGMENT_HEADER,
            commits: 0,
            declared: FxHashSet::default(),
        }
    }

    fn write(&mut self, bytes: &[u8], shared: &Shared) -> Result<(), Failed> {
        let file = &*self.segment.file;
        file.write_full(bytes, self.end).map_err(Failed::Write)?;
        let end = self.end + bytes.len() as u64;
        if end > self.filled {
            self.filled = end + fill(file, end, bytes.len() as u64, shared);
        }
        if shared.options.durability == Durability::Fsync {
            file.sync().map_err(Failed::Sync)?;
            self.durable = end;
        }
        self.end = end;
        self.commits += 1;
        Ok(())
    }
}

/// Makes space behind a small commit; how much. Without any, commits only take longer.
fn fill(file: &dyn DiskFile, end: u64, commit: u64, shared: &Shared) -> u64 {
    static ZEROS: [u8; AHEAD as usize] = [0; AHEAD as usize];
    let ahead = AHEAD.min(shared.options.segment_bytes.saturating_sub(end));
    if commit > AHEAD / 4 || shared.options.durability == Durability::Os {
        return 0;
    }
    let zeros = &ZEROS[..usize::try_from(ahead).unwrap_or(0)];
    match file.write_full(zeros, end) {
        Ok(()) => ahead,
        Err(_) => 0,
    }
}

fn refuse(orders: Vec<Order>, error: &StoreError) -> Vec<Told> {
    let orders = orders.into_iter();
    orders
        .map(|order| (order.into_done(), Err(error.clone())))
        .collect()
}

/// Begins a segment, durably.
pub(super) fn create(shared: &Shared, number: u32, previous_end: u64) -> io::Result<Arc<Segment>> {
    let header = SegmentHeader {
        number,
        salt: salt()?,
        previous_end,
        own_end: 0,
    };
    let path = shared.paths.log(number);
    let file = create_with(shared, &path, &header)?;
    file.sync()?;
    shared.disk.sync_folder(&shared.paths.segments)?;
    Ok(Arc::new(Segment::new(header, file)))
}

/// A file that begins with a segment's header.
pub(super) fn create_with(
    shared: &Shared,
    path: &Path,
    header: &SegmentHeader,
) -> io::Result<Arc<dyn DiskFile>> {
    let file = shared.disk.create(path)?;
    file.write_full(&header.encode(), 0)?;
    Ok(file)
}

pub(super) fn salt() -> io::Result<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(u64::from_le_bytes(bytes))
}
