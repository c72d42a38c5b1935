//! What happens to finished segments beside the writer, on a thread of its own: each gets its
//! sidecar, and one of which less than half is still needed is written anew without the rest.

use super::format::{Entry, Frame, HEADER, Header, Kind, SEGMENT_HEADER, Seal, SegmentHeader};
use super::index::{Catalog, Index, Run};
use super::scan::{End, Scan, scan};
use super::segment::{Segment, is_empty};
use super::writer::{create_with, salt};
use super::{Shared, sidecar};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// Records copied to a new file are committed in pieces of about this size.
const PIECE: usize = 1 << 20;

/// Something to see to.
pub(super) enum Job {
    /// This segment gets no more records; it ends here.
    Finished(u32, u64),
    /// Streams were destroyed: there may be space to give back.
    Sweep,
}

/// The thread; when this is dropped, what is asked for is still done.
pub(super) struct Tidy {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Tidy {
    /// `ends`: where each finished segment ends.
    pub(super) fn start(shared: Arc<Shared>, ends: BTreeMap<u32, u64>) -> io::Result<Tidy> {
        let (jobs, todo) = channel();
        let thread = std::thread::Builder::new()
            .name("store-tidy".into())
            .spawn(move || Tidier { shared, ends }.run(&todo))?;
        Ok(Tidy {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    pub(super) fn send(&self, job: Job) {
        if let Some(jobs) = &self.jobs
            && jobs.send(job).is_err()
        {
            tracing::error!("the store's tidying thread has ended; space is not given back");
        }
    }
}

impl Drop for Tidy {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's tidying thread panicked");
        }
    }
}

struct Tidier {
    shared: Arc<Shared>,
    ends: BTreeMap<u32, u64>,
}

impl Tidier {
    fn run(mut self, todo: &Receiver<Job>) {
        while let Ok(job) = todo.recv() {
            let seen = match job {
                Job::Finished(number, end) => self.finished(number, end),
                Job::Sweep => self.sweep(),
            };
            if let Err(error) = seen {
                // Nothing is lost by it: the log stays as it is.
                tracing::warn!("tidying the store failed: {error}");
            }
        }
    }

    fn finished(&mut self, number: u32, end: u64) -> io::Result<()> {
        self.ends.insert(number, end);
        let Some(segment) = self.shared.catalog().segments.get(&number).cloned() else {
            return Ok(());
        };
        let found = scan(&segment, End::At(end))?;
        if !found.holes.is_empty() {
            return Err(damaged(&segment, &found));
        }
        self.save(&segment, end, &found.index)?;
        self.shared.catalog_mut().replace(&segment, found.index);
        self.sweep()
    }

    fn save(&self, segment: &Segment, end: u64, index: &Index) -> io::Result<()> {
        let path = self.shared.paths.index(segment.number);
        sidecar::save(&*self.shared.disk, &path, segment, end, index)
    }

    /// Writes anew what is mostly dead.
    fn sweep(&mut self) -> io::Result<()> {
        // What seems dead may only have lost what says that it lives.
        if self.shared.read_only.is_some() {
            return Ok(());
        }
        let ends: Vec<(u32, u64)> = self.ends.iter().map(|(n, end)| (*n, *end)).collect();
        for (number, end) in ends {
            let used = end - SEGMENT_HEADER;
            let (live, segment) = {
                let catalog = self.shared.catalog();
                let segment = catalog.segments.get(&number).cloned();
                (catalog.live(number), segment)
            };
            let Some(segment) = segment.filter(|_| live * 2 < used) else {
                continue;
            };
            if let Some(end) = self.rewrite(&segment, end)? {
                self.ends.insert(number, end);
            }
        }
        Ok(())
    }

    /// Puts a smaller file in a segment's place; where that ends, if it was worth it.
    ///
    /// The new file is durable before it takes the old one's name, and has a salt of its own, so
    /// that a crash leaves one or the other, and no sidecar of the wrong one counts.
    fn rewrite(&self, segment: &Segment, end: u64) -> io::Result<Option<u64>> {
        let mut bytes = vec![0; usize::try_from(end).map_err(io::Error::other)?];
        let read = segment.file.read_full(&mut bytes, 0)?;
        bytes.truncate(read);
        let mut header = SegmentHeader {
            salt: salt()?,
            ..segment.header
        };
        let Some(copied) = self.copy(segment, &bytes, header.salt) else {
            return Err(damaged(segment, &scan(segment, End::At(end))?));
        };
        header.own_end = SEGMENT_HEADER + copied.len() as u64;
        // Records that keep older segments' dead streams dead stay; do not copy them for ever.
        if header.own_end * 4 > end * 3 {
            return Ok(None);
        }
        let paths = &self.shared.paths;
        let part = paths.log(header.number).with_extension("part");
        let file = create_with(&self.shared, &part, &header)?;
        file.write_full(&copied, SEGMENT_HEADER)?;
        file.sync()?;
        let fresh = Segment::new(header, file);
        let found = scan(&fresh, End::At(header.own_end))?;
        if !found.holes.is_empty() {
            return Err(damaged(&fresh, &found));
        }
        self.shared.disk.rename(&part, &paths.log(header.number))?;
        self.shared.disk.sync_folder(&paths.segments)?;
        self.save(&fresh, header.own_end, &found.index)?;
        tracing::info!(
            "segment {} of the store: {end} bytes became {}",
            header.number,
            header.own_end
        );
        self.shared
            .catalog_mut()
            .replace(&Arc::new(fresh), found.index);
        Ok(Some(header.own_end))
    }

