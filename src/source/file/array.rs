//! Splits JSON values that are spread over lines: the elements of an array, or values that just
//! follow each other. Only brackets and strings are looked at; whether a value is sound JSON is
//! found out when it is read.

use super::split::{Pending, Sink, is_space};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    /// Between values.
    Nothing,
    /// A number, a word, or what nobody knows.
    Scalar,
    /// A string that is itself a record.
    Text,
    /// An object or array, this deep.
    Nest(u64),
    /// A string in an object or array, this deep.
    NestText(u64),
}

/// See the module.
#[derive(Debug)]
pub struct Values {
    inside: Inside,
    /// The last byte was a backslash in a string.
    escaped: bool,
    /// An array's opening bracket was passed, so a closing one ends it.
    in_array: bool,
    /// What follows the array's end is not ours (`{"events":[…], …}`).
    wrapped: bool,
    over: bool,
    start: Pending,
    line: u64,
    pub(super) boundary: u64,
}

impl Values {
    /// `at`: place of the first byte that will be fed. `array`: it comes after `[`, which is the
    /// value of a member of an outer object when `wrapped`. `line`: the line `at` is on.
    pub fn new(at: u64, line: u64, array: bool, wrapped: bool) -> Values {
        Values {
            inside: Inside::Nothing,
            escaped: false,
            in_array: array,
            wrapped,
            over: false,
            start: Pending { start: at, line },
            line,
            boundary: at,
        }
    }

    pub(super) fn feed(&mut self, bytes: &[u8], at: u64, sink: &mut Sink) {
        let mut i = 0;
        while i < bytes.len() && !self.over {
            let place = at + i as u64;
            let byte = bytes[i];
            match self.inside {
                Inside::Text | Inside::NestText(_) => {
                    i = self.text(bytes, i, at, sink);
                    continue;
                }
                Inside::Nest(depth) => match byte {
                    b'"' => self.inside = Inside::NestText(depth),
                    b'{' | b'[' => self.inside = Inside::Nest(depth + 1),
                    b'}' | b']' if depth == 1 => self.end(place + 1, sink),
                    b'}' | b']' => self.inside = Inside::Nest(depth - 1),
                    _ => {}
                },
                Inside::Scalar => {
                    if is_space(byte) || byte == b',' || (byte == b']' && self.in_array) {
                        self.end(place, sink);
                        continue;
                    }
                }
                Inside::Nothing => self.begin(byte, place),
            }
            if byte == b'\n' {
                self.line += 1;
            }
            i += 1;
        }
    }

    fn begin(&mut self, byte: u8, place: u64) {
        self.inside = match byte {
            b',' => return,
            _ if is_space(byte) => return,
            b']' if self.in_array => {
                self.in_array = false;
                self.over = self.wrapped;
                return;
            }
            b'{' | b'[' => Inside::Nest(1),
            b'"' => Inside::Text,
            _ => Inside::Scalar,
        };
        self.start = Pending {
            start: place,
            line: self.line,
        };
    }

    /// Goes on inside a string from `i`; gives the place to go on at.
    fn text(&mut self, bytes: &[u8], mut i: usize, at: u64, sink: &mut Sink) -> usize {
        if self.escaped {
            self.escaped = false;
            self.line += u64::from(bytes[i] == b'\n');
            return i + 1;
        }
        let stop = memchr::memchr3(b'"', b'\\', b'\n', &bytes[i..]);
        let Some(found) = stop else {
            return bytes.len();
        };
        i += found;
        match bytes[i] {
            b'\\' => self.escaped = true,
            b'\n' => self.line += 1,
            _ => match self.inside {
                Inside::NestText(depth) => self.inside = Inside::Nest(depth),
                _ => self.end(at + i as u64 + 1, sink),
            },
        }
        i + 1
    }

    fn end(&mut self, end: u64, sink: &mut Sink) {
        sink.record(self.start.start, self.start.line);
        self.boundary = end;
        self.inside = Inside::Nothing;
    }

    pub(super) fn pending(&self) -> Option<Pending> {
        (self.inside != Inside::Nothing).then_some(self.start)
    }
}

/// The value in the bytes from its own start to the start of the next one.
pub fn value(bytes: &[u8]) -> &[u8] {
    let end = bytes
        .iter()
        .rposition(|b| !is_space(*b) && *b != b',')
        .map_or(0, |last| last + 1);
    &bytes[..end]
}
