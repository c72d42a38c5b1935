//! The frames of a live worker: the same pipes and framing, with hooks and what they ask of outside.

use super::{Death, Reader, Writer, bad, frame, put_note};
use crate::replay::reducer::{Form, NoteKind};
use std::io::{self, Read};
use std::time::Duration;

/// From the service to a live worker.
#[derive(Debug, PartialEq)]
pub enum Order {
    /// Load this program.
    Load(Load),
    /// Stand at this state after the event at `offset` (`None`: the initial state, or `undefined`).
    Restore { offset: u64, state: Option<Vec<u8>> },
    /// Reduce this event; with `hook`, run the hook too.
    Event {
        offset: u64,
        hook: bool,
        json: Vec<u8>,
    },
    /// The event at this offset leaves the state as it is (it ran away before).
    Skip { offset: u64 },
    /// What a request came to.
    Answer { id: u64, answer: Answer },
    /// Tell the state, and whether anything is still going on.
    Keep,
}

/// A program, its surroundings and its limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// Time one reduction may take.
    pub reduce_timeout: Duration,
    /// Time code may run without coming back to the event loop.
    pub turn_timeout: Duration,
    /// Resident bytes.
    pub memory: u64,
    /// JSON of `Program`.
    pub program: Vec<u8>,
    /// `process.env`: a JSON object of strings.
    pub env: Vec<u8>,
}

/// What a request came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// JSON, or the bytes of a body's chunk.
    Value(Vec<u8>),
    /// There is no more.
    End,
    /// Refused or failed.
    Failed(Refusal),
}

/// Why a request failed; what the promise is rejected with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// In words.
    pub message: String,
    /// The service's code (`PRECONDITION_FAILED`), empty for none.
    pub code: String,
    /// The HTTP status that goes with it, 0 for none.
    pub status: u64,
}

/// From a live worker to the service.
#[derive(Debug, PartialEq)]
pub enum Report {
    /// The program is loaded, reduces like this, and has a hook or not.
    Loaded { form: Form, hooked: bool },
    /// The program cannot be loaded.
    LoadFailed { message: String, stack: String },
    /// The event is in the state, or failed to be.
    Folded {
        offset: u64,
        failure: Option<NoteKind>,
    },
    /// The hook is done, and so are its appends.
    Hooked {
        offset: u64,
        threw: Option<(String, String)>,
    },
    /// Asks something of outside.
    Request { id: u64, request: Request },
    /// A line of `console` or `logger`.
    Log { level: String, text: String },
    /// Something failed that nobody waited for, begun by the hook of this event.
    Stray {
        offset: u64,
        message: String,
        stack: String,
    },
    /// The state after `offset`; `quiet` when no timer, request or hook is open. An array processor
    /// has no state to keep.
    Kept {
        offset: u64,
        state: Option<String>,
        quiet: bool,
    },
    /// The watchdog ends the process; `hook` when it was not the reducer.
    Died {
        offset: Option<u64>,
        hook: bool,
        why: Death,
    },
    /// An order could not be followed.
    Failed(String),
}

/// What a hook asks of outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Append an event: the `nth` (from 1) call made by the hook of the event at `cause`.
    Append {
        cause: u64,
        nth: u64,
        path: Option<String>,
        event: Vec<u8>,
    },
    /// Make an HTTP request; `head` is JSON, see `worker::fetch`.
    Fetch { head: Vec<u8>, body: Body },
    /// The next chunk of the response to that fetch.
    Pull { fetch: u64 },
    /// The next chunk of that fetch's request body, `None` at its end.
    Push { fetch: u64, chunk: Option<Vec<u8>> },
    /// That fetch is no longer wanted. Not answered.
    Cancel { fetch: u64 },
}

/// The body of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// None.
    Empty,
    /// All of it.
    Bytes(Vec<u8>),
    /// Follows by [`Request::Push`].
    Stream,
}

impl Order {
    /// Appends the frame.
    pub fn put(&self, out: &mut Vec<u8>) {
        match self {
            Order::Load(load) => Writer::start(out, 1)
                .u64(load.reduce_timeout.as_nanos() as u64)
                .u64(load.turn_timeout.as_nanos() as u64)
                .u64(load.memory)
                .bytes(&load.program)
                .bytes(&load.env)
                .end(),
            Order::Restore { offset, state } => Writer::start(out, 2)
                .u64(*offset)
                .optional(state.as_deref())
                .end(),
            Order::Event { offset, hook, json } => put_event(out, *offset, *hook, json),
            Order::Skip { offset } => Writer::start(out, 4).u64(*offset).end(),
            Order::Answer { id, answer } => {
                let mut w = Writer::start(out, 5);
                w.u64(*id);
                match answer {
                    Answer::Value(bytes) => w.byte(0).bytes(bytes).end(),
                    Answer::End => w.byte(1).end(),
                    Answer::Failed(refusal) => w
                        .byte(2)
                        .bytes(refusal.message.as_bytes())
                        .bytes(refusal.code.as_bytes())
                        .u64(refusal.status)
                        .end(),
                }
            }
            Order::Keep => Writer::start(out, 6).end(),
        }
    }