    /// The commits of the new file; `None` when the old one is damaged.
    fn copy(&self, segment: &Segment, bytes: &[u8], salt: u64) -> Option<Vec<u8>> {
        let mut out: Vec<u8> = Vec::new();
        let seal = Seal::new(salt);
        let begin = |at: usize| Frame::begin(Vec::new(), seal, SEGMENT_HEADER + at as u64);
        let mut frame = begin(0);
        let mut commits = 0;
        let older = self
            .ends
            .range(..segment.number)
            .any(|(_, end)| !is_empty(*end));
        let mut at = usize::try_from(SEGMENT_HEADER).ok()?;
        while at < bytes.len() {
            let header = Header::decode(&bytes[at..], segment.seal, at as u64)?;
            if header.kind != Kind::Commit {
                let start = at + HEADER;
                let body = bytes.get(start..start + header.body_len as usize)?;
                let (key, body) = header.split(body)?;
                let position = u32::try_from(at).ok()?;
                if self
                    .shared
                    .catalog()
                    .needs(segment.number, position, &header, key, older)
                {
                    frame.push(&Entry {
                        kind: header.kind,
                        stream: header.stream,
                        offset: header.offset,
                        time: header.time,
                        key: header.has_key.then_some(key),
                        body,
                    });
                }
            }
            at += header.len();
            if frame.len() >= PIECE || (at >= bytes.len() && !frame.is_empty()) {
                commits += 1;
                let durable = SEGMENT_HEADER + out.len() as u64;
                out.extend(frame.finish(commits, durable));
                frame = begin(out.len());
            }
        }
        Some(out)
    }
}

fn damaged(segment: &Segment, found: &Scan) -> io::Error {
    let places: Vec<String> = found
        .holes
        .iter()
        .map(|hole| format!("{} to {}", hole.start, hole.end))
        .collect();
    io::Error::other(format!(
        "segment {} is damaged (bytes {})",
        segment.number,
        places.join(", ")
    ))
}

impl Catalog {
    /// True when a record of a segment still says something. `older`: there are records in the
    /// segments before, so that what was destroyed or removed there must stay so.
    fn needs(&self, segment: u32, position: u32, header: &Header, key: &[u8], older: bool) -> bool {
        let stream = self.index.streams.get(&header.stream);
        match header.kind {
            Kind::Commit => false,
            Kind::Stream | Kind::Event => stream.is_some(),
            Kind::Snapshot => stream
                .and_then(|stream| stream.snapshot)
                .is_some_and(|s| (s.segment, s.position) == (segment, position)),
            Kind::Destroyed | Kind::CellRemoved => older,
            Kind::Cell => std::str::from_utf8(key)
                .ok()
                .and_then(|name| self.index.cells.get(name))
                .is_some_and(|cell| (cell.segment, cell.position) == (segment, position)),
        }
    }

    /// Puts a segment, and what a scan of it found, in the place of the one of the same number.
    fn replace(&mut self, segment: &Arc<Segment>, found: Index) {
        let number = segment.number;
        self.segments.insert(number, Arc::clone(segment));
        for (stream, found) in found.streams {
            let Some(stream) = self.index.streams.get_mut(&stream) else {
                continue;
            };
            let from = stream.runs.partition_point(|run| run.segment < number);
            let until = stream.runs.partition_point(|run| run.segment <= number);
            let fresh: Vec<Run> = found.runs;
            stream.runs.splice(from..until, fresh);
            if stream.snapshot.is_some_and(|s| s.segment == number) {
                stream.snapshot = found.snapshot;
            }
        }
        for (name, found) in found.cells {
            if let Some(cell) = self.index.cells.get_mut(&name)
                && cell.segment == number
            {
                cell.position = found.position;
            }
        }
    }
}
