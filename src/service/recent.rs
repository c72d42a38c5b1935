//! The newest durable events of a stream, so that live readers need not ask the store.

use crate::model::offset::Offset;
use bytes::Bytes;
use std::collections::VecDeque;

/// A stored event as it goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the stream.
    pub offset: Offset,
    /// The whole stored event as one line of JSON, without the line's end; shared by all readers.
    pub json: Bytes,
}

/// Events without a gap up to the newest one, within a bound of bytes.
#[derive(Debug, Default)]
pub(super) struct Recent {
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl Recent {
    pub(super) fn push(&mut self, entry: Entry, max_bytes: usize) {
        let gap = |last: &Entry| last.offset.next() != entry.offset;
        if self.entries.back().is_some_and(gap) {
            self.clear();
        }
        self.bytes += cost(&entry);
        self.entries.push_back(entry);
        while self.bytes > max_bytes
            && let Some(oldest) = self.entries.pop_front()
        {
            self.bytes -= cost(&oldest);
        }
    }

    pub(super) fn clear(&mut self) {
        self.entries = VecDeque::new();
        self.bytes = 0;
    }

    /// Events from `from` on and before `until`, if `from` is held; at least one, and not many more
    /// bytes than `max_bytes`.
    pub(super) fn from(&self, from: Offset, until: Offset, max_bytes: usize) -> Option<Vec<Entry>> {
        let first = self.entries.front()?.offset;
        let start = usize::try_from(from.0.checked_sub(first.0)?).ok()?;
        if start >= self.entries.len() {
            return None;
        }
        let mut bytes = 0;
        let chunk: Vec<Entry> = self
            .entries
            .range(start..)
            .take_while(|entry| {
                let fits = bytes < max_bytes && entry.offset < until;
                bytes += entry.json.len();
                fits
            })
            .cloned()
            .collect();
        (!chunk.is_empty()).then_some(chunk)
    }
}

/// Small events must not slip in by the million.
fn cost(entry: &Entry) -> usize {
    entry.json.len() + 64
}
