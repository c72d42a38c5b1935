//! What the service accepts as an event input (SPEC §2). A debugger never needs it to read a log;
//! it is for composing events and for the service itself.

mod payloads;

use super::built_in::BuiltIn;
use super::offset::Offset;
use serde_json::{Map, Value};
use std::fmt;

/// Most characters of a type.
pub const MAX_TYPE_CHARS: usize = 2_048;
/// Most levels of arrays and objects in an event input, its own braces counted.
pub const MAX_DEPTH: usize = 128;

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

impl Input {
    /// An input that says nothing but what happened.
    #[must_use]
    pub fn new(event_type: String, payload: Value) -> Input {
        Input {
            event_type,
            payload,
            metadata: None,
            idempotency_key: None,
            offset: None,
        }
    }
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

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("event");
        }
        f.write_str(&self.0.join("."))
    }
}

/// A [`Place`] that costs nothing until there is a problem in it.
#[derive(Clone, Copy)]
struct At<'a> {
    above: Option<&'a At<'a>>,
    key: &'a str,
}

impl<'a> At<'a> {
    const EVENT: At<'static> = At {
        above: None,
        key: "",
    };

    fn with(&'a self, key: &'a str) -> At<'a> {
        At {
            above: Some(self),
            key,
        }
    }

    fn is(&self, problem: impl Into<String>) -> Invalid {
        let mut keys = Vec::new();
        let mut at = self;
        while let Some(above) = at.above {
            keys.push(at.key.to_owned());
            at = above;
        }
        keys.reverse();
        Invalid {
            place: Place(keys),
            problem: problem.into(),
        }
    }
}

/// Checks an event input.
///
/// # Errors
/// The first offending field, by name.
pub fn input(value: &Value, payloads: Payloads) -> Result<Input, Invalid> {
    take(value.clone(), payloads).map_err(|(_, invalid)| invalid)
}

/// As [`input`], of a value that is not needed any more: nothing is copied.
///
/// # Errors
/// The value as it was, and its first offending field by name.
pub fn take(value: Value, payloads: Payloads) -> Result<Input, (Value, Invalid)> {
    if let Err(invalid) = check(At::EVENT, &value, payloads) {
        return Err((value, invalid));
    }
    let Value::Object(mut fields) = value else {
        let invalid = At::EVENT.is("expected a JSON object");
        return Err((value, invalid));
    };
    let text = |value: Option<Value>| match value {
        Some(Value::String(text)) if text.trim().len() == text.len() => Some(text),
        Some(Value::String(text)) => Some(text.trim().to_owned()),
        _ => None,
    };
    Ok(Input {
        event_type: text(fields.remove("type")).unwrap_or_default(),
        payload: fields
            .remove("payload")
            .unwrap_or_else(|| Value::Object(Map::new())),
        metadata: match fields.remove("metadata") {
            Some(Value::Object(metadata)) => Some(metadata),
            _ => None,
        },
        idempotency_key: text(fields.remove("idempotencyKey")),
        offset: fields.get("offset").and_then(Value::as_u64).map(Offset),
    })
}

fn check(place: At<'_>, value: &Value, payloads: Payloads) -> Result<(), Invalid> {
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
    // No more characters than bytes: counting is for the long ones.
    if event_type.len() > MAX_TYPE_CHARS {
        let chars = event_type.chars().count();
        if chars > MAX_TYPE_CHARS {
            return Err(at.is(format!(
                "{chars} characters; at most {MAX_TYPE_CHARS} are allowed"
            )));
        }
    }

    let at = place.with("payload");
    match (BuiltIn::parse(event_type), fields.get("payload")) {
        (Some(built_in), Some(payload)) => payloads::check(built_in, at, payload)?,
        (Some(built_in), None) => payloads::check(built_in, at, &Value::Object(Map::new()))?,
        (None, Some(payload)) if payloads == Payloads::Objects && !payload.is_object() => {
            return Err(at.is(format!("expected a JSON object, got {}", name_of(payload))));
        }
        (None, _) => {}
    }
    let at = place.with("metadata");
    match fields.get("metadata") {
        None | Some(Value::Object(_)) => {}
        Some(other) => {
            return Err(at.is(format!("expected a JSON object, got {}", name_of(other))));
        }
    }
    let at = place.with("idempotencyKey");
    match fields.get("idempotencyKey") {
        None => {}
        Some(Value::String(key)) if !key.trim().is_empty() => {}
        Some(Value::String(_)) => return Err(at.is("must not be empty")),
        Some(other) => return Err(at.is(format!("expected a string, got {}", name_of(other)))),
    }
    match fields.get("offset").map(Value::as_u64) {
        None | Some(Some(1..)) => {}
        Some(_) => return Err(place.with("offset").is("expected a positive integer")),
    }
    // What is stored must be readable by parsers that bound their recursion.
    if depth_reaches(value, MAX_DEPTH) {
        return Err(place.is(format!("nested deeper than {MAX_DEPTH} levels")));
    }
    Ok(())
}

/// Whether a value is nested deeper than `limit` levels; a scalar has none.
#[must_use]
pub fn depth_reaches(value: &Value, limit: usize) -> bool {
    match value {
        Value::Array(_) | Value::Object(_) if limit == 0 => true,
        Value::Array(items) => items.iter().any(|item| depth_reaches(item, limit - 1)),
        Value::Object(members) => members.values().any(|item| depth_reaches(item, limit - 1)),
        _ => false,
    }
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
