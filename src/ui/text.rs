//! Writing text into cells: cut to fit, wide characters whole, control characters harmless.

use super::theme::{Role, Theme};
use ratatui::buffer::{Buffer, CellWidth};
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// Where panes draw: cells and the theme in force.
pub struct Canvas<'a> {
    /// The screen.
    pub buf: &'a mut Buffer,
    /// The theme.
    pub theme: &'a Theme,
}

impl Canvas<'_> {
    /// A pen on line `line` of an area, 0 for the first; one without room when there is no such line.
    pub fn pen(&mut self, area: Rect, line: u16) -> Pen<'_> {
        let area = area.intersection(self.buf.area);
        let room = if line < area.height { area.width } else { 0 };
        Pen {
            ascii: self.theme.ascii,
            x: area.x,
            y: area.y.saturating_add(line),
            end: area.x + room,
            theme: self.theme,
            buf: self.buf,
        }
    }

    /// Blanks an area, so that what is drawn over the panes has its own ground.
    pub fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.buf.area);
        let style = self.theme.style(Role::Text);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                self.buf[(x, y)].reset();
                self.buf[(x, y)].set_style(style);
            }
            // A wide character cut by the left edge would spill over it.
            if let Some(left) = area.left().checked_sub(1)
                && left >= self.buf.area.left()
                && self.buf[(left, y)].symbol().cell_width() > 1
            {
                self.buf[(left, y)].set_symbol(" ");
            }
        }
    }

    /// Puts a role's style over what is drawn in an area.
    pub fn tint(&mut self, area: Rect, role: Role) {
        self.buf
            .set_style(area.intersection(self.buf.area), self.theme.style(role));
    }

    /// The glyph, or its plain form where only ASCII may be written.
    #[must_use]
    pub fn glyph(&self, glyph: &'static str, ascii: &'static str) -> &'static str {
        self.theme.glyph(glyph, ascii)
    }

    /// Draws how far something has come, on an area's first line.
    pub fn bar(&mut self, area: Rect, done: usize, of: usize) {
        let width = area.width.saturating_sub(4).min(40);
        let filled = done.min(of) as u128 * u128::from(width) / of.max(1) as u128;
        let full = self.glyph("█", "#").repeat(filled as usize);
        let rest = self
            .glyph("░", ".")
            .repeat(usize::from(width) - filled as usize);
        let mut pen = self.pen(area, 0);
        pen.gap(2);
        pen.role(&full, Role::Accent);
        pen.role(&rest, Role::Dim);
    }

    /// Says in the middle of an empty pane why it is empty: a sentence, and what helps.
    pub fn why_empty(&mut self, area: Rect, sentences: &[&str]) {
        let top = (area.height / 3).min(area.height.saturating_sub(sentences.len() as u16));
        let mut line = top;
        for (i, sentence) in sentences.iter().enumerate() {
            let role = if i == 0 { Role::Text } else { Role::Dim };
            for part in wrap(sentence, usize::from(area.width.saturating_sub(4))) {
                let mut pen = self.pen(area, line);
                pen.gap(2);
                pen.role(part, role);
                line += 1;
            }
        }
    }
}

impl Theme {
    /// The glyph, or its plain form where only ASCII may be written.
    #[must_use]
    pub fn glyph(&self, glyph: &'static str, ascii: &'static str) -> &'static str {
        if self.ascii { ascii } else { glyph }
    }
}

/// Writes along one line, from left to right, never past its end.
pub struct Pen<'a> {
    buf: &'a mut Buffer,
    /// The theme in force.
    pub theme: &'a Theme,
    ascii: bool,
    x: u16,
    y: u16,
    end: u16,
}

