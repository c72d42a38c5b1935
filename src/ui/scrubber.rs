//! The scrubber: the whole log on one line, and where in it the playhead stands.

use super::text::{Canvas, bold};
use super::theme::Role;
use crate::app::msg::Column;
use crate::app::state::App;
use ratatui::layout::Rect;

const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const BARS_ASCII: [&str; 8] = ["_", ".", "-", "=", "+", "*", "#", "@"];

/// Column of the scrubber that holds a row.
#[must_use]
pub fn column_of(row: usize, len: usize, width: u16) -> u16 {
    if len == 0 || width == 0 {
        return 0;
    }
    // The first column whose end, `(i + 1) * len / width`, lies beyond the row.
    let wide = u128::from(width);
    let column = ((row as u128 + 1) * wide)
        .div_ceil(len as u128)
        .saturating_sub(1);
    column.min(wide - 1) as u16
}

/// Draws it; without a survey yet, a plain line with the playhead on it.
pub fn draw(c: &mut Canvas, area: Rect, app: &App) {
    let (width, len) = (area.width, app.len());
    if width == 0 || len == 0 {
        return;
    }
    let here = app.row().map(|row| column_of(row, len, width));
    let marks: Vec<u16> = app
        .bookmarks
        .iter()
        .map(|row| column_of(*row, len, width))
        .collect();
    let columns: &[Column] = app.survey.as_ref().map_or(&[], |s| &s.columns);
    let surveyed = app.survey.as_ref().map_or(0, |s| s.len);
    let notable = notable(columns);
    for x in 0..width {
        // The survey may be of a shorter log, or of another width, for a moment.
        let place = u128::from(x) * len as u128 * columns.len() as u128;
        let place = place / (u128::from(width) * surveyed.max(1) as u128);
        let column = columns.get(place as usize).copied().unwrap_or_default();
        let future = here.is_none_or(|here| x > here);
        let level = usize::from(column.level.min(7));
        let (symbol, style) = if here == Some(x) {
            (c.glyph("▼", "V"), bold(c.theme, Role::Accent))
        } else if column.errors >= notable {
            (c.glyph("✖", "x"), c.theme.style(Role::Error))
        } else if column.paused {
            (c.glyph("‖", "|"), c.theme.style(Role::Paused))
        } else if marks.contains(&x) {
            (c.glyph("◆", "%"), c.theme.style(Role::Accent))
        } else {
            let role = match (column.errors, future) {
                (1.., _) => Role::Error,
                (0, true) => Role::Dim,
                (0, false) => Role::Text,
            };
            (c.glyph(BARS[level], BARS_ASCII[level]), c.theme.style(role))
        };
        let cell = Rect {
            x: area.x + x,
            width: 1,
            ..area
        };
        c.pen(cell, 0).put(symbol, style);
    }
}

/// Of this many columns at most one is an error's, where there are many.
const ONE_IN: usize = 8;

/// Errors that a column must hold to be drawn as one. On a long log nearly every column holds some:
/// then only the worst are, and of the others the density stays to be read, in the error's colour.
fn notable(columns: &[Column]) -> u32 {
    let mut counts: Vec<u32> = columns
        .iter()
        .map(|c| c.errors)
        .filter(|n| *n > 0)
        .collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    match counts.get(columns.len() / ONE_IN) {
        // One more than what too many columns have.
        Some(many) => many.saturating_add(1),
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_errors_are_everywhere_only_the_worst_columns_are_errors() {
        let columns = |errors: &dyn Fn(u32) -> u32| -> Vec<Column> {
            let column = |i| Column {
                errors: errors(i),
                ..Column::default()
            };
            (0..80).map(column).collect()
        };
        assert_eq!(notable(&columns(&|i| u32::from(i % 20 == 0))), 1);
        let long = columns(&|i| if i % 20 == 0 { 90 } else { 3 });
        assert_eq!(notable(&long), 4);
        let even = columns(&|_| 3);
        assert!(even.iter().all(|c| c.errors < notable(&even)));
        assert_eq!(notable(&[]), 1);
    }

    #[test]
    fn columns_hold_the_rows_that_the_survey_puts_there() {
        for len in [1usize, 2, 7, 80, 81, 1000] {
            for width in [1u16, 2, 79, 80] {
                for row in 0..len {
                    let i = usize::from(column_of(row, len, width));
                    let w = usize::from(width);
                    assert!(row < (i + 1) * len / w || i + 1 == w, "{row} {len} {width}");
                    assert!(i == 0 || row >= i * len / w, "{row} {len} {width}");
                }
            }
        }
        assert_eq!(column_of(usize::MAX - 1, usize::MAX, 80), 79);
        assert_eq!(column_of(5, 0, 80), 0);
    }
}
