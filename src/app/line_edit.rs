//! One line of text being edited.

use super::key::{Code, Key};
use unicode_segmentation::UnicodeSegmentation;

/// A line of text and a cursor in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineEdit {
    text: String,
    /// Byte index of the cursor, on a grapheme boundary.
    cursor: usize,
}

impl LineEdit {
    /// Starts with a text, the cursor at its end.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            cursor: text.len(),
        }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Byte index of the cursor; always on a grapheme boundary.
    #[must_use]
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Puts text at the cursor; control characters (newlines of a paste) become spaces.
    pub fn insert(&mut self, text: &str) {
        let clean: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        self.text.insert_str(self.cursor, &clean);
        self.cursor += clean.len();
    }

    /// Does what a key means in a line of text; `false` when it means nothing there.
    pub fn key(&mut self, key: Key) -> bool {
        match (key.code, key.ctrl, key.alt) {
            (Code::Char(c), false, false) => self.insert(c.encode_utf8(&mut [0; 4])),
            (Code::Backspace, false, false) | (Code::Char('h'), true, _) => {
                self.cut(self.left(), self.cursor);
            }
            (Code::Delete, ..) | (Code::Char('d'), true, _) => self.cut(self.cursor, self.right()),
            (Code::Char('w'), true, _) | (Code::Backspace, ..) => {
                self.cut(self.word_left(), self.cursor);
            }
            (Code::Char('u'), true, _) => self.cut(0, self.cursor),
            (Code::Char('k'), true, _) => self.cut(self.cursor, self.text.len()),
            (Code::Left, false, false) | (Code::Char('b'), true, _) => self.cursor = self.left(),
            (Code::Right, false, false) | (Code::Char('f'), true, _) => self.cursor = self.right(),
            (Code::Left, ..) | (Code::Char('b'), _, true) => self.cursor = self.word_left(),
            (Code::Right, ..) | (Code::Char('f'), _, true) => self.cursor = self.word_right(),
            (Code::Home, ..) | (Code::Char('a'), true, _) => self.cursor = 0,
            (Code::End, ..) | (Code::Char('e'), true, _) => self.cursor = self.text.len(),
            _ => return false,
        }
        true
    }

    fn cut(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.cursor = from;
    }

    fn left(&self) -> usize {
        let before = &self.text[..self.cursor];
        before
            .grapheme_indices(true)
            .next_back()
            .map_or(0, |(at, _)| at)
    }

    fn right(&self) -> usize {
        let next = self.text[self.cursor..].graphemes(true).next();
        self.cursor + next.map_or(0, str::len)
    }

    fn word_left(&self) -> usize {
        let before = self.text[..self.cursor].trim_end();
        before
            .char_indices()
            .rfind(|(_, c)| c.is_whitespace())
            .map_or(0, |(at, c)| at + c.len_utf8())
    }

    fn word_right(&self) -> usize {
        let after = &self.text[self.cursor..];
        let skipped = after.len() - after.trim_start().len();
        after[skipped..]
            .find(char::is_whitespace)
            .map_or(self.text.len(), |at| self.cursor + skipped + at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str, keys: &str) -> (String, usize) {
        let mut line = LineEdit::new(text);
        for key in keys.split_whitespace() {
            line.key(key.parse().unwrap());
        }
        (line.text().to_owned(), line.cursor())
    }

    #[test]
    fn edits_by_grapheme_and_word() {
        assert_eq!(after("añ", "backspace"), ("a".into(), 1));
        assert_eq!(after("e\u{301}x", "left left delete"), ("x".into(), 0));
        assert_eq!(after("one two", "ctrl-w"), ("one ".into(), 4));
        assert_eq!(after("one two", "ctrl-w ctrl-w"), (String::new(), 0));
        assert_eq!(after("one two", "ctrl-left x"), ("one xtwo".into(), 5));
        assert_eq!(after("one two", "home ctrl-right"), ("one two".into(), 3));
        assert_eq!(after("ab", "left ctrl-u"), ("b".into(), 0));
        assert_eq!(after("ab", "home ctrl-k"), (String::new(), 0));
        assert_eq!(after("", "left right delete backspace"), (String::new(), 0));
    }

    #[test]
    fn a_pasted_line_break_is_a_space() {
        let mut line = LineEdit::default();
        line.insert("a\nb");
        assert_eq!(line.text(), "a b");
    }
}
