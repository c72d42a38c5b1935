//! The timeline's lines around the playhead, worked out from there to both sides: nothing here
//! counts the lines of the whole log.

use super::state::App;
use crate::model::turn;
use std::collections::BTreeSet;
use std::ops::Range;

/// The timeline's folds and scroll.
#[derive(Debug)]
pub struct Timeline {
    /// Show `createdAt` instead of the time since the row before.
    pub absolute_times: bool,
    /// Runs of chunks are one row.
    pub folding: bool,
    /// First rows of the runs that are unfolded while `folding`.
    pub unfolded: BTreeSet<usize>,
    /// Lines between the top of the pane and the playhead's line.
    pub above: usize,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            absolute_times: false,
            folding: true,
            unfolded: BTreeSet::new(),
            above: 0,
        }
    }
}

/// One line of the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Before the first event (the playhead at 0).
    Start,
    /// One event.
    Event {
        /// Its row.
        row: usize,
        /// Part of an unfolded run of at least two chunks.
        in_run: bool,
        /// Shown only because the playhead stands on it; the filter hides it.
        hidden: bool,
    },
    /// A folded run of chunks.
    Run {
        /// Its rows; at least two.
        rows: Range<usize>,
    },
}

impl Line {
    /// The rows on this line; empty for [`Line::Start`].
    #[must_use]
    pub fn rows(&self) -> Range<usize> {
        match self {
            Line::Start => 0..0,
            Line::Event { row, .. } => *row..row + 1,
            Line::Run { rows } => rows.clone(),
        }
    }

    /// The playhead that moving onto this line gives: at its last event.
    #[must_use]
    pub fn playhead(&self) -> usize {
        self.rows().end
    }
}

impl App {
    /// The line that holds a row.
    #[must_use]
    pub fn line_at(&self, row: usize) -> Line {
        let hidden = self
            .filter
            .as_ref()
            .is_some_and(|f| f.rows.binary_search(&row).is_err());
        let run = match (&self.log, &self.filter) {
            (Some(view), None) => turn::run_at(&*view.log, row),
            // Under a filter every row that passes stands for itself.
            _ => None,
        };
        match run {
            Some(rows)
                if self.timeline.folding && !self.timeline.unfolded.contains(&rows.start) =>
            {
                Line::Run { rows }
            }
            run => Line::Event {
                row,
                in_run: run.is_some(),
                hidden,
            },
        }
    }

    /// The playhead's line.
    #[must_use]
    pub fn playhead_line(&self) -> Line {
        self.row().map_or(Line::Start, |row| self.line_at(row))
    }

    /// The next line one way or the other; `None` where there is none.
    #[must_use]
    pub fn line_towards(&self, line: &Line, forward: bool) -> Option<Line> {
        if forward {
            self.line_after(line)
        } else {
            self.line_before(line)
        }
    }

    /// The line after another; `None` at the end.
    #[must_use]
    pub fn line_after(&self, line: &Line) -> Option<Line> {
        let from = line.rows().end;
        let mut next = from;
        if let Some(filter) = &self.filter {
            let at = filter.rows.partition_point(|row| *row < from);
            next = filter.rows.get(at).copied().unwrap_or(usize::MAX);
            // The playhead's own row shows even when the filter hides it.
            if let Some(row) = self.row().filter(|row| *row >= from) {
                next = next.min(row);
            }
        }
        (next < self.len()).then(|| self.line_at(next))
    }

    /// The line before another; `None` before the start.
    #[must_use]
    pub fn line_before(&self, line: &Line) -> Option<Line> {
        let until = line.rows().start;
        let start = (*line != Line::Start && self.playhead.rows == 0).then_some(Line::Start);
        let Some(filter) = &self.filter else {
            return match until.checked_sub(1) {
                Some(row) => Some(self.line_at(row)),
                None => start,
            };
        };
        let at = filter.rows.partition_point(|row| *row < until);
        let before = at.checked_sub(1).map(|i| filter.rows[i]);
        let own = self.row().filter(|row| *row < until);
        match before.max(own) {
            Some(row) => Some(self.line_at(row)),
            None => start,
        }
    }

    /// The lines that fill a pane of this height, top first, and the index of the playhead's line
    /// among them. `above` is honoured as far as there are lines.
    #[must_use]
    pub fn timeline_window(&self, height: usize) -> (Vec<Line>, usize) {
        if height == 0 || self.log.is_none() {
            return (Vec::new(), 0);
        }
        let current = self.playhead_line();
        let above = self.timeline.above.min(height - 1);
        let mut lines = vec![current.clone()];
        let mut line = current.clone();
        while lines.len() <= above
            && let Some(before) = self.line_before(&line)
        {
            lines.push(before.clone());
            line = before;
        }
        lines.reverse();
        let mut at = lines.len() - 1;
        line = current;
        while lines.len() < height
            && let Some(after) = self.line_after(&line)
        {
            lines.push(after.clone());
            line = after;
        }
        // At the log's end there may be room left above.
        let mut first = lines[0].clone();
        let mut head = Vec::new();
        while lines.len() + head.len() < height
            && let Some(before) = self.line_before(&first)
        {
            head.push(before.clone());
            first = before;
        }
        at += head.len();
        head.reverse();
        head.append(&mut lines);
        (head, at)
    }
}
