//! Opening a store's folder: the lock, the version, the segments, and what a crash left behind.

use super::disk::Disk;
use super::format::{SEGMENT_HEADER, SegmentHeader, VERSION};
use super::index::{Catalog, Index};
use super::scan::{End, Scan, scan};
use super::segment::{Paths, Segment};
use super::tidy::{Job, Tidy};
use super::writer::{Active, LogWriter, Place, create};
use super::{Durability, GROUP, LogStore, Options, Shared, sidecar};
use crate::store::queue::{Queue, Worker};
use crc32c::crc32c;
use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

/// Why a folder cannot be opened as a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is in use.
    #[error("{}: another process has this store open", .0.display())]
    Locked(PathBuf),
    /// A later release wrote it.
    #[error(
        "{}: written by a newer evtui (format {found}; this one reads formats up to {VERSION})",
        .folder.display()
    )]
    Newer {
        /// The store's folder.
        folder: PathBuf,
        /// The version that it has.
        found: u32,
    },
    /// There is something else in it, or nothing where something was asked for.
    #[error("{}: no evtui store: {why}", .folder.display())]
    NoStore {
        /// The folder.
        folder: PathBuf,
        /// What was found instead.
        why: String,
    },
    /// The system refuses.
    #[error("{}: {error}", .path.display())]
    Io {
        /// What could not be read or written.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |error| OpenError::Io { path, error }
}

/// Opens a store, or makes one.
pub(super) fn open(
    disk: Arc<dyn Disk>,
    folder: &Path,
    options: Options,
) -> Result<LogStore, OpenError> {
    let paths = Paths::new(folder);
    if options.create {
        fs::create_dir_all(folder).map_err(at(folder))?;
    } else if !folder.join("FORMAT").exists() {
        let why = "it has no FORMAT file".to_owned();
        let folder = folder.to_owned();
        return Err(OpenError::NoStore { folder, why });
    }
    let lock = lock(folder)?;
    check_format(&*disk, &paths)?;
    fs::create_dir_all(&paths.segments).map_err(at(&paths.segments))?;

    let mut shared = Shared {
        catalog: RwLock::default(),
        disk,
        paths,
        options,
        read_only: None,
        _lock: lock,
    };
    let mut recovery = Recovery {
        shared: &shared,
        catalog: Catalog::default(),
        ends: BTreeMap::new(),
        unindexed: Vec::new(),
        damage: Vec::new(),
        closed: closed(&shared.paths.closed()),
    };
    let place = recovery.run()?;
    let Recovery {
        mut catalog,
        ends,
        unindexed,
        damage,
        ..
    } = recovery;
    for (number, stream) in &catalog.index.streams {
        if let Some(name) = &stream.name {
            catalog.names.insert(name.key.clone(), *number);
        }
    }
    let last_stream = catalog.index.last_stream;
    shared.catalog = RwLock::new(catalog);
    if !damage.is_empty() {
        let why = format!(
            "{}: {}; what was stored there is lost and cannot be told, so nothing is added. \
             Streams can be read and exported",
            shared.paths.folder.display(),
            damage.join("; ")
        );
        tracing::error!("{why}");
        shared.read_only = Some(why);
    }
    let shared = Arc::new(shared);
    let queue = Arc::new(Queue::default());
    let tidy = Tidy::start(Arc::clone(&shared), ends.clone()).map_err(at(folder))?;
    for number in unindexed {
        if let Some(end) = ends.get(&number) {
            tidy.send(Job::Finished(number, *end));
        }
    }
    let writer = LogWriter {
        shared: Arc::clone(&shared),
        queue: Arc::clone(&queue),
        tidy,
        place,
        last_stream,
        buffer: Vec::new(),
    };
    let worker = Worker::start(GROUP, queue, writer).map_err(at(folder))?;
    Ok(LogStore { worker, shared })
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join("LOCK");
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(at(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(at(&path)(error)),
    }
}

/// Reads the version, or writes it into a new store.
fn check_format(disk: &dyn Disk, paths: &Paths) -> Result<(), OpenError> {
    let path = paths.folder.join("FORMAT");
    let folder = || paths.folder.clone();
    match fs::read_to_string(&path) {
        Ok(text) => {
            let version = text
                .strip_prefix("evtui log ")
                .and_then(|rest| rest.trim_end().parse::<u32>().ok());
            match version {
                Some(found) if found > VERSION => Err(OpenError::Newer {
                    folder: folder(),
                    found,
                }),
                Some(VERSION) => Ok(()),
                _ => Err(OpenError::NoStore {
                    folder: folder(),
                    why: format!("its FORMAT file says {:?}", text.trim_end()),
                }),
            }
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            if paths.segments.exists() {
                return Err(OpenError::NoStore {
                    folder: folder(),
                    why: "it has segments, but no FORMAT file".to_owned(),
                });
            }
            let part = path.with_extension("part");
            let text = format!("evtui log {VERSION}\n");
            (|| {
                let file = disk.create(&part)?;
                file.write_full(text.as_bytes(), 0)?;
                file.sync()?;
                disk.rename(&part, &path)?;
                disk.sync_folder(&paths.folder)
            })()
            .map_err(at(&path))
        }
        Err(error) => Err(at(&path)(error)),
    }
}

/// Notes how far the log went when it was closed: nothing before that is torn, if it is damaged
/// when it is opened again. Outdated after a crash, but never wrong.
pub(super) fn note_closed(shared: &Shared, number: u32, end: u64) -> io::Result<()> {
    let path = shared.paths.closed();
    let part = path.with_extension("part");
    let place = format!("{number} {end}");
    let text = format!("{place} {:08x}\n", crc32c(place.as_bytes()));
    let file = shared.disk.create(&part)?;
    file.write_full(text.as_bytes(), 0)?;
    file.sync()?;
    shared.disk.rename(&part, &path)
}

fn closed(path: &Path) -> Option<(u32, u64)> {
    let text = fs::read_to_string(path).ok()?;
    let (place, crc) = text.trim_end().rsplit_once(' ')?;
    if u32::from_str_radix(crc, 16).ok()? != crc32c(place.as_bytes()) {
        return None;
    }
    let (number, end) = place.split_once(' ')?;
    Some((number.parse().ok()?, end.parse().ok()?))
}

struct Recovery<'a> {
    shared: &'a Shared,
    catalog: Catalog,
    /// Where finished segments end.
    ends: BTreeMap<u32, u64>,
    /// Finished segments without a usable sidecar.
    unindexed: Vec<u32>,
    /// What cannot be made good.
    damage: Vec<String>,
    /// The last segment and its end when the store was last closed.
    closed: Option<(u32, u64)>,
}

