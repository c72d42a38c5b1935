//! The column pass: reads the envelope of every record whose place is known and keeps its cells,
//! in the order of the file. Long stretches are read by two threads.

use super::bytes::read_range_into;
use super::records::{Cells, Records};
use super::shared::Shared;
use super::split::{ANCHOR, Format, is_space};
use super::text::Reader;
use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes read at once; small enough to stay in a core's cache.
const BLOCK: u64 = 256 << 10;

/// No more: the machine has other things to do, such as drawing.
const THREADS: usize = 2;

/// What one record gives: its cells, its line, and why it is unreadable.
type Scanned = (Cells, u64, Option<String>);

/// Some records in a row, to be scanned.
struct Job {
    file: Arc<File>,
    format: Format,
    /// Starts of the records, then the end of the last one.
    bounds: Vec<u64>,
    /// The line the first one begins on.
    line: u64,
    /// The last one is the torn end of the log.
    torn: bool,
}

/// Fills the columns of all records that have none yet. `keep_going` is asked after each job.
pub fn fill(shared: &Shared, keep_going: &(dyn Fn() -> bool + Sync), progress: &(dyn Fn() + Sync)) {
    let (from, to) = {
        let records = shared.read();
        (records.marks.len(), records.starts.len())
    };
    if from == to {
        return;
    }
    let first_job = from / ANCHOR;
    let jobs = to.div_ceil(ANCHOR);
    let next = AtomicUsize::new(first_job);
    let done = Mutex::new(InOrder {
        next: first_job,
        waiting: BTreeMap::new(),
    });
    let work = || {
        let mut reader = Reader::new(&shared.names);
        let mut buffer = Vec::new();
        while keep_going() {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= jobs {
                return;
            }
            let range = from.max(number * ANCHOR)..to.min((number + 1) * ANCHOR);
            let Some(job) = job(&shared.read(), range) else {
                return;
            };
            let Some(scanned) = scan(&job, &mut reader, &mut buffer) else {
                return; // truncated underneath: the indexing thread finds out by itself
            };
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.add(number, scanned, shared);
            drop(done);
            progress();
        }
    };
    let threads = THREADS.min(jobs - first_job);
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
}

/// Jobs end in any order; their cells are added in the file's.
struct InOrder {
    next: usize,
    waiting: BTreeMap<usize, Vec<Scanned>>,
}

impl InOrder {
    fn add(&mut self, number: usize, scanned: Vec<Scanned>, shared: &Shared) {
        self.waiting.insert(number, scanned);
        while let Some(scanned) = self.waiting.remove(&self.next) {
            let mut records = shared.write();
            for (cells, line, complaint) in scanned {
                records.add_cells(cells, line, complaint);
            }
            self.next += 1;
        }
    }
}

/// The records of `range`, which lie between two anchors.
fn job(records: &Records, range: Range<usize>) -> Option<Job> {
    let anchor = range.start / ANCHOR;
    let mut bounds: Vec<u64> = range.clone().map_while(|r| records.starts.get(r)).collect();
    bounds.push(records.extent(range.end.checked_sub(1)?)?.1);
    let mut line = *records.anchors.get(anchor)?;
    let anchored = records.starts.get(anchor * ANCHOR)?;
    line += newlines(&records.file, anchored, bounds[0])?;
    Some(Job {
        file: Arc::clone(&records.file),
        format: records.format?,
        torn: records.torn && range.end == records.starts.len(),
        bounds,
        line,
    })
}

fn newlines(file: &File, mut from: u64, to: u64) -> Option<u64> {
    let mut buffer = Vec::new();
    let mut count = 0;
    while from < to {
        let end = to.min(from + BLOCK);
        if !read_range_into(file, from, end, &mut buffer) {
            return None;
        }
        count += memchr::memchr_iter(b'\n', &buffer).count() as u64;
        from = end;
    }
    Some(count)
}

/// Newlines in a record's bytes. A record of lines has them only in the white space at its end.
fn lines_in(format: Format, bytes: &[u8]) -> u64 {
    let end = match format {
        Format::Lines => bytes.iter().rposition(|b| !is_space(*b)).unwrap_or(0),
        Format::Values | Format::Sse => 0,
    };
    memchr::memchr_iter(b'\n', &bytes[end..]).count() as u64
}

fn scan(job: &Job, reader: &mut Reader<'_>, buffer: &mut Vec<u8>) -> Option<Vec<Scanned>> {
    let bounds = &job.bounds;
    let count = bounds.len() - 1;
    let mut scanned: Vec<Scanned> = Vec::with_capacity(count);
    let mut line = job.line;
    let mut first = 0;
    while first < count {
        let start = bounds[first];
        let within = bounds[first + 1..].partition_point(|end| end - start <= BLOCK);
        let end = first + within.max(1);
        if !read_range_into(&job.file, start, bounds[end], buffer) {
            return None;
        }
        for record in first..end {
            let bytes =
                &buffer[(bounds[record] - start) as usize..(bounds[record + 1] - start) as usize];
            let (cells, mut why) = reader.cells(job.format, bytes);
            if job.torn && record + 1 == count {
                why = why.map(|why| format!("torn last line: {why}"));
            }
            scanned.push((cells, line, why));
            line += lines_in(job.format, bytes);
        }
        first = end;
        if buffer.capacity() > 16 << 20 {
            *buffer = Vec::new();
        }
    }
    Some(scanned)
}