    /// Reads the next frame; `None` at the end of the stream.
    ///
    /// # Errors
    /// The pipe's, and `InvalidData` for anything that is no frame.
    pub fn read(from: &mut impl Read) -> io::Result<Option<Order>> {
        let Some((kind, mut body)) = frame(from)? else {
            return Ok(None);
        };
        if kind == 3 {
            let mut r = Reader(&body);
            let (offset, hook) = (r.u64()?, r.byte()? != 0);
            body.drain(..9);
            return Ok(Some(Order::Event {
                offset,
                hook,
                json: body,
            }));
        }
        let mut r = Reader(&body);
        Ok(Some(match kind {
            1 => Order::Load(Load {
                reduce_timeout: Duration::from_nanos(r.u64()?),
                turn_timeout: Duration::from_nanos(r.u64()?),
                memory: r.u64()?,
                program: r.bytes()?.to_vec(),
                env: r.bytes()?.to_vec(),
            }),
            2 => Order::Restore {
                offset: r.u64()?,
                state: r.optional()?.map(<[u8]>::to_vec),
            },
            4 => Order::Skip { offset: r.u64()? },
            5 => Order::Answer {
                id: r.u64()?,
                answer: match r.byte()? {
                    0 => Answer::Value(r.bytes()?.to_vec()),
                    1 => Answer::End,
                    2 => Answer::Failed(Refusal {
                        message: r.text()?,
                        code: r.text()?,
                        status: r.u64()?,
                    }),
                    _ => return Err(bad()),
                },
            },
            6 => Order::Keep,
            _ => return Err(bad()),
        }))
    }
}

/// Appends an [`Order::Event`] without taking the event over.
pub fn put_event(out: &mut Vec<u8>, offset: u64, hook: bool, json: &[u8]) {
    let mut w = Writer::start(out, 3);
    w.u64(offset).byte(u8::from(hook));
    w.0.extend_from_slice(json);
    w.end();
}

impl Report {
    /// Appends the frame.
    pub fn put(&self, out: &mut Vec<u8>) {
        match self {
            Report::Loaded { form, hooked } => Writer::start(out, 1)
                .form(*form)
                .byte(u8::from(*hooked))
                .end(),
            Report::LoadFailed { message, stack } => Writer::start(out, 2)
                .bytes(message.as_bytes())
                .bytes(stack.as_bytes())
                .end(),
            Report::Folded { offset, failure } => {
                let mut w = Writer::start(out, 3);
                w.u64(*offset).byte(u8::from(failure.is_some()));
                if let Some(what) = failure {
                    put_note(&mut w, what);
                }
                w.end();
            }
            Report::Hooked { offset, threw } => {
                let mut w = Writer::start(out, 4);
                w.u64(*offset).byte(u8::from(threw.is_some()));
                if let Some((message, stack)) = threw {
                    w.bytes(message.as_bytes()).bytes(stack.as_bytes());
                }
                w.end();
            }
            Report::Request { id, request } => {
                let mut w = Writer::start(out, 5);
                w.u64(*id);
                put_request(&mut w, request);
                w.end();
            }
            Report::Log { level, text } => Writer::start(out, 6)
                .bytes(level.as_bytes())
                .bytes(text.as_bytes())
                .end(),
            Report::Stray {
                offset,
                message,
                stack,
            } => Writer::start(out, 7)
                .u64(*offset)
                .bytes(message.as_bytes())
                .bytes(stack.as_bytes())
                .end(),
            Report::Kept {
                offset,
                state,
                quiet,
            } => Writer::start(out, 8)
                .u64(*offset)
                .optional_text(state.as_deref())
                .byte(u8::from(*quiet))
                .end(),
            Report::Died { offset, hook, why } => Writer::start(out, 9)
                .death(*offset, *why)
                .byte(u8::from(*hook))
                .end(),
            Report::Failed(message) => Writer::start(out, 10).bytes(message.as_bytes()).end(),
        }
    }

    /// Reads what a frame of this kind holds (see [`super::frame`]).
    ///
    /// # Errors
    /// `InvalidData` for anything that is no report.
    pub fn decode(kind: u8, body: &[u8]) -> io::Result<Report> {
        let mut r = Reader(body);
        Ok(match kind {
            1 => Report::Loaded {
                form: r.form()?,
                hooked: r.byte()? != 0,
            },
            2 => Report::LoadFailed {
                message: r.text()?,
                stack: r.text()?,
            },
            3 => Report::Folded {
                offset: r.u64()?,
                failure: match r.byte()? {
                    0 => None,
                    _ => Some(r.note()?),
                },
            },
            4 => Report::Hooked {
                offset: r.u64()?,
                threw: match r.byte()? {
                    0 => None,
                    _ => Some((r.text()?, r.text()?)),
                },
            },
            5 => Report::Request {
                id: r.u64()?,
                request: request(&mut r)?,
            },
            6 => Report::Log {
                level: r.text()?,
                text: r.text()?,
            },
            7 => Report::Stray {
                offset: r.u64()?,
                message: r.text()?,
                stack: r.text()?,
            },
            8 => Report::Kept {
                offset: r.u64()?,
                state: r.optional_text()?,
                quiet: r.byte()? != 0,
            },
            9 => {
                let (offset, why) = r.death()?;
                let hook = r.byte()? != 0;
                Report::Died { offset, hook, why }
            }
            10 => Report::Failed(r.text()?),
            _ => return Err(bad()),
        })
    }
}

