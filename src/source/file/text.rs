//! From a record's bytes in the file to its event's JSON text, and on to what the columns keep.

use super::names::Names;
use super::packed::NONE;
use super::records::{Cells, Mark, NameId, Owner, time_cell};
use super::scan::{self, Envelope};
use super::split::{Format, trim};
use super::{array, sse};
use crate::model::kind::{Kind, Meaning};
use rustc_hash::FxHashMap;
use std::borrow::Cow;

/// The JSON text in a record's bytes.
pub fn text(format: Format, bytes: &[u8]) -> Cow<'_, [u8]> {
    match format {
        Format::Lines => Cow::Borrowed(trim(bytes)),
        Format::Values => Cow::Borrowed(array::value(bytes)),
        Format::Sse => match sse::data(bytes) {
            Cow::Borrowed(data) => Cow::Borrowed(trim(data)),
            Cow::Owned(data) => Cow::Owned(trim(&data).to_vec()),
        },
    }
}

/// Reads the envelope of a record's event.
///
/// # Errors
/// Why it is unreadable, with an excerpt.
pub fn envelope<'t>(format: Format, bytes: &[u8], text: &'t [u8]) -> Result<Envelope<'t>, String> {
    if format == Format::Sse && sse::is_error(bytes) {
        let said = scan::excerpt(text);
        return Err(format!("the service reported a failure: {said}"));
    }
    scan::envelope(text).map_err(|why| format!("{why}: {}", scan::excerpt(text)))
}

/// The kind of an event.
pub fn kind(envelope: &Envelope<'_>) -> Kind {
    Meaning::of(&envelope.event_type).kind(|| envelope.payload)
}

/// Makes cells out of records; each scanning thread has its own, so that the shared table of names
/// is only asked once a name.
pub struct Reader<'n> {
    names: &'n Names,
    types: FxHashMap<String, (NameId, Meaning)>,
    streams: FxHashMap<String, NameId>,
}

/// Names remembered by a thread, before it forgets them all (a log may use each name once).
const MOST_NAMES: usize = 4096;

impl<'n> Reader<'n> {
    pub fn new(names: &'n Names) -> Reader<'n> {
        Reader {
            names,
            types: FxHashMap::default(),
            streams: FxHashMap::default(),
        }
    }

    /// The cells of a record, and why it is unreadable if it is.
    pub fn cells(&mut self, format: Format, bytes: &[u8]) -> (Cells, Option<String>) {
        let text = text(format, bytes);
        match envelope(format, bytes, &text) {
            Ok(envelope) => (self.readable(&envelope), None),
            Err(why) => (self.unreadable(&text), Some(why)),
        }
    }

    fn readable(&mut self, envelope: &Envelope<'_>) -> Cells {
        let (id, meaning) = self.event_type(&envelope.event_type);
        let kind = meaning.kind(|| envelope.payload);
        Cells {
            offset: envelope.offset.unwrap_or(NONE),
            time: envelope.time.map_or(NONE, |t| time_cell(t.0)),
            mark: Mark::new(kind, envelope.inner.is_some(), id),
            stream: match &envelope.stream {
                Some(path) => Owner::Stream(self.stream(path)),
                None => Owner::Nameless,
            },
        }
    }

    fn unreadable(&mut self, text: &[u8]) -> Cells {
        // A line cut off at its end mostly still says at its front whose it is.
        let path = crate::model::peek::text_member(text, "streamPath");
        Cells {
            offset: NONE,
            time: NONE,
            mark: Mark::new(Kind::Unreadable, false, self.event_type("").0),
            stream: path.map_or(Owner::Unknown, |path| Owner::Stream(self.stream(&path))),
        }
    }

    fn event_type(&mut self, name: &str) -> (NameId, Meaning) {
        if let Some(known) = self.types.get(name) {
            return *known;
        }
        if self.types.len() >= MOST_NAMES {
            self.types.clear();
        }
        let fresh = (self.names.id(name), Meaning::of(name));
        self.types.insert(name.to_owned(), fresh);
        fresh
    }

    fn stream(&mut self, path: &str) -> NameId {
        if let Some(id) = self.streams.get(path) {
            return *id;
        }
        if self.streams.len() >= MOST_NAMES {
            self.streams.clear();
        }
        let id = self.names.id(path);
        self.streams.insert(path.to_owned(), id);
        id
    }
}
