//! What goes through the pipes between the program and its box: `u32` length (little endian, of what
//! follows), one byte of kind, then the fields. Both ends are the same binary, so there is no version.

pub mod jsonata;
pub mod live;

use crate::replay::reducer::{Form, NoteKind};
use std::io::{self, Read, Write};
use std::time::Duration;

/// From the program to the box.
#[derive(Debug, PartialEq)]
pub enum Order {
    /// Load this program (JSON of `Program`) under these limits.
    Load {
        timeout: Duration,
        memory: u64,
        program: Vec<u8>,
    },
    /// Stand at this state after `rows` events (`None`: the initial state, or `undefined`).
    Restore { rows: u64, state: Option<Vec<u8>> },
    /// Fold the events that follow until `to` rows are in the state.
    Fold {
        to: u64,
        keyframe_every: Duration,
        want_previous: bool,
        /// Say [`Report::Starting`] before each row.
        careful: bool,
    },
    /// The next row's JSON.
    Event(Vec<u8>),
    /// The next row leaves the state as it is (it ran away before).
    Skip,
    /// Stop after the row that runs now.
    Cancel,
}

/// From the box to the program.
#[derive(Debug, PartialEq)]
pub enum Report {
    /// The program is loaded and reduces like this.
    Loaded(Form),
    /// The program cannot be loaded: why, and a JavaScript stack (may be empty).
    LoadFailed { message: String, stack: String },
    /// So many rows are done, and everything about them has been said.
    Progress { rows: u64 },
    /// A state worth keeping.
    Keyframe { rows: u64, state: Option<String> },
    /// Something happened at a row.
    Note { row: u64, what: NoteKind },
    /// This row is about to be reduced.
    Starting { row: u64 },
    /// The fold is done.
    Done {
        state: Option<String>,
        previous: Option<Option<String>>,
    },
    /// Cancelled; so many rows are in the state now.
    Stopped { rows: u64 },
    /// The watchdog ends the process because of this row; `None` while loading.
    Died { row: Option<u64>, why: Death },
    /// An order could not be followed.
    Failed(String),
}

/// What the watchdog saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// The row took longer than allowed.
    Time,
    /// The process grew larger than allowed.
    Memory,
}

/// Writes whole frames into a buffer.
pub struct Writer<'a>(&'a mut Vec<u8>, usize);

impl<'a> Writer<'a> {
    fn start(out: &'a mut Vec<u8>, kind: u8) -> Self {
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        out.push(kind);
        Writer(out, start)
    }

    fn u64(&mut self, n: u64) -> &mut Self {
        self.0.extend_from_slice(&n.to_le_bytes());
        self
    }

    fn byte(&mut self, b: u8) -> &mut Self {
        self.0.push(b);
        self
    }

    fn bytes(&mut self, b: &[u8]) -> &mut Self {
        self.u64(b.len() as u64);
        self.0.extend_from_slice(b);
        self
    }

    fn optional(&mut self, b: Option<&[u8]>) -> &mut Self {
        match b {
            Some(b) => self.byte(1).bytes(b),
            None => self.byte(0),
        }
    }

    fn optional_text(&mut self, text: Option<&str>) -> &mut Self {
        self.optional(text.map(str::as_bytes))
    }

    fn form(&mut self, form: Form) -> &mut Self {
        self.byte(u8::from(form == Form::Array))
    }

    /// Where the process ends, if that is known, and of what.
    fn death(&mut self, at: Option<u64>, why: Death) -> &mut Self {
        self.u64(at.unwrap_or(u64::MAX))
            .byte(u8::from(why == Death::Memory))
    }

    fn end(&mut self) {
        let length = (self.0.len() - self.1 - 4) as u32;
        self.0[self.1..self.1 + 4].copy_from_slice(&length.to_le_bytes());
    }
}

/// Appends an event without taking it over; the hot path of [`Order::Event`].
pub fn put_event(out: &mut Vec<u8>, json: &[u8]) {
    let mut w = Writer::start(out, 4);
    w.0.extend_from_slice(json);
    w.end();
}