impl Pen<'_> {
    /// Cells left.
    #[must_use]
    pub fn room(&self) -> u16 {
        self.end.saturating_sub(self.x)
    }

    /// Column it stands on.
    #[must_use]
    pub fn column(&self) -> u16 {
        self.x
    }

    /// Leaves cells as they are.
    pub fn gap(&mut self, cells: u16) {
        self.x = self.x.saturating_add(cells).min(self.end);
    }

    /// Writes text in a role's style, cut with an ellipsis when it does not fit.
    pub fn role(&mut self, text: &str, role: Role) {
        self.put(text, self.theme.style(role));
    }

    /// Writes text, cut with an ellipsis when it does not fit.
    pub fn put(&mut self, text: &str, style: Style) {
        self.put_within(text, self.room(), style);
    }

    /// Writes text into at most `width` cells, cut with an ellipsis when it does not fit.
    pub fn put_within(&mut self, text: &str, width: u16, style: Style) {
        let width = width.min(self.room());
        if width == 0 {
            return;
        }
        let stop = self.x + width;
        let ascii = self.ascii;
        // Cells after which one more would leave no room for the ellipsis.
        let mut last_fit = self.x;
        for (symbol, cells) in shapes(text, width, ascii) {
            if self.x + cells > stop {
                self.x = last_fit;
                let ellipsis = if ascii { "~" } else { "…" };
                self.set(ellipsis, 1, style);
                while self.x < stop {
                    self.set(" ", 1, style);
                }
                return;
            }
            self.set(symbol, cells, style);
            if self.x < stop {
                last_fit = self.x;
            }
        }
    }

    /// Writes text into exactly `width` cells, at their left.
    pub fn left(&mut self, text: &str, width: u16, style: Style) {
        let until = self.x.saturating_add(width).min(self.end);
        self.put_within(text, width, style);
        while self.x < until {
            self.set(" ", 1, style);
        }
    }

    /// Writes text into exactly `width` cells, at their right.
    pub fn right(&mut self, text: &str, width: u16, style: Style) {
        let pad = width.saturating_sub(text_width(text, width, self.ascii));
        self.gap(pad);
        self.put_within(text, width - pad, style);
    }

    /// Writes a line's parts, `marks` (byte ranges of the text) in a style of their own.
    pub fn put_marked(&mut self, text: &str, style: Style, marks: &[Range<usize>], mark: Style) {
        let mut at = 0;
        for range in marks {
            let (Some(before), Some(inside)) = (text.get(at..range.start), text.get(range.clone()))
            else {
                continue;
            };
            self.put(before, style);
            self.put(inside, style.patch(mark));
            at = range.end;
        }
        self.put(text.get(at..).unwrap_or_default(), style);
    }

    fn set(&mut self, symbol: &str, cells: u16, style: Style) {
        // A cell that was the second half of a wide character, or gets one, must not split it.
        if let Some(before) = self.x.checked_sub(1)
            && before >= self.buf.area.left()
            && self.buf[(before, self.y)].symbol().len() > 1
            && self.buf[(before, self.y)].symbol().cell_width() > 1
        {
            self.buf[(before, self.y)].set_symbol(" ");
        }
        let cell = &mut self.buf[(self.x, self.y)];
        cell.set_symbol(symbol).set_style(style);
        for x in self.x + 1..(self.x + cells).min(self.end) {
            self.buf[(x, self.y)].reset();
        }
        self.x += cells;
    }
}

/// Most bytes a character on the screen may take; longer clusters are shown as unknown.
const LONGEST_CLUSTER: usize = 64;

/// The text as it may be written: one symbol a grapheme with its cells, controls made harmless.
/// Looks at no more of the text than `width` cells can need.
fn shapes(text: &str, width: u16, ascii: bool) -> impl Iterator<Item = (&str, u16)> {
    let mut limit = (usize::from(width) + 1) * 16 + LONGEST_CLUSTER;
    limit = limit.min(text.len());
    while !text.is_char_boundary(limit) {
        limit -= 1;
    }
    text[..limit].graphemes(true).filter_map(move |g| {
        let unknown = if ascii { "?" } else { "\u{fffd}" };
        let first = g.chars().next()?;
        Some(match first {
            ' '..='~' if g.len() == 1 => (g, 1),
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => (" ", 1),
            c if c.is_control() || is_bidi_control(c) || g.len() > LONGEST_CLUSTER => (unknown, 1),
            _ if ascii => ("?", 1),
            _ => match g.cell_width() {
                0 => return None,
                cells => (g, cells),
            },
        })
    })
}

/// Characters that make a terminal draw later text in another order.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Cells a text takes, at most `limit`.
#[must_use]
pub fn text_width(text: &str, limit: u16, ascii: bool) -> u16 {
    let mut sum = 0u16;
    for (_, cells) in shapes(text, limit, ascii) {
        sum = sum.saturating_add(cells);
        if sum >= limit {
            return limit;
        }
    }
    sum
}

