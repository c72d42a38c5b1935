//! The thread that indexes a file: the line pass, the column pass, and again whenever the file
//! grows and that is wanted.

use super::bytes::{identity, read_at, read_range, read_range_into};
use super::columns;
use super::records::Records;
use super::shared::{Orders, Shared};
use super::split::{Sink, Splitter};
use super::text;
use super::{sniff, tail};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Bytes read at once by the line pass.
const BLOCK: usize = 256 << 10;

/// How often a followed file is looked at.
const POLL: Duration = Duration::from_millis(100);

/// At most this often is a change told while indexing.
const TELL: Duration = Duration::from_millis(33);

/// Bytes before the end of what was read that must still be there when a file has grown.
const WITNESS: u64 = 64;

/// See the module.
pub struct Indexer {
    shared: Arc<Shared>,
    file: Arc<File>,
    /// Where to look for a successor of the file; `None` when it has no name.
    path: Option<PathBuf>,
    splitter: Option<Splitter>,
    sink: Sink,
    /// Bytes fed to the splitter (or skipped).
    position: u64,
    /// The last bytes before `position`: a file that has other ones there was written anew.
    witness: Vec<u8>,
    buffer: Vec<u8>,
    told: Arc<Mutex<Instant>>,
}

impl Indexer {
    pub fn new(shared: Arc<Shared>, file: Arc<File>, path: Option<PathBuf>) -> Indexer {
        Indexer {
            shared,
            file,
            path,
            splitter: None,
            sink: Sink::default(),
            position: 0,
            witness: Vec::new(),
            buffer: vec![0; BLOCK],
            told: Arc::new(Mutex::new(Instant::now())),
        }
    }

    /// Makes the first rows and the last ones known; returns at once.
    pub fn ends(&mut self) {
        let orders = self.shared.orders();
        let size = self.size(orders);
        self.shared.write().size = size;
        if self.sniff(size, orders) && self.position < size {
            self.step(size.min(self.position + sniff::HEAD as u64));
            columns::fill(&self.shared, &|| true, &|| ());
            if self.position < size {
                tail::guess(&self.shared, size);
            }
        }
    }

    /// Indexes and follows until told to close.
    pub fn run(mut self) {
        loop {
            let orders = self.shared.orders();
            if orders.close {
                return;
            }
            self.take_in(orders);
            let now = self.shared.orders();
            if now != orders {
                continue;
            }
            self.shared.settle(orders);
            let poll = (orders.spooled.is_none() && orders.follow).then_some(POLL);
            while self.shared.wait_orders(orders, poll) == orders && !self.has_changed(orders) {}
        }
    }

    /// Indexes everything there is.
    pub fn take_in(&mut self, orders: Orders) {
        self.check_still_the_same();
        let size = self.size(orders);
        self.take_back_torn(size, orders);
        if self.sniff(size, orders) {
            let closing = || self.shared.orders().close;
            if closing() {
                return;
            }
            while self.position < size {
                let before = self.position;
                self.step(size.min(self.position + BLOCK as u64));
                if self.position == before || self.shared.orders().close {
                    break; // shorter than it said, or nobody looks any more
                }
                self.tell();
            }
        }
        self.end_of_lines(size, orders);
        let (shared, told) = (Arc::clone(&self.shared), Arc::clone(&self.told));
        columns::fill(&shared, &|| !shared.orders().close, &|| {
            tell(&shared, &told);
        });
        self.shared.changed();
    }

    fn size(&self, orders: Orders) -> u64 {
        match orders.spooled {
            Some(bytes) => bytes,
            None => {
                let now = self.file.metadata().map_or(0, |m| m.len());
                // Growth is not for a log that is not followed.
                let known = self.shared.read().size;
                if orders.follow || known == 0 {
                    now
                } else {
                    now.min(known)
                }
            }
        }
    }

    /// Makes sure there is a splitter, if the bytes say which.
    fn sniff(&mut self, size: u64, orders: Orders) -> bool {
        if self.splitter.is_some() {
            return true;
        }
        let end = size.min(sniff::HEAD as u64);
        let Some(head) = read_range(&self.file, 0, end) else {
            return false;
        };
        if head.is_empty() {
            return false;
        }
        if let Some((splitter, skip)) = sniff::splitter(&head, !orders.expects_more()) {
            self.shared.write().format = Some(splitter.format());
            self.splitter = Some(splitter);
            self.position = skip as u64;
        }
        self.splitter.is_some()
    }