impl Order {
    /// Appends the frame.
    pub fn put(&self, out: &mut Vec<u8>) {
        match self {
            Order::Load {
                timeout,
                memory,
                program,
            } => Writer::start(out, 1)
                .u64(timeout.as_nanos() as u64)
                .u64(*memory)
                .bytes(program)
                .end(),
            Order::Restore { rows, state } => Writer::start(out, 2)
                .u64(*rows)
                .optional(state.as_deref())
                .end(),
            Order::Fold {
                to,
                keyframe_every,
                want_previous,
                careful,
            } => Writer::start(out, 3)
                .u64(*to)
                .u64(keyframe_every.as_nanos() as u64)
                .byte(u8::from(*want_previous))
                .byte(u8::from(*careful))
                .end(),
            Order::Event(json) => put_event(out, json),
            Order::Skip => Writer::start(out, 5).end(),
            Order::Cancel => Writer::start(out, 6).end(),
        }
    }

    /// Reads the next frame into `body`, which an event takes with it; `None` at the end of the stream.
    ///
    /// # Errors
    /// The pipe's, and `InvalidData` for anything that is no frame.
    pub fn read(from: &mut impl Read, body: Vec<u8>) -> io::Result<Option<Order>> {
        let Some((kind, body)) = frame_with(from, body)? else {
            return Ok(None);
        };
        let mut r = Reader(&body);
        Ok(Some(match kind {
            1 => Order::Load {
                timeout: Duration::from_nanos(r.u64()?),
                memory: r.u64()?,
                program: r.bytes()?.to_vec(),
            },
            2 => Order::Restore {
                rows: r.u64()?,
                state: r.optional()?.map(<[u8]>::to_vec),
            },
            3 => Order::Fold {
                to: r.u64()?,
                keyframe_every: Duration::from_nanos(r.u64()?),
                want_previous: r.byte()? != 0,
                careful: r.byte()? != 0,
            },
            4 => Order::Event(body),
            5 => Order::Skip,
            6 => Order::Cancel,
            _ => return Err(bad()),
        }))
    }
}

impl Report {
    /// Appends the frame.
    pub fn put(&self, out: &mut Vec<u8>) {
        match self {
            Report::Loaded(form) => Writer::start(out, 1).form(*form).end(),
            Report::LoadFailed { message, stack } => Writer::start(out, 2)
                .bytes(message.as_bytes())
                .bytes(stack.as_bytes())
                .end(),
            Report::Progress { rows } => Writer::start(out, 3).u64(*rows).end(),
            Report::Keyframe { rows, state } => Writer::start(out, 4)
                .u64(*rows)
                .optional_text(state.as_deref())
                .end(),
            Report::Note { row, what } => {
                let mut w = Writer::start(out, 5);
                w.u64(*row);
                put_note(&mut w, what);
                w.end();
            }
            Report::Starting { row } => Writer::start(out, 6).u64(*row).end(),
            Report::Done { state, previous } => {
                let mut w = Writer::start(out, 7);
                w.optional_text(state.as_deref());
                match previous {
                    Some(previous) => w.byte(1).optional_text(previous.as_deref()).end(),
                    None => w.byte(0).end(),
                }
            }
            Report::Stopped { rows } => Writer::start(out, 8).u64(*rows).end(),
            Report::Died { row, why } => Writer::start(out, 9).death(*row, *why).end(),
            Report::Failed(message) => Writer::start(out, 10).bytes(message.as_bytes()).end(),
        }
    }