fn put_request(w: &mut Writer<'_>, request: &Request) {
    match request {
        Request::Append {
            cause,
            nth,
            path,
            event,
        } => w
            .byte(0)
            .u64(*cause)
            .u64(*nth)
            .optional_text(path.as_deref())
            .bytes(event),
        Request::Fetch { head, body } => {
            w.byte(1).bytes(head);
            match body {
                Body::Empty => w.byte(0),
                Body::Bytes(bytes) => w.byte(1).bytes(bytes),
                Body::Stream => w.byte(2),
            }
        }
        Request::Pull { fetch } => w.byte(2).u64(*fetch),
        Request::Push { fetch, chunk } => w.byte(3).u64(*fetch).optional(chunk.as_deref()),
        Request::Cancel { fetch } => w.byte(4).u64(*fetch),
    };
}

fn request(r: &mut Reader<'_>) -> io::Result<Request> {
    Ok(match r.byte()? {
        0 => Request::Append {
            cause: r.u64()?,
            nth: r.u64()?,
            path: r.optional_text()?,
            event: r.bytes()?.to_vec(),
        },
        1 => Request::Fetch {
            head: r.bytes()?.to_vec(),
            body: match r.byte()? {
                0 => Body::Empty,
                1 => Body::Bytes(r.bytes()?.to_vec()),
                2 => Body::Stream,
                _ => return Err(bad()),
            },
        },
        2 => Request::Pull { fetch: r.u64()? },
        3 => Request::Push {
            fetch: r.u64()?,
            chunk: r.optional()?.map(<[u8]>::to_vec),
        },
        4 => Request::Cancel { fetch: r.u64()? },
        _ => return Err(bad()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_comes_out_as_it_went_in() {
        let orders = [
            Order::Load(Load {
                reduce_timeout: Duration::from_secs(2),
                turn_timeout: Duration::from_secs(300),
                memory: 1 << 28,
                program: b"{}".to_vec(),
                env: b"{\"A\":\"b\"}".to_vec(),
            }),
            Order::Restore {
                offset: 7,
                state: Some(b"[1]".to_vec()),
            },
            Order::Event {
                offset: 8,
                hook: true,
                json: b"{}".to_vec(),
            },
            Order::Skip { offset: 9 },
            Order::Answer {
                id: 1,
                answer: Answer::Value(vec![0, 255]),
            },
            Order::Answer {
                id: 2,
                answer: Answer::End,
            },
            Order::Answer {
                id: 3,
                answer: Answer::Failed(Refusal {
                    message: "é".into(),
                    code: "X".into(),
                    status: 412,
                }),
            },
            Order::Keep,
        ];
        let mut bytes = Vec::new();
        for order in &orders {
            order.put(&mut bytes);
        }
        let mut from = bytes.as_slice();
        for order in orders {
            assert_eq!(Order::read(&mut from).unwrap(), Some(order));
        }
        assert_eq!(Order::read(&mut from).unwrap(), None);

        let text = || String::from("é");
        let requests = [
            Request::Append {
                cause: 4,
                nth: 1,
                path: None,
                event: b"{}".to_vec(),
            },
            Request::Fetch {
                head: b"{}".to_vec(),
                body: Body::Bytes(vec![1]),
            },
            Request::Fetch {
                head: Vec::new(),
                body: Body::Stream,
            },
            Request::Pull { fetch: 3 },
            Request::Push {
                fetch: 3,
                chunk: None,
            },
            Request::Cancel { fetch: 3 },
        ];
        let mut reports = vec![
            Report::Loaded {
                form: Form::Array,
                hooked: true,
            },
            Report::LoadFailed {
                message: text(),
                stack: text(),
            },
            Report::Folded {
                offset: 1,
                failure: Some(NoteKind::NotJson { message: text() }),
            },
            Report::Hooked {
                offset: 1,
                threw: Some((text(), text())),
            },
            Report::Log {
                level: text(),
                text: text(),
            },
            Report::Stray {
                offset: 2,
                message: text(),
                stack: text(),
            },
            Report::Kept {
                offset: 3,
                state: Some(text()),
                quiet: true,
            },
            Report::Died {
                offset: None,
                hook: false,
                why: Death::Memory,
            },
            Report::Failed(text()),
        ];
        reports.extend(
            requests
                .into_iter()
                .map(|request| Report::Request { id: 5, request }),
        );
        for report in reports {
            let mut bytes = Vec::new();
            report.put(&mut bytes);
            let (kind, body) = frame(&mut bytes.as_slice()).unwrap().unwrap();
            assert_eq!(Report::decode(kind, &body).unwrap(), report);
        }
    }
}
