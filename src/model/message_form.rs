//! What a person's message looks like on a stream: the type and the place of the text in the
//! payload, guessed from what the stream has used before, else from what its processors read.

use super::cause;
use super::event::Event;
use super::json_path::{JsonPath, Step};
use super::kind::Kind;
use super::log::EventLog;
use super::peek;
use serde_json::{Map, Value, json};

/// Rows looked at for earlier messages.
const LOOKED_AT: usize = 50_000;
/// Messages compared.
const COMPARED: usize = 5;
/// Members that hold a message's text, the likeliest first.
const TEXTS: [&str; 6] = ["content", "text", "message", "input", "prompt", "body"];
/// Families that a processor's source may name, with the payload they usually have.
const KNOWN: [(&str, &str); 5] = [
    ("agent-input-added", "content"),
    ("user_message", "content"),
    ("user-message", "content"),
    ("webchat-message-received", "message"),
    ("llm-input-added", "content"),
];

/// How a text becomes an event.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageForm {
    /// The type.
    pub event_type: String,
    /// Everything in the payload but the text.
    base: Value,
    /// Where the text goes; the root is a payload that is the text itself.
    place: JsonPath,
    /// Why it is this one, for the person.
    pub why: &'static str,
}

impl Default for MessageForm {
    fn default() -> MessageForm {
        MessageForm {
            event_type: "agent-input-added".to_owned(),
            base: json!({"role": "user"}),
            place: member("content"),
            why: "as most agents read it",
        }
    }
}

impl MessageForm {
    /// Guesses from a log's newest messages, else from the sources of its processors.
    #[must_use]
    pub fn guess(log: &dyn EventLog, sources: &[&str]) -> MessageForm {
        MessageForm::of_log(log)
            .or_else(|| MessageForm::of_sources(sources))
            .unwrap_or_default()
    }

    /// The form that the first of these sources names which names any.
    #[must_use]
    pub fn of_sources<T: AsRef<str>>(sources: &[T]) -> Option<MessageForm> {
        sources
            .iter()
            .find_map(|source| MessageForm::of_source(source.as_ref()))
    }

    fn of_log(log: &dyn EventLog) -> Option<MessageForm> {
        let len = log.len();
        let rows = (len.saturating_sub(LOOKED_AT)..len).rev();
        let messages = rows.filter(|row| log.kind(*row) == Some(Kind::You));
        MessageForm::of_messages(messages.filter_map(|row| log.raw(row)))
    }

    /// The form of a stream's messages, the newest first; of other events nothing is taken.
    #[must_use]
    pub fn of_messages<T: AsRef<[u8]>>(events: impl IntoIterator<Item = T>) -> Option<MessageForm> {
        let mut newest: Vec<Event> = Vec::new();
        for raw in events {
            if newest.len() == COMPARED {
                break;
            }
            let raw = raw.as_ref();
            let Ok(event) = Event::parse(raw) else {
                continue;
            };
            let kind = Kind::classify(&event.event_type, || peek::member(raw, "payload"));
            // What came from another event was written by a worker.
            if kind == Kind::You
                && cause::source_offset(raw).is_none()
                && newest
                    .first()
                    .is_none_or(|n| n.event_type == event.event_type)
            {
                newest.push(event);
            }
        }
        let last = newest.first()?;
        let place = place_of(&last.payload)?;
        Some(MessageForm {
            event_type: last.event_type.clone(),
            base: common(&newest, &place),
            place,
            why: "as the last message of this stream",
        })
    }

    /// The first known family that a source names in quotes, under the name it has there.
    fn of_source(source: &str) -> Option<MessageForm> {
        let (at, name, text) = KNOWN
            .iter()
            .filter_map(|(name, text)| Some((source.find(name)?, *name, *text)))
            .min()?;
        let quotes = ['"', '\'', '`'];
        let start = source[..at].rfind(quotes).map_or(at, |quote| quote + 1);
        let end = source[at..]
            .find(quotes)
            .map_or(at + name.len(), |n| at + n);
        let whole = source.get(start..end).unwrap_or(name);
        let event_type = if whole.ends_with(name) && !whole.contains(char::is_whitespace) {
            whole
        } else {
            name
        };
        let role = name == "agent-input-added";
        Some(MessageForm {
            event_type: event_type.to_owned(),
            base: if role {
                json!({"role": "user"})
            } else {
                json!({})
            },
            place: member(text),
            why: "as this stream's processor reads it",
        })
    }

    /// The event input that a text becomes.
    #[must_use]
    pub fn wrap(&self, text: &str) -> Value {
        let mut payload = self.base.clone();
        put(&mut payload, &self.place.0, text);
        json!({"type": self.event_type, "payload": payload})
    }
}

fn member(key: &str) -> JsonPath {
    JsonPath(vec![Step::Key(key.to_owned())])
}

/// Where a payload holds its text.
fn place_of(payload: &Value) -> Option<JsonPath> {
    if payload.is_string() {
        return Some(JsonPath::default());
    }
    let members = payload.as_object()?;
    TEXTS.iter().find_map(|key| match members.get(*key)? {
        Value::String(_) => Some(member(key)),
        // Content in parts: the first part with a text.
        Value::Array(parts) => {
            let part = parts.iter().position(|part| part["text"].is_string())?;
            let steps = [
                Step::Key((*key).to_owned()),
                Step::Index(part),
                Step::Key("text".to_owned()),
            ];
            Some(JsonPath(steps.into()))
        }
        _ => None,
    })
}

/// What all messages have in common beside their text; of a lone message only its role.
fn common(messages: &[Event], place: &JsonPath) -> Value {
    let Some(Value::Object(last)) = messages.first().map(|m| &m.payload) else {
        return Value::Null;
    };
    let text_key = match place.0.first() {
        Some(Step::Key(key)) => key.as_str(),
        _ => "",
    };
    let shared = |key: &str, value: &Value| {
        let same = |m: &Event| m.payload.get(key) == Some(value);
        key == "role" || (messages.len() > 1 && messages.iter().all(same))
    };
    let mut base = Map::new();
    for (key, value) in last {
        if key == text_key {
            // Keeps its place among the members; a part keeps what it has beside its text.
            let kept = match (value, place.0.get(1)) {
                (Value::Array(parts), Some(Step::Index(part))) => json!([parts[*part].clone()]),
                _ => Value::Null,
            };
            base.insert(key.clone(), kept);
        } else if shared(key, value) {
            base.insert(key.clone(), value.clone());
        }
    }
    Value::Object(base)
}

/// Puts a text at a place, making what leads there; only one part of a list is kept.
fn put(value: &mut Value, steps: &[Step], text: &str) {
    match steps {
        [] => *value = text.into(),
        [Step::Key(key), rest @ ..] => {
            if !value.is_object() {
                *value = json!({});
            }
            if let Some(members) = value.as_object_mut() {
                put(
                    members.entry(key.clone()).or_insert(Value::Null),
                    rest,
                    text,
                );
            }
        }
        [Step::Index(_), rest @ ..] => {
            if !value.is_array() {
                *value = json!([null]);
            }
            if let Some(first) = value.get_mut(0) {
                put(first, rest, text);
            }
        }
    }
}