    /// Reads the next frame; `None` at the end of the stream.
    ///
    /// # Errors
    /// The pipe's, and `InvalidData` for anything that is no frame.
    pub fn read(from: &mut impl Read) -> io::Result<Option<Report>> {
        let Some((kind, body)) = frame(from)? else {
            return Ok(None);
        };
        let mut r = Reader(&body);
        Ok(Some(match kind {
            1 => Report::Loaded(r.form()?),
            2 => Report::LoadFailed {
                message: r.text()?,
                stack: r.text()?,
            },
            3 => Report::Progress { rows: r.u64()? },
            4 => Report::Keyframe {
                rows: r.u64()?,
                state: r.optional_text()?,
            },
            5 => Report::Note {
                row: r.u64()?,
                what: r.note()?,
            },
            6 => Report::Starting { row: r.u64()? },
            7 => Report::Done {
                state: r.optional_text()?,
                previous: match r.byte()? {
                    0 => None,
                    _ => Some(r.optional_text()?),
                },
            },
            8 => Report::Stopped { rows: r.u64()? },
            9 => {
                let (row, why) = r.death()?;
                Report::Died { row, why }
            }
            10 => Report::Failed(r.text()?),
            _ => return Err(bad()),
        }))
    }
}

fn put_note(w: &mut Writer<'_>, what: &NoteKind) {
    match what {
        NoteKind::Threw { message, stack } => {
            w.byte(0).bytes(message.as_bytes()).bytes(stack.as_bytes())
        }
        NoteKind::NotJson { message } => w.byte(1).bytes(message.as_bytes()),
        NoteKind::TimedOut { limit } => w.byte(2).u64(limit.as_nanos() as u64),
        NoteKind::OutOfMemory { limit } => w.byte(3).u64(*limit),
        NoteKind::Crashed { message } => w.byte(4).bytes(message.as_bytes()),
        NoteKind::Impure { api } => w.byte(5).bytes(api.as_bytes()),
        NoteKind::Log { level, text } => w.byte(6).bytes(level.as_bytes()).bytes(text.as_bytes()),
    };
}

fn bad() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not a frame of the box")
}

fn frame(from: &mut impl Read) -> io::Result<Option<(u8, Vec<u8>)>> {
    frame_with(from, Vec::new())
}

fn frame_with(from: &mut impl Read, mut body: Vec<u8>) -> io::Result<Option<(u8, Vec<u8>)>> {
    let mut head = [0; 5];
    let mut got = 0;
    while got < head.len() {
        match from.read(&mut head[got..]) {
            Ok(0) if got == 0 => return Ok(None),
            Ok(0) => return Err(bad()),
            Ok(n) => got += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    let length = length.checked_sub(1).ok_or_else(bad)?;
    body.clear();
    body.reserve_exact(length);
    if from.take(length as u64).read_to_end(&mut body)? != length {
        return Err(bad());
    }
    Ok(Some((head[4], body)))
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> io::Result<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n).ok_or_else(bad)?;
        self.0 = rest;
        Ok(head)
    }

    fn byte(&mut self) -> io::Result<u8> {
        Ok(self.take(1)?[0])
    }

    fn u64(&mut self) -> io::Result<u64> {
        let bytes = self.take(8)?.try_into().map_err(|_| bad())?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn bytes(&mut self) -> io::Result<&'a [u8]> {
        let n = self.u64()?;
        self.take(n as usize)
    }

    fn text(&mut self) -> io::Result<String> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_| bad())
    }

    fn optional(&mut self) -> io::Result<Option<&'a [u8]>> {
        Ok(match self.byte()? {
            0 => None,
            _ => Some(self.bytes()?),
        })
    }

    fn optional_text(&mut self) -> io::Result<Option<String>> {
        self.optional()?
            .map(|b| String::from_utf8(b.to_vec()).map_err(|_| bad()))
            .transpose()
    }

    fn form(&mut self) -> io::Result<Form> {
        Ok(match self.byte()? {
            0 => Form::Incremental,
            _ => Form::Array,
        })
    }

    fn death(&mut self) -> io::Result<(Option<u64>, Death)> {
        let at = Some(self.u64()?).filter(|at| *at != u64::MAX);
        let why = match self.byte()? {
            0 => Death::Time,
            _ => Death::Memory,
        };
        Ok((at, why))
    }

    fn note(&mut self) -> io::Result<NoteKind> {
        Ok(match self.byte()? {
            0 => NoteKind::Threw {
                message: self.text()?,
                stack: self.text()?,
            },
            1 => NoteKind::NotJson {
                message: self.text()?,
            },
            2 => NoteKind::TimedOut {
                limit: Duration::from_nanos(self.u64()?),
            },
            3 => NoteKind::OutOfMemory { limit: self.u64()? },
            4 => NoteKind::Crashed {
                message: self.text()?,
            },
            5 => NoteKind::Impure { api: self.text()? },
            6 => NoteKind::Log {
                level: self.text()?,
                text: self.text()?,
            },
            _ => return Err(bad()),
        })
    }
}