impl Recovery<'_> {
    fn run(&mut self) -> Result<Place, OpenError> {
        let mut segments = self.segments()?;
        let newest = segments.last_key_value().map(|(number, _)| *number);
        if let Some((closed, _)) = self.closed.filter(|(closed, _)| newest < Some(*closed)) {
            self.damage.push(format!("segment {closed} is missing"));
        }
        let Some(last) = newest else {
            let path = self.shared.paths.segments.clone();
            self.shared
                .disk
                .sync_folder(&self.shared.paths.folder)
                .map_err(at(&path))?;
            let segment = create(self.shared, 1, SEGMENT_HEADER).map_err(at(&path))?;
            self.catalog.segments.insert(1, Arc::clone(&segment));
            return Ok(Place::Segment(Active::new(segment)));
        };
        for number in 1..last {
            let next = segments.get(&(number + 1)).and_then(Option::as_ref);
            let next_says = next.map(|s| s.header.previous_end);
            match segments.remove(&number) {
                Some(Some(segment)) => {
                    let own = Some(segment.header.own_end).filter(|end| *end > 0);
                    self.finished(segment, own.or(next_says))?;
                }
                // Its header is damaged; that is noted.
                Some(None) => {}
                None => self.damage.push(format!("segment {number} is missing")),
            }
        }
        match segments.remove(&last) {
            Some(Some(segment)) if segment.header.own_end == 0 => self.last(segment),
            Some(Some(segment)) => {
                let end = segment.header.own_end;
                self.finished(segment, Some(end))?;
                Ok(Place::Behind(last, end))
            }
            // Damage means that nothing will be written there.
            _ => Ok(Place::Behind(last, SEGMENT_HEADER)),
        }
    }

    /// All segments by number; `None` where the header cannot be used.
    fn segments(&mut self) -> Result<BTreeMap<u32, Option<Segment>>, OpenError> {
        let paths = self.shared.paths.clone();
        let disk = &self.shared.disk;
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&paths.segments).map_err(at(&paths.segments))? {
            let path = entry.map_err(at(&paths.segments))?.path();
            let number = path
                .file_stem()
                .and_then(|s| s.to_str()?.parse::<u32>().ok());
            match (path.extension().and_then(|e| e.to_str()), number) {
                (Some("log"), Some(number)) if number > 0 => numbers.push(number),
                // A file that was being written when the process ended.
                (Some("part"), Some(_)) => disk.remove(&path).map_err(at(&path))?,
                (Some("index"), Some(_)) => {}
                _ => tracing::warn!("{}: not part of the store", path.display()),
            }
        }
        numbers.sort_unstable();
        let mut segments = BTreeMap::new();
        for number in numbers.iter().copied() {
            let path = paths.log(number);
            let file = disk.open(&path).map_err(at(&path))?;
            let mut bytes = [0; SEGMENT_HEADER as usize];
            let read = file.read_full(&mut bytes, 0).map_err(at(&path))?;
            let header = SegmentHeader::decode(&bytes[..read]).filter(|h| h.number == number);
            let len = file.len().map_err(at(&path))?;
            // Its header is durable before anything is written behind it.
            let closed = self.closed.is_some_and(|(closed, _)| closed >= number);
            let newest = numbers.last() == Some(&number);
            if header.is_none() && len <= SEGMENT_HEADER && newest && !closed {
                tracing::warn!("{}: was never begun; removed", path.display());
                drop(file);
                disk.remove(&path).map_err(at(&path))?;
                disk.sync_folder(&paths.segments)
                    .map_err(at(&paths.segments))?;
                continue;
            }
            if header.is_none() {
                let what = format!("segment {number} has no usable header ({len} bytes)");
                self.damage.push(what);
            }
            segments.insert(number, header.map(|header| Segment::new(header, file)));
        }
        Ok(segments)
    }

    fn finished(&mut self, segment: Segment, end: Option<u64>) -> Result<(), OpenError> {
        let number = segment.number;
        let path = self.shared.paths.index(number);
        let index = end.and_then(|end| {
            let file = self.shared.disk.open(&path).ok()?;
            sidecar::load(&*file, &segment, end)
        });
        let len = segment.file.len().map_err(at(&path))?;
        let (index, end) = match (index, end) {
            (Some(index), Some(end)) if len >= end => (index, end),
            _ => {
                let log = self.shared.paths.log(number);
                // Without a next segment that could tell, it is read as far as it makes sense.
                let known = end.map_or(End::Behind(SEGMENT_HEADER), End::At);
                let found = scan(&segment, known).map_err(at(&log))?;
                self.note(number, &found);
                self.unindexed
                    .extend(found.holes.is_empty().then_some(number));
                let end = end.unwrap_or(found.end);
                (found.index, end)
            }
        };
        self.ends.insert(number, end);
        self.take_in(segment, index);
        Ok(())
    }

    fn take_in(&mut self, segment: Segment, index: Index) {
        let number = segment.number;
        let nameless = self.catalog.index.absorb(index);
        if !nameless.is_empty() {
            self.damage.push(format!(
                "segment {number} has events of {} streams whose names are lost",
                nameless.len()
            ));
        }
        self.catalog.segments.insert(number, Arc::new(segment));
    }

    fn note(&mut self, number: u32, found: &Scan) {
        for hole in &found.holes {
            self.damage.push(format!(
                "segment {number} is damaged from byte {} to {}",
                hole.start, hole.end
            ));
        }
    }

    /// The segment that was written to last.
    fn last(&mut self, segment: Segment) -> Result<Place, OpenError> {
        let number = segment.number;
        let path = self.shared.paths.log(number);
        let least = self.closed.filter(|(closed, _)| *closed == number);
        let least = least.map_or(SEGMENT_HEADER, |(_, end)| end);
        let found = scan(&segment, End::Behind(least)).map_err(at(&path))?;
        self.note(number, &found);
        let mut filled = segment.file.len().map_err(at(&path))?;
        if self.damage.is_empty() {
            if found.torn > 0 {
                tracing::warn!(
                    "{}: cut off {} bytes behind byte {}: a commit that was never completed",
                    path.display(),
                    found.torn,
                    found.end
                );
                segment.file.set_len(found.end).map_err(at(&path))?;
                filled = found.end;
            }
            if self.shared.options.durability == Durability::Fsync {
                secure(&segment, &found, least).map_err(at(&path))?;
            }
        }
        let declared = found.index.streams.iter();
        let declared = declared
            .filter(|(_, stream)| stream.name.is_some())
            .map(|(number, _)| *number)
            .collect();
        self.take_in(segment, found.index);
        let segment = Arc::clone(&self.catalog.segments[&number]);
        Ok(Place::Segment(Active {
            segment,
            end: found.end,
            durable: found.end,
            filled,
            commits: found.commits,
            declared,
        }))
    }
}

/// Writes the last commits once more, and syncs them: if the process ended between their write
/// and their sync, or that sync failed, the system's cache may hold what the disk does not, and
/// may take it for clean. Up to `durable` it is known not to be so: that leaves one commit, or, after
/// [`Durability::Os`], up to a whole segment.
fn secure(segment: &Segment, found: &Scan, durable: u64) -> io::Result<()> {
    let from = found.durable.max(durable).min(found.end);
    let mut bytes = vec![0; usize::try_from(found.end - from).map_err(io::Error::other)?];
    let read = segment.file.read_full(&mut bytes, from)?;
    segment.file.write_full(&bytes[..read], from)?;
    segment.file.sync()
}
