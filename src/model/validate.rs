//! What the service accepts as an event input (SPEC §2). A debugger never needs it to read a log;
//! it is for composing events and for the service itself.

mod payloads;

use super::built_in::BuiltIn;
use super::offset::Offset;
use serde_json::{Map, Value};
use std::fmt;

/// Most characters of a type.
pub const MAX_TYPE_CHARS: usize = 2_048;

/// Which payloads are valid for types that are not built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payloads {
    /// JSON objects only, as on `/api/streams`.
    Objects,
    /// Any JSON value, as on the seed's own route `POST /{path}` and for hooks.
    Any,
}

/// A valid event input, ready to be appended.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Trimmed.
    pub event_type: String,
    /// `{}` when the input had none.
    pub payload: Value,
    /// Free-form.
    pub metadata: Option<Map<String, Value>>,
    /// Trimmed.
    pub idempotency_key: Option<String>,
    /// Precondition: the offset that the event must get.
    pub offset: Option<Offset>,
}

/// Why a value is not an event input; the first problem found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct Invalid {
    /// The offending field.
    pub place: Place,
    /// What is wrong with it and what would be right.
    pub problem: String,
}

/// A field of an event input, such as `payload.append.type`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place(Vec<String>);

impl Place {
    fn with(&self, key: &str) -> Place {
        let mut keys = self.0.clone();
        keys.push(key.to_owned());
        Place(keys)
    }

    fn is(&self, problem: impl Into<String>) -> Invalid {
        Invalid {
            place: self.clone(),
            problem: problem.into(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("event");
        }
        f.write_str(&self.0.join("."))
    }
}

/// Checks an event input.
///
/// # Errors
/// The first offending field, by name.
pub fn input(value: &Value, payloads: Payloads) -> Result<Input, Invalid> {
    input_at(&Place::default(), value, payloads)
}

fn input_at(place: &Place, value: &Value, payloads: Payloads) -> Result<Input, Invalid> {
    let Value::Object(fields) = value else {
        return Err(place.is(format!("expected a JSON object, got {}", name_of(value))));
    };
    const KNOWN: [&str; 5] = ["type", "payload", "metadata", "idempotencyKey", "offset"];
    if let Some(unknown) = fields.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        let known = KNOWN.join(", ");
        return Err(place
            .with(unknown)
            .is(format!("unknown key; an event has {known}")));
    }
    let at = place.with("type");
    let event_type = match fields.get("type") {
        Some(Value::String(text)) => text.trim(),
        Some(other) => return Err(at.is(format!("expected a string, got {}", name_of(other)))),
        None => return Err(at.is("missing")),
    };
    if event_type.is_empty() {
        return Err(at.is("must not be empty"));
    }
    let chars = event_type.chars().count();
    if chars > MAX_TYPE_CHARS {
        return Err(at.is(format!(
            "{chars} characters; at most {MAX_TYPE_CHARS} are allowed"
        )));
    }

    let empty = Value::Object(Map::new());
    let payload = fields.get("payload").unwrap_or(&empty);
    match BuiltIn::parse(event_type) {
        Some(built_in) => payloads::check(built_in, &place.with("payload"), payload)?,
        None if payloads == Payloads::Any || payload.is_object() => {}
        None => {
            let problem = format!("expected a JSON object, got {}", name_of(payload));
            return Err(place.with("payload").is(problem));
        }
    }
    let at = place.with("metadata");
    let metadata = match fields.get("metadata") {
        None => None,
        Some(Value::Object(metadata)) => Some(metadata.clone()),
        Some(other) => {
            return Err(at.is(format!("expected a JSON object, got {}", name_of(other))));
        }
    };
    let at = place.with("idempotencyKey");
    let idempotency_key = match fields.get("idempotencyKey") {
        None => None,
        Some(Value::String(key)) if key.trim().is_empty() => {
            return Err(at.is("must not be empty"));
        }
        Some(Value::String(key)) => Some(key.trim().to_owned()),
        Some(other) => return Err(at.is(format!("expected a string, got {}", name_of(other)))),
    };
    let offset = match fields.get("offset") {
        None => None,
        Some(value) => match value.as_u64() {
            Some(offset) if offset > 0 => Some(Offset(offset)),
            _ => return Err(place.with("offset").is("expected a positive integer")),
        },
    };
    Ok(Input {
        event_type: event_type.to_owned(),
        payload: payload.clone(),
        metadata,
        idempotency_key,
        offset,
    })
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
