//! The frames of the box for JSONata: one question, one answer.

use super::{Death, Reader, Writer, bad, frame};
use std::io::{self, Read};

/// Which of the two expressions of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What decides whether there is an answer.
    Filter,
    /// What makes it.
    Transform,
}

/// From the service to the box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// If what it gives is not true, the answer is [`Answer::Filtered`].
    pub filter: Option<String>,
    /// What to make of the input.
    pub transform: Option<String>,
    /// JSON.
    pub input: Vec<u8>,
}

/// From the box to the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The filter does not hold.
    Filtered,
    /// The filter holds, and nothing was to be made.
    Passed,
    /// The transform gives nothing.
    Nothing,
    /// What the transform gives, as JSON.
    Value(String),
    /// One of them failed.
    Failed {
        part: Part,
        /// It is no JSONata.
        syntax: bool,
        message: String,
    },
    /// The watchdog ends the process.
    Died { part: Option<Part>, why: Death },
}

impl Part {
    /// As the number of a row.
    pub fn row(self) -> u64 {
        match self {
            Part::Filter => 0,
            Part::Transform => 1,
        }
    }

    /// The reverse; `None` for any other number.
    pub fn of_row(row: u64) -> Option<Part> {
        [Part::Filter, Part::Transform]
            .into_iter()
            .find(|part| part.row() == row)
    }
}

/// Appends the frame of an [`Ask`] without taking anything over.
pub fn put_ask(out: &mut Vec<u8>, filter: Option<&str>, transform: Option<&str>, input: &[u8]) {
    Writer::start(out, 1)
        .optional_text(filter)
        .optional_text(transform)
        .bytes(input)
        .end();
}

impl Ask {
    /// Reads the next frame; `None` at the end of the stream.
    ///
    /// # Errors
    /// The pipe's, and `InvalidData` for anything that is no frame.
    pub fn read(from: &mut impl Read) -> io::Result<Option<Ask>> {
        let Some((1, body)) = frame(from)? else {
            return Ok(None);
        };
        let mut r = Reader(&body);
        Ok(Some(Ask {
            filter: r.optional_text()?,
            transform: r.optional_text()?,
            input: r.bytes()?.to_vec(),
        }))
    }
}

impl Answer {
    /// Appends the frame.
    pub fn put(&self, out: &mut Vec<u8>) {
        match self {
            Answer::Filtered => Writer::start(out, 1).end(),
            Answer::Passed => Writer::start(out, 2).end(),
            Answer::Nothing => Writer::start(out, 3).end(),
            Answer::Value(json) => Writer::start(out, 4).bytes(json.as_bytes()).end(),
            Answer::Failed {
                part,
                syntax,
                message,
            } => Writer::start(out, 5)
                .u64(part.row())
                .byte(u8::from(*syntax))
                .bytes(message.as_bytes())
                .end(),
            Answer::Died { part, why } => {
                Writer::start(out, 6).death(part.map(Part::row), *why).end()
            }
        }
    }

    /// Reads what a frame of this kind holds.
    ///
    /// # Errors
    /// `InvalidData` for anything that is no answer.
    pub fn decode(kind: u8, body: &[u8]) -> io::Result<Answer> {
        let mut r = Reader(body);
        Ok(match kind {
            1 => Answer::Filtered,
            2 => Answer::Passed,
            3 => Answer::Nothing,
            4 => Answer::Value(r.text()?),
            5 => Answer::Failed {
                part: Part::of_row(r.u64()?).ok_or_else(bad)?,
                syntax: r.byte()? != 0,
                message: r.text()?,
            },
            6 => {
                let (row, why) = r.death()?;
                let part = row.and_then(Part::of_row);
                Answer::Died { part, why }
            }
            _ => return Err(bad()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_comes_out_as_it_went_in() {
        let ask = Ask {
            filter: Some("é".into()),
            transform: None,
            input: b"{}".to_vec(),
        };
        let mut bytes = Vec::new();
        put_ask(&mut bytes, ask.filter.as_deref(), None, &ask.input);
        let mut from = bytes.as_slice();
        assert_eq!(Ask::read(&mut from).unwrap(), Some(ask));
        assert_eq!(Ask::read(&mut from).unwrap(), None);
        let died = |part| Answer::Died {
            part,
            why: Death::Memory,
        };
        for answer in [
            Answer::Filtered,
            Answer::Passed,
            Answer::Nothing,
            Answer::Value("[1]".into()),
            Answer::Failed {
                part: Part::Transform,
                syntax: true,
                message: "é".into(),
            },
            died(None),
            died(Some(Part::Filter)),
        ] {
            let mut bytes = Vec::new();
            answer.put(&mut bytes);
            let (kind, body) = frame(&mut bytes.as_slice()).unwrap().unwrap();
            assert_eq!(Answer::decode(kind, &body).unwrap(), answer);
        }
    }
}