/// Breaks a text into lines of at most `width` characters at spaces; words longer than a line are
/// left whole and cut when drawn.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<&str> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut start = 0;
        let mut last_space = None;
        let mut count = 0;
        for (at, c) in paragraph.char_indices() {
            if c == ' ' {
                last_space = Some(at);
            }
            count += 1;
            if count > width
                && let Some(space) = last_space.filter(|s| *s > start)
            {
                lines.push(&paragraph[start..space]);
                start = space + 1;
                let begun = paragraph.get(start..at);
                count = begun.map_or(0, |begun| begun.chars().count() + 1);
                last_space = None;
            }
        }
        lines.push(paragraph.get(start..).unwrap_or_default());
    }
    lines
}

/// The theme's style with bold added.
#[must_use]
pub fn bold(theme: &Theme, role: Role) -> Style {
    theme.style(role).add_modifier(Modifier::BOLD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::{depth::Depth, file};

    fn drawn(text: &str, width: u16, ascii: bool) -> String {
        let theme = Theme::new(&file::builtin()[0], Depth::Ansi, ascii);
        let area = Rect::new(0, 0, width + 1, 1);
        let mut buf = Buffer::filled(area, ratatui::buffer::Cell::new("|"));
        let mut canvas = Canvas {
            buf: &mut buf,
            theme: &theme,
        };
        canvas
            .pen(Rect { width, ..area }, 0)
            .left(text, width, Style::new());
        let mut out = String::new();
        let mut skip = 0;
        for cell in buf.content() {
            if skip == 0 {
                out.push_str(cell.symbol());
                skip = cell.symbol().cell_width();
            }
            skip -= 1;
        }
        out
    }

    #[test]
    fn text_is_cut_with_an_ellipsis_and_fills_its_cells() {
        assert_eq!(drawn("hello", 8, false), "hello   |");
        assert_eq!(drawn("hello", 5, false), "hello|");
        assert_eq!(drawn("hello", 4, false), "hel…|");
        assert_eq!(drawn("hello", 4, true), "hel~|");
        assert_eq!(drawn("hello", 1, false), "…|");
        assert_eq!(drawn("hello", 0, false), "|");
    }

    #[test]
    fn wide_characters_are_never_split() {
        assert_eq!(drawn("日本語", 6, false), "日本語|");
        assert_eq!(drawn("日本語", 5, false), "日本…|");
        assert_eq!(drawn("日本語", 4, false), "日… |");
        assert_eq!(drawn("日", 1, false), "…|");
        assert_eq!(drawn("a👩‍👩‍👧b", 4, false), "a👩‍👩‍👧b|");
    }

    #[test]
    fn controls_cannot_reach_the_terminal() {
        assert_eq!(
            drawn("a\u{1b}[31mb\nc\u{7}", 10, false),
            "a\u{fffd}[31mb c\u{fffd}|"
        );
        assert_eq!(drawn("\u{202e}abc\u{200b}d", 6, false), "\u{fffd}abcd |");
        assert_eq!(drawn("\u{9b}31m é", 6, true), "?31m ?|");
        let bomb = format!("x{}", "\u{301}".repeat(100_000));
        assert_eq!(drawn(&bomb, 3, false), "\u{fffd}  |");
    }

    #[test]
    fn writing_over_half_a_wide_character_blanks_its_other_half() {
        let theme = Theme::new(&file::builtin()[0], Depth::Ansi, false);
        let area = Rect::new(0, 0, 4, 1);
        let mut buf = Buffer::empty(area);
        let mut canvas = Canvas {
            buf: &mut buf,
            theme: &theme,
        };
        canvas.pen(area, 0).put("日本", Style::new());
        let mut pen = canvas.pen(area, 0);
        pen.gap(1);
        pen.put("x", Style::new());
        assert_eq!(buf[(0, 0)].symbol(), " ");
        assert_eq!(buf[(1, 0)].symbol(), "x");
    }

    #[test]
    fn wraps_at_spaces() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(
            wrap("nothing matches é日😀", 15),
            ["nothing matches", "é日😀"]
        );
        assert_eq!(wrap("ab cdé 日本語", 5), ["ab", "cdé", "日本語"]);
        assert_eq!(wrap("unbreakable", 4), ["unbreakable"]);
        assert_eq!(wrap("", 4), Vec::<&str>::new());
        assert_eq!(wrap("a b c", 0), ["a", "b", "c"]);
    }
}
