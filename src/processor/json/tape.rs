//! JSON text to a flat tape of tokens, off the engine's thread. The grammar is that of JavaScript's
//! `JSON.parse`: lone surrogates are kept, `-0` stays `-0`, nothing lenient.

use super::MAX_DEPTH;
use rustc_hash::FxHashMap;
use std::fmt;

/// Where a string's units are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Span {
    /// ASCII bytes of the source text itself.
    Source(u32, u32),
    /// ASCII bytes after unescaping.
    Narrow(u32, u32),
    /// UTF-16 units.
    Wide(u32, u32),
}

/// One step of the document, in document order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Token {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number that is a 32-bit integer (and not `-0`).
    Int(i32),
    /// Any other number.
    Num(f64),
    /// A string value.
    Str(Span),
    /// A key known to the [`Interner`], by its number there.
    Key(u32),
    /// A key written out.
    FreshKey(Span),
    /// `[`
    OpenArray,
    /// `{`
    OpenObject,
    /// `]` or `}`
    Close,
}

/// A parsed document.
#[derive(Debug, Default)]
pub struct Tape {
    /// The tokens.
    pub tokens: Vec<Token>,
    /// The text they were read from.
    pub source: Vec<u8>,
    /// What [`Span::Narrow`] points into.
    pub narrow: Vec<u8>,
    /// What [`Span::Wide`] points into.
    pub wide: Vec<u16>,
}

/// Numbers for keys, so that the engine's side need not hash their text again.
#[derive(Debug, Default)]
pub struct Interner {
    ids: FxHashMap<Box<[u8]>, u32>,
    fresh: Vec<Box<[u8]>>,
}

impl Interner {
    /// Keys beyond these are written out each time: a log whose keys are data must not grow us.
    const MAX_KEYS: usize = 1 << 14;
    const MAX_LEN: usize = 64;

    /// The number of a key; `None` when there are too many, or it is too long.
    pub fn number(&mut self, key: &[u8]) -> Option<u32> {
        if let Some(id) = self.ids.get(key) {
            return Some(*id);
        }
        if self.ids.len() >= Self::MAX_KEYS || key.len() > Self::MAX_LEN {
            return None;
        }
        let id = self.ids.len() as u32;
        self.ids.insert(key.into(), id);
        self.fresh.push(key.into());
        Some(id)
    }

    /// The keys numbered since this was last asked, in order of their numbers.
    pub fn take_fresh(&mut self) -> Vec<Box<[u8]>> {
        std::mem::take(&mut self.fresh)
    }
}

/// Why a text is not JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum ScanError {
    /// It ended too early.
    End,
    /// This character (`None`: not UTF-8) does not belong at this byte.
    Unexpected(Option<char>, usize),
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScanError::End => f.write_str("Unexpected end of JSON input"),
            ScanError::Unexpected(Some(c), at) => {
                write!(f, "Unexpected token '{c}' in JSON at position {at}")
            }
            ScanError::Unexpected(None, at) => {
                write!(f, "Text that is not UTF-8 in JSON at position {at}")
            }
            ScanError::TooDeep => write!(f, "JSON nested deeper than {MAX_DEPTH} levels"),
        }
    }
}

/// Reads one JSON document.
///
/// # Errors
/// [`ScanError`], with the byte it was found at.
pub fn scan(source: Vec<u8>, interner: Option<&mut Interner>) -> Result<Tape, ScanError> {
    let mut tape = Tape::default();
    tape.tokens.reserve(source.len() / 12 + 4);
    scan_onto(tape, source, interner)
}

/// The same, onto a tape that is no longer needed.
///
/// # Errors
/// As [`scan`].
pub fn scan_onto(
    mut tape: Tape,
    source: Vec<u8>,
    interner: Option<&mut Interner>,
) -> Result<Tape, ScanError> {
    tape.tokens.clear();
    tape.narrow.clear();
    tape.wide.clear();
    let mut scanner = Scanner {
        text: &source,
        at: 0,
        tape: &mut tape,
        interner,
        open: Vec::new(),
    };
    scanner.document()?;
    tape.source = source;
    Ok(tape)
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    tape: &'a mut Tape,
    interner: Option<&'a mut Interner>,
    /// Containers around us; true for an object.
    open: Vec<bool>,
}