/// Writes a buffer of frames and empties it.
///
/// # Errors
/// The pipe's.
pub fn flush(to: &mut impl Write, frames: &mut Vec<u8>) -> io::Result<()> {
    if !frames.is_empty() {
        to.write_all(frames)?;
        to.flush()?;
        frames.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_comes_out_as_it_went_in() {
        let orders = [
            Order::Load {
                timeout: Duration::from_millis(2000),
                memory: 1 << 30,
                program: b"{}".to_vec(),
            },
            Order::Restore {
                rows: 7,
                state: Some(b"[1]".to_vec()),
            },
            Order::Restore {
                rows: 0,
                state: None,
            },
            Order::Fold {
                to: 9,
                keyframe_every: Duration::from_micros(8),
                want_previous: true,
                careful: false,
            },
            Order::Event(b"{\"a\":1}".to_vec()),
            Order::Event(Vec::new()),
            Order::Skip,
            Order::Cancel,
        ];
        let mut bytes = Vec::new();
        for order in &orders {
            order.put(&mut bytes);
        }
        let mut from = bytes.as_slice();
        for order in orders {
            assert_eq!(Order::read(&mut from, vec![7; 9]).unwrap(), Some(order));
        }
        assert_eq!(Order::read(&mut from, vec![7; 9]).unwrap(), None);

        let text = || String::from("é");
        let notes = [
            NoteKind::Threw {
                message: text(),
                stack: text(),
            },
            NoteKind::NotJson { message: text() },
            NoteKind::TimedOut {
                limit: Duration::from_secs(2),
            },
            NoteKind::OutOfMemory { limit: 5 },
            NoteKind::Crashed { message: text() },
            NoteKind::Impure { api: text() },
            NoteKind::Log {
                level: text(),
                text: text(),
            },
        ];
        let mut reports = vec![
            Report::Loaded(Form::Array),
            Report::LoadFailed {
                message: text(),
                stack: String::new(),
            },
            Report::Progress { rows: 3 },
            Report::Keyframe {
                rows: 4,
                state: None,
            },
            Report::Starting { row: 1 },
            Report::Done {
                state: Some(text()),
                previous: Some(None),
            },
            Report::Done {
                state: None,
                previous: None,
            },
            Report::Stopped { rows: 2 },
            Report::Died {
                row: None,
                why: Death::Time,
            },
            Report::Died {
                row: Some(8),
                why: Death::Memory,
            },
            Report::Failed(text()),
        ];
        reports.extend(notes.map(|what| Report::Note { row: 6, what }));
        let mut bytes = Vec::new();
        for report in &reports {
            report.put(&mut bytes);
        }
        let mut from = bytes.as_slice();
        for report in reports {
            assert_eq!(Report::read(&mut from).unwrap(), Some(report));
        }
        assert_eq!(Report::read(&mut from).unwrap(), None);
    }

    #[test]
    fn a_torn_frame_is_an_error() {
        let mut bytes = Vec::new();
        Report::Progress { rows: 3 }.put(&mut bytes);
        for cut in 1..bytes.len() {
            assert!(Report::read(&mut &bytes[..cut]).is_err(), "{cut}");
        }
    }
}
