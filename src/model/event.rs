//! A stored event as a log holds it (SPEC §2), read leniently: a debugger shows what is there.

use super::json;
use super::offset::Offset;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z; the resolution of `createdAt` (SPEC §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl Millis {
    /// Reads an RFC 3339 time; finer digits than milliseconds are cut off.
    #[must_use]
    pub fn parse(text: &str) -> Option<Millis> {
        text.parse::<jiff::Timestamp>()
            .ok()
            .map(|t| Millis(t.as_millisecond()))
    }
}

/// RFC 3339, UTC, with milliseconds and `Z`, as the service writes it.
impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(t) => write!(f, "{t:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

/// One event, wholly parsed. Keys that SPEC §2 does not name are kept in `rest`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The stream it belongs to; kept as text because a log may hold paths that SPEC §1 refuses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_path: Option<String>,
    /// Place in the stream.
    pub offset: Offset,
    /// The type as written; see `kind` for what it means.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Any JSON value: the seed's clients send strings too (SPEC §2).
    #[serde(default = "empty_object")]
    pub payload: Value,
    /// Free-form data beside the payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
    /// Appending the same key twice stores once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// When it was stored, as written; see [`Millis::parse`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// Whatever else the event carries.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

fn empty_object() -> Value {
    Value::Object(Map::new())
}

impl Event {
    /// Parses one event from its JSON text.
    ///
    /// # Errors
    /// What serde says: not JSON, or `type` / `offset` missing or of another shape.
    pub fn parse(text: &[u8]) -> serde_json::Result<Event> {
        json::read(text)
    }
}