impl Scanner<'_> {
    fn unexpected(&self, at: usize) -> ScanError {
        let Some(rest) = self.text.get(at..) else {
            return ScanError::End;
        };
        if rest.is_empty() {
            return ScanError::End;
        }
        let head = &rest[..rest.len().min(4)];
        let c = match std::str::from_utf8(head) {
            Ok(s) => s.chars().next(),
            Err(e) => std::str::from_utf8(&head[..e.valid_up_to()])
                .ok()
                .and_then(|s| s.chars().next()),
        };
        ScanError::Unexpected(c, at)
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.get(self.at) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Result<u8, ScanError> {
        self.space();
        self.text.get(self.at).copied().ok_or(ScanError::End)
    }

    fn document(&mut self) -> Result<(), ScanError> {
        loop {
            // A value is due here.
            match self.peek()? {
                b'{' => {
                    self.open(true)?;
                    if self.peek()? == b'}' {
                        self.close();
                    } else {
                        self.key()?;
                        continue;
                    }
                }
                b'[' => {
                    self.open(false)?;
                    if self.peek()? == b']' {
                        self.close();
                    } else {
                        continue;
                    }
                }
                b'"' => {
                    let span = self.string()?;
                    self.tape.tokens.push(Token::Str(span));
                }
                b't' => self.word(b"true", Token::Bool(true))?,
                b'f' => self.word(b"false", Token::Bool(false))?,
                b'n' => self.word(b"null", Token::Null)?,
                b'-' | b'0'..=b'9' => self.number()?,
                _ => return Err(self.unexpected(self.at)),
            }
            // A value just ended.
            loop {
                let Some(&in_object) = self.open.last() else {
                    self.space();
                    return if self.at == self.text.len() {
                        Ok(())
                    } else {
                        Err(self.unexpected(self.at))
                    };
                };
                match self.peek()? {
                    b',' => {
                        self.at += 1;
                        if in_object {
                            self.key()?;
                        }
                        break;
                    }
                    b'}' if in_object => self.close(),
                    b']' if !in_object => self.close(),
                    _ => return Err(self.unexpected(self.at)),
                }
            }
        }
    }

    fn open(&mut self, object: bool) -> Result<(), ScanError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(ScanError::TooDeep);
        }
        self.at += 1;
        self.open.push(object);
        self.tape.tokens.push(if object {
            Token::OpenObject
        } else {
            Token::OpenArray
        });
        Ok(())
    }

    fn close(&mut self) {
        self.at += 1;
        self.open.pop();
        self.tape.tokens.push(Token::Close);
    }

    fn word(&mut self, word: &[u8], token: Token) -> Result<(), ScanError> {
        for (i, b) in word.iter().enumerate() {
            if self.text.get(self.at + i) != Some(b) {
                return Err(self.unexpected(self.at + i));
            }
        }
        self.at += word.len();
        self.tape.tokens.push(token);
        Ok(())
    }

    fn key(&mut self) -> Result<(), ScanError> {
        if self.peek()? != b'"' {
            return Err(self.unexpected(self.at));
        }
        let span = self.string()?;
        let id = match (span, &mut self.interner) {
            (Span::Source(start, end), Some(interner)) => {
                interner.number(&self.text[start as usize..end as usize])
            }
            _ => None,
        };
        self.tape
            .tokens
            .push(id.map_or(Token::FreshKey(span), Token::Key));
        if self.peek()? != b':' {
            return Err(self.unexpected(self.at));
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<Span, ScanError> {
        self.at += 1;
        let start = self.at;
        loop {
            match self.text.get(self.at) {
                Some(b'"') => {
                    let span = Span::Source(start as u32, self.at as u32);
                    self.at += 1;
                    return Ok(span);
                }
                Some(b'\\' | 0x80..) => return self.rich_string(start),
                Some(0x20..) => self.at += 1,
                Some(_) => return Err(self.unexpected(self.at)),
                None => return Err(ScanError::End),
            }
        }
    }

    /// A string with escapes or non-ASCII text; `start` is its first byte, up to `self.at` it is plain.
    fn rich_string(&mut self, start: usize) -> Result<Span, ScanError> {
        let from = self.tape.wide.len();
        self.tape
            .wide
            .extend(self.text[start..self.at].iter().map(|b| u16::from(*b)));
        let mut ascii = true;
        loop {
            let run = self.at;
            while matches!(self.text.get(self.at), Some(b) if !matches!(b, b'"' | b'\\' | 0..0x20))
            {
                self.at += 1;
            }
            let run_text = match std::str::from_utf8(&self.text[run..self.at]) {
                Ok(text) => text,
                Err(e) => return Err(ScanError::Unexpected(None, run + e.valid_up_to())),
            };
            ascii &= run_text.is_ascii();
            self.tape.wide.extend(run_text.encode_utf16());
            match self.text.get(self.at) {
                None => return Err(ScanError::End),
                Some(b'"') => {
                    self.at += 1;
                    break;
                }
                Some(b'\\') => {
                    let unit = self.escape()?;
                    ascii &= unit < 0x80;
                    self.tape.wide.push(unit);
                }
                Some(_) => return Err(self.unexpected(self.at)),
            }
        }
        if ascii {
            let narrow_from = self.tape.narrow.len();
            self.tape
                .narrow
                .extend(self.tape.wide[from..].iter().map(|u| *u as u8));
            self.tape.wide.truncate(from);
            return Ok(Span::Narrow(
                narrow_from as u32,
                self.tape.narrow.len() as u32,
            ));
        }
        Ok(Span::Wide(from as u32, self.tape.wide.len() as u32))
    }

    fn escape(&mut self) -> Result<u16, ScanError> {
        let at = self.at + 1;
        let c = *self.text.get(at).ok_or(ScanError::End)?;
        self.at += 2;
        Ok(match c {
            b'"' | b'\\' | b'/' => u16::from(c),
            b'b' => 8,
            b'f' => 12,
            b'n' => 10,
            b'r' => 13,
            b't' => 9,
            b'u' => {
                let mut unit = 0u16;
                for i in 0..4 {
                    let digit = self.text.get(self.at + i).ok_or(ScanError::End)?;
                    let value = (*digit as char)
                        .to_digit(16)
                        .ok_or_else(|| self.unexpected(self.at + i))?;
                    unit = unit << 4 | value as u16;
                }
                self.at += 4;
                unit
            }
            _ => return Err(self.unexpected(at)),
        })
    }

    fn number(&mut self) -> Result<(), ScanError> {
        let start = self.at;
        if self.text[self.at] == b'-' {
            self.at += 1;
        }
        match self.text.get(self.at) {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            Some(_) => return Err(self.unexpected(self.at)),
            None => return Err(ScanError::End),
        }
        let mut integer = true;
        if self.text.get(self.at) == Some(&b'.') {
            integer = false;
            self.at += 1;
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.text.get(self.at) {
            integer = false;
            self.at += 1;
            if let Some(b'+' | b'-') = self.text.get(self.at) {
                self.at += 1;
            }
            self.some_digits()?;
        }
        let bytes = &self.text[start..self.at];
        // The bytes are ASCII digits and signs by the checks above.
        let text = std::str::from_utf8(bytes).unwrap_or("0");
        let token = if integer && bytes != b"-0" && bytes.len() <= 11 {
            text.parse::<i32>()
                .map_or_else(|_| Token::Num(text.parse().unwrap_or(f64::NAN)), Token::Int)
        } else {
            let number: f64 = text.parse().unwrap_or(f64::NAN);
            let whole = number as i32;
            if f64::from(whole).to_bits() == number.to_bits() {
                Token::Int(whole)
            } else {
                Token::Num(number)
            }
        };
        self.tape.tokens.push(token);
        Ok(())
    }

    fn digits(&mut self) {
        while let Some(b'0'..=b'9') = self.text.get(self.at) {
            self.at += 1;
        }
    }

    fn some_digits(&mut self) -> Result<(), ScanError> {
        let from = self.at;
        self.digits();
        if self.at == from {
            return Err(self.unexpected(self.at));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// As serde judges: where both can say, they agree.
        #[test]
        fn accepts_what_is_json_and_nothing_else(text in "[\\[\\]{}:,\"0-9a-f.eE+\\- tnrulsx\\\\]{0,24}") {
            let ours = scan(text.clone().into_bytes(), None).is_ok();
            match serde_json::from_str::<serde_json::Value>(&text) {
                Ok(_) => prop_assert!(ours, "{}", text),
                // Lone surrogates and numbers too large are JSON to JavaScript.
                Err(e) if e.to_string().contains("surrogate") || e.to_string().contains("range") => {}
                Err(e) if e.to_string().contains("hex escape") => {}
                Err(_) => prop_assert!(!ours, "{}", text),
            }
        }
    }

    #[test]
    fn numbers_are_exact() {
        let tape = scan(b"[-0,0,1.0,2147483648,1e400,0.1]".to_vec(), None).unwrap();
        let expected = [
            Token::OpenArray,
            Token::Num(-0.0),
            Token::Int(0),
            Token::Int(1),
            Token::Num(2_147_483_648.0),
            Token::Num(f64::INFINITY),
            Token::Num(0.1),
            Token::Close,
        ];
        assert_eq!(tape.tokens, expected);
        assert!(matches!(tape.tokens[1], Token::Num(n) if n.is_sign_negative()));
    }

    #[test]
    fn keys_are_numbered_once() {
        let mut interner = Interner::default();
        let tape = scan(br#"{"a":{"b":1},"a":2}"#.to_vec(), Some(&mut interner)).unwrap();
        let keys: Vec<&Token> = tape
            .tokens
            .iter()
            .filter(|token| matches!(token, Token::Key(_)))
            .collect();
        assert_eq!(keys, [&Token::Key(0), &Token::Key(1), &Token::Key(0)]);
        assert_eq!(interner.take_fresh().len(), 2);
        assert!(interner.take_fresh().is_empty());
    }
}
