//! Long lines in pieces that fit a width.

use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// Breaks a line into pieces of at most `width` cells, between whole characters; at least one.
/// `cells` says how many cells a character takes.
#[must_use]
pub fn pieces(line: &str, width: usize, cells: impl Fn(&str) -> usize) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut start, mut used) = (0, 0);
    for (at, grapheme) in line.grapheme_indices(true) {
        let cells = cells(grapheme);
        if used + cells > width && at > start {
            found.push(start..at);
            start = at;
            used = 0;
        }
        used += cells;
    }
    found.push(start..line.len());
    found
}
