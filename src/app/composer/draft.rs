//! What is written and not sent yet, and what was sent: kept between runs of the program.

use super::Mode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Drafts of this many streams are remembered.
const MOST_DRAFTS: usize = 50;
/// This many sent events are remembered.
const MOST_SENT: usize = 100;

/// Everything in the composer's fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// How it is written.
    pub mode: Mode,
    /// The message mode's text.
    pub message: String,
    /// The event mode's type.
    pub event_type: String,
    /// Its payload as JSON text, right or wrong.
    pub payload: String,
    /// Its metadata as JSON text.
    pub metadata: String,
    /// Its idempotency key.
    pub key: String,
}

impl Draft {
    /// Nothing is written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Draft {
            mode: _,
            message,
            event_type,
            payload,
            metadata,
            key,
        } = self;
        [message, event_type, payload, metadata, key]
            .iter()
            .all(|text| text.trim().is_empty())
    }
}

/// What is remembered between runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Remembered {
    /// By stream.
    pub drafts: BTreeMap<String, Draft>,
    /// What was sent, the newest last.
    pub history: Vec<Draft>,
}

impl Remembered {
    /// Takes in what is being written for a stream (nothing: its draft goes).
    pub fn keep(&mut self, place: &str, draft: Draft) {
        self.drafts.remove(place);
        if !draft.is_empty() {
            while self.drafts.len() >= MOST_DRAFTS {
                self.drafts.pop_first();
            }
            self.drafts.insert(place.to_owned(), draft);
        }
    }

    /// Takes in what was sent; the same sent before is not kept twice.
    pub fn sent(&mut self, draft: Draft) {
        sent(&mut self.history, draft);
    }
}

/// Puts what was sent at the end of a history.
pub fn sent(history: &mut Vec<Draft>, draft: Draft) {
    history.retain(|older| *older != draft);
    history.push(draft);
    let more = history.len().saturating_sub(MOST_SENT);
    history.drain(..more);
}
