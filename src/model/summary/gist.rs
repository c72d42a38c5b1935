//! A line under construction that cannot harm a terminal and cannot grow without end.

/// Collects text onto one line. White space runs become one space; control characters and
/// characters that reorder or hide text become U+FFFD.
#[derive(Debug)]
pub struct Gist {
    line: String,
    chars: usize,
    most: usize,
    /// White space was seen and goes before the next character.
    space: bool,
    cut: bool,
}

impl Gist {
    /// An empty line of at most `most` characters.
    #[must_use]
    pub fn new(most: usize) -> Gist {
        Gist {
            line: String::new(),
            chars: 0,
            most,
            space: false,
            cut: false,
        }
    }

    /// True when nothing has been said yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// Characters so far.
    #[must_use]
    pub fn chars(&self) -> usize {
        self.chars
    }

    /// True when more text would be left out.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.cut
    }

    /// Adds text right behind what is there.
    pub fn push(&mut self, text: &str) {
        for c in text.chars() {
            if self.cut {
                return;
            }
            if c.is_whitespace() {
                self.space = true;
                continue;
            }
            if std::mem::take(&mut self.space) && !self.line.is_empty() {
                self.put(' ');
            }
            self.put(if harms_terminals(c) { '\u{fffd}' } else { c });
        }
    }

    /// Adds text behind ` · `, or at the start.
    pub fn part(&mut self, text: &str) {
        self.apart(" · ", text);
    }

    /// Adds text behind two spaces, or at the start.
    pub fn aside(&mut self, text: &str) {
        self.apart("  ", text);
    }

    fn apart(&mut self, between: &str, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        self.space = false;
        if !self.line.is_empty() {
            between.chars().for_each(|c| self.put(c));
        }
        self.push(text);
    }

    fn put(&mut self, c: char) {
        if self.chars < self.most {
            self.line.push(c);
            self.chars += 1;
        } else if !self.cut {
            self.cut = true;
            self.line.pop();
            self.line.push('…');
        }
    }

    /// The line.
    #[must_use]
    pub fn finish(self) -> String {
        self.line
    }
}

/// True for control characters, bidi controls, and invisible characters.
#[must_use]
pub fn harms_terminals(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
