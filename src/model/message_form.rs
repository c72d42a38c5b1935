//! How the people of a stream write to it: which event a message becomes, guessed from the
//! messages that are there (SPEC §10).

use super::kind::Kind;
use super::log::EventLog;
use super::peek;
use serde_json::{Map, Value, json};

/// Members that hold a message's text, the likeliest first.
const TEXTS: [&str; 4] = ["content", "text", "message", "body"];
/// Rows looked at from the end.
const LOOKED_AT: usize = 10_000;

/// The event that a message becomes.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageForm {
    /// Its type, as the stream writes it.
    pub event_type: String,
    shape: Shape,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    /// The payload is the text.
    Bare,
    /// The text is a member, beside others that stay the same.
    Member { key: String, role: Option<Value> },
}

/// Where a stream has no message yet.
impl Default for MessageForm {
    fn default() -> Self {
        MessageForm {
            event_type: "agent-input-added".to_owned(),
            shape: Shape::Member {
                key: "content".to_owned(),
                role: Some(json!("user")),
            },
        }
    }
}

impl MessageForm {
    /// The form of an event, when it is a person's message.
    #[must_use]
    pub fn of(event_type: &str, event: &[u8]) -> Option<MessageForm> {
        let payload = peek::member(event, "payload");
        if Kind::classify(event_type, || payload) != Kind::You {
            return None;
        }
        let payload = payload?;
        let is_text = |value: &[u8]| value.starts_with(b"\"");
        let shape = if is_text(payload) {
            Shape::Bare
        } else {
            let known = TEXTS
                .into_iter()
                .find(|key| peek::member(payload, key).is_some_and(is_text));
            let key = match known {
                Some(key) => key.to_owned(),
                None => {
                    let mut texts = peek::members(payload).filter(|m| is_text(m.value));
                    peek::text(texts.find(|m| !m.is("role"))?.key)?.into_owned()
                }
            };
            let role = peek::member(payload, "role");
            Shape::Member {
                key,
                role: role.and_then(|role| serde_json::from_slice(role).ok()),
            }
        };
        Some(MessageForm {
            event_type: event_type.to_owned(),
            shape,
        })
    }

    /// The form of the newest message in a log, or the usual one.
    #[must_use]
    pub fn guess(log: &dyn EventLog) -> MessageForm {
        let rows = (0..log.len()).rev().take(LOOKED_AT);
        let mut messages = rows.filter(|row| log.kind(*row) == Some(Kind::You));
        messages
            .find_map(|row| MessageForm::of(&log.row(row)?.event_type, &log.raw(row)?))
            .unwrap_or_default()
    }

    /// The event input of a message.
    #[must_use]
    pub fn wrap(&self, text: &str) -> Value {
        let payload = match &self.shape {
            Shape::Bare => json!(text),
            Shape::Member { key, role } => {
                let mut payload = Map::new();
                if let Some(role) = role {
                    payload.insert("role".to_owned(), role.clone());
                }
                payload.insert(key.clone(), json!(text));
                Value::Object(payload)
            }
        };
        json!({"type": self.event_type, "payload": payload})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_written_as_the_last_one_was() {
        for (event, expected) in [
            (
                json!({"type": "user_message", "payload": "hi", "offset": 3}),
                json!({"type": "user_message", "payload": "go on"}),
            ),
            (
                json!({"type": "https://x.test/agent-input-added", "payload": {"role": "user", "content": "hi"}}),
                json!({"type": "https://x.test/agent-input-added", "payload": {"role": "user", "content": "go on"}}),
            ),
            (
                json!({"type": "webchat-message-received", "payload": {"from": 7, "words": "hi"}}),
                json!({"type": "webchat-message-received", "payload": {"words": "go on"}}),
            ),
        ] {
            let event_type = event["type"].as_str().unwrap().to_owned();
            let form = MessageForm::of(&event_type, event.to_string().as_bytes()).unwrap();
            assert_eq!(form.wrap("go on"), expected);
        }
    }

    #[test]
    fn what_others_write_is_no_example() {
        for (event_type, payload) in [
            ("assistant_message", json!({"content": "hi"})),
            (
                "agent-input-added",
                json!({"role": "assistant", "content": "hi"}),
            ),
            ("user_message", json!({"count": 1})),
        ] {
            let event = json!({"type": event_type, "payload": payload}).to_string();
            assert_eq!(
                MessageForm::of(event_type, event.as_bytes()),
                None,
                "{event}"
            );
        }
    }
}