    /// Feeds the bytes up to `end` (at most a block further on) to the splitter.
    fn step(&mut self, end: u64) {
        let Some(splitter) = self.splitter.as_mut() else {
            return;
        };
        let len = ((end - self.position) as usize).min(BLOCK);
        let Ok(read) = read_at(&self.file, &mut self.buffer[..len], self.position) else {
            return;
        };
        let bytes = &self.buffer[..read];
        splitter.feed(bytes, self.position, &mut self.sink);
        self.position += read as u64;
        let keep = bytes.len().saturating_sub(WITNESS as usize);
        self.witness.extend_from_slice(&bytes[keep..]);
        let old = self.witness.len().saturating_sub(WITNESS as usize);
        self.witness.drain(..old);
        let found = self.sink.take();
        let boundary = splitter.boundary();
        let mut records = self.shared.write();
        records.add_starts(found, boundary, self.position);
    }

    /// Decides about a record that the bytes end in the middle of: a whole event that only lacks
    /// its newline is one; anything else is waited for, or shown as torn when nothing will come.
    fn end_of_lines(&mut self, size: u64, orders: Orders) {
        let mut torn = None;
        if let Some(splitter) = &self.splitter
            && self.position >= size
            && !self.shared.read().torn
            && let Some(pending) = splitter.pending()
        {
            let whole = read_range(&self.file, pending.start, self.position).is_some_and(|bytes| {
                let text = text::text(splitter.format(), &bytes);
                text::envelope(splitter.format(), &bytes, &text).is_ok()
            });
            torn = (whole || !orders.expects_more()).then_some(pending);
        }
        let mut records = self.shared.write();
        records.size = size;
        if let Some(pending) = torn {
            self.sink.record(pending.start, pending.line);
            let found = self.sink.take();
            records.add_starts(found, self.position, self.position);
            records.torn = true;
        }
        records.lines_done = true;
        records.tail = None;
    }

    /// The torn end is looked at again when there is more, or when more may come now.
    fn take_back_torn(&mut self, size: u64, orders: Orders) {
        let mut records = self.shared.write();
        if records.torn && (size > self.position || orders.expects_more()) {
            records.take_back_torn();
            self.sink.forget_last();
        }
        records.lines_done = records.lines_done && size <= self.position;
        records.size = size;
    }

    /// True when the file followed has grown, shrunk or been replaced.
    fn has_changed(&self, orders: Orders) -> bool {
        if orders.spooled.is_some() {
            return false; // its growth is an order
        }
        let grown = self
            .file
            .metadata()
            .is_ok_and(|m| m.len() != self.shared.read().size);
        grown || self.successor().is_some()
    }

    /// The file that now has the name of the one that is read.
    fn successor(&self) -> Option<File> {
        let path = self.path.as_ref()?;
        let there = std::fs::metadata(path).ok()?;
        let ours = self.file.metadata().ok()?;
        if identity(&there) == identity(&ours) {
            return None;
        }
        File::open(path).ok()
    }

    /// Starts over when the file followed was replaced, truncated or written anew.
    fn check_still_the_same(&mut self) {
        let orders = self.shared.orders();
        if orders.spooled.is_some() || !orders.follow {
            return;
        }
        if let Some(file) = self.successor() {
            self.start_over(Arc::new(file));
            return;
        }
        let from = self.position - self.witness.len() as u64;
        let mut now = Vec::new();
        let there = read_range_into(&self.file, from, self.position, &mut now);
        if self.position > 0 && !(there && now == self.witness) {
            self.start_over(Arc::clone(&self.file));
        }
    }

    fn start_over(&mut self, file: Arc<File>) {
        self.file = Arc::clone(&file);
        self.splitter = None;
        self.sink = Sink::default();
        self.position = 0;
        self.witness.clear();
        *self.shared.write() = Records::new(file, 0);
    }

    fn tell(&self) {
        tell(&self.shared, &self.told);
    }
}

/// Tells of a change, unless that was done a moment ago.
fn tell(shared: &Shared, told: &Mutex<Instant>) {
    if let Ok(mut told) = told.try_lock()
        && told.elapsed() >= TELL
    {
        *told = Instant::now();
        shared.changed();
    }
}
