//! Which records belong to which stream, and what is wrong with their offsets. While there is only
//! one stream, its rows are the records themselves and nothing is kept per row.

use super::packed::NONE;
use super::records::{Cells, Owner};
use crate::model::log::Complaint;
use rustc_hash::FxHashMap;

/// Complaints kept in words; the rest is counted.
const MOST_COMPLAINTS: usize = 1000;

/// One stream's rows.
#[derive(Clone, Debug)]
pub struct Stream {
    pub owner: Owner,
    /// Records of its rows; empty while it is the only stream (row = record).
    records: Vec<u32>,
    pub rows: usize,
    pub last_offset: Option<u64>,
    /// No offset was smaller than one before it.
    pub ordered: bool,
    /// Complaints that were counted only, and the line of the last one.
    more: (u64, u64),
}

#[derive(Clone, Debug)]
struct Undo {
    at: usize,
    last: Option<usize>,
    was: Stream,
    complaints: usize,
}

/// The streams of a file, in order of their first records.
#[derive(Debug, Default)]
pub struct Streams {
    all: Vec<Stream>,
    by_owner: FxHashMap<Owner, usize>,
    /// Stream of the record added last.
    last: Option<usize>,
    complaints: Vec<(usize, Complaint)>,
    undo: Option<Undo>,
    several: bool,
}

impl Streams {
    /// Says that the log's end belongs to another stream than its front.
    pub fn expect_several(&mut self) {
        self.several = true;
    }

    /// True while everything seen so far is one stream.
    pub fn maybe_one(&self) -> bool {
        self.all.len() <= 1 && !self.several
    }

    pub fn all(&self) -> &[Stream] {
        &self.all
    }

    pub fn find(&self, owner: Owner) -> Option<usize> {
        self.by_owner.get(&owner).copied()
    }

    pub fn add(&mut self, record: usize, cells: &Cells, line: u64, complaint: Option<String>) {
        let at = self.place(cells.stream, record);
        self.undo = Some(Undo {
            at,
            last: self.last,
            was: Stream {
                records: Vec::new(),
                ..self.all[at]
            },
            complaints: self.complaints.len(),
        });
        self.last = Some(at);
        if self.all.len() > 1 {
            // A log of more records than this would not fit into memory's index anyway.
            self.all[at]
                .records
                .push(u32::try_from(record).unwrap_or(u32::MAX));
        }
        let stream = &mut self.all[at];
        stream.rows += 1;
        let odd = (cells.offset != NONE)
            .then(|| stream.take_offset(cells.offset))
            .flatten();
        for what in complaint.into_iter().chain(odd) {
            self.complain(at, Complaint { line, what });
        }
    }

    /// Undoes the last [`Streams::add`]. A stream that came with it stays, with no rows.
    pub fn take_back(&mut self) {
        let Some(undo) = self.undo.take() else {
            return;
        };
        let mut records = std::mem::take(&mut self.all[undo.at].records);
        records.pop();
        self.all[undo.at] = Stream {
            records,
            owner: self.all[undo.at].owner,
            ..undo.was
        };
        self.last = undo.last;
        self.complaints.truncate(undo.complaints);
    }

    /// The stream a record belongs to, made if need be.
    fn place(&mut self, owner: Owner, record: usize) -> usize {
        if let Some(at) = self.find(owner) {
            return at;
        }
        if owner == Owner::Unknown
            && let Some(at) = self.last
        {
            return at;
        }
        // Unreadable records at the front go with the first stream that is known.
        if let [only] = self.all.as_mut_slice()
            && only.owner == Owner::Unknown
        {
            only.owner = owner;
            self.by_owner.clear();
            self.by_owner.insert(owner, 0);
            return 0;
        }
        if let [only] = self.all.as_mut_slice() {
            only.records = (0..record)
                .map(|r| u32::try_from(r).unwrap_or(u32::MAX))
                .collect();
        }
        self.all.push(Stream {
            owner,
            records: Vec::new(),
            rows: 0,
            last_offset: None,
            ordered: true,
            more: (0, 0),
        });
        self.by_owner.insert(owner, self.all.len() - 1);
        self.all.len() - 1
    }

    fn complain(&mut self, at: usize, complaint: Complaint) {
        if self.complaints.len() < MOST_COMPLAINTS {
            self.complaints.push((at, complaint));
        } else {
            let (count, line) = &mut self.all[at].more;
            *count += 1;
            *line = complaint.line;
        }
    }

    /// Complaints about one stream, or about all.
    pub fn complaints(&self, of: Option<usize>) -> Vec<Complaint> {
        let ours = |at: usize| of.is_none_or(|of| of == at);
        let mut complaints: Vec<Complaint> = self
            .complaints
            .iter()
            .filter(|(at, _)| ours(*at))
            .map(|(_, complaint)| complaint.clone())
            .collect();
        let (mut count, mut line) = (0, 0);
        for (at, stream) in self.all.iter().enumerate() {
            if ours(at) && stream.more.0 > 0 {
                count += stream.more.0;
                line = line.max(stream.more.1);
            }
        }
        if count > 0 {
            complaints.push(Complaint {
                line,
                what: format!("and {count} more like these, up to this line"),
            });
        }
        complaints
    }

    /// The record of a stream's row.
    pub fn record(&self, at: usize, row: usize) -> Option<usize> {
        let stream = self.all.get(at)?;
        if self.all.len() == 1 {
            return (row < stream.rows).then_some(row);
        }
        stream.records.get(row).map(|r| *r as usize)
    }

    /// How many of a stream's rows lie before a record.
    pub fn rows_before(&self, at: usize, record: usize) -> usize {
        match self.all.get(at) {
            None => 0,
            Some(stream) if self.all.len() == 1 => record.min(stream.rows),
            Some(stream) => stream.records.partition_point(|r| (*r as usize) < record),
        }
    }
}

impl Stream {
    /// Notes the next offset; what is odd about it, if anything.
    fn take_offset(&mut self, offset: u64) -> Option<String> {
        let odd = match self.last_offset {
            None if offset <= 1 => None,
            None => Some(format!(
                "the stream begins at offset {offset}: what came before is not in this log"
            )),
            Some(last) if last.checked_add(1) == Some(offset) => None,
            Some(last) if offset == last => Some(format!("offset {offset} stands here again")),
            Some(last) if offset < last => {
                self.ordered = false;
                Some(format!("offset {offset} comes after {last}"))
            }
            Some(last) if offset - last == 2 => Some(format!("offset {} is missing", last + 1)),
            Some(last) => Some(format!(
                "offsets {} to {} are missing",
                last + 1,
                offset - 1
            )),
        };
        self.last_offset = Some(offset);
        odd
    }
}
