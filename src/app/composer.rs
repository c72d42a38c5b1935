//! The composer: what the person writes to append, in three modes, and what exactly would be sent.
//!
//! Texts of several lines are held in `ratatui-textarea`'s `TextArea`, used as a model only: it
//! brings undo, words, selection and the usual keys, and its own key type keeps this room free of
//! any terminal. `ui` draws its lines itself, because they are to be wrapped, highlighted as JSON
//! and made harmless like every other text.

pub mod draft;
pub mod templates;

use super::key::{Code, Key};
use super::line_edit::LineEdit;
use crate::model::built_in::BuiltIn;
use crate::model::log::EventLog;
use crate::model::message_form::MessageForm;
use crate::model::validate::{self, Payloads};
use draft::{Draft, Remembered};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::time::Duration;
use tui_textarea::{CursorMove, Input, TextArea};

/// How an event is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Plain text, wrapped the way this stream's messages are.
    #[default]
    Message,
    /// Type, payload, metadata and key.
    Event,
    /// One of the service's own events, to be filled in.
    Template,
}

impl Mode {
    /// All of them, in the order of `Tab`.
    pub const ALL: [Mode; 3] = [Mode::Message, Mode::Event, Mode::Template];

    /// Its word on the tab.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Mode::Message => "message",
            Mode::Event => "event",
            Mode::Template => "template",
        }
    }
}

/// A field of the event mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Field {
    /// The type.
    #[default]
    Type,
    /// The payload, JSON.
    Payload,
    /// The metadata, JSON on one line.
    Metadata,
    /// The idempotency key.
    Key,
}

impl Field {
    /// All of them, top first.
    pub const ALL: [Field; 4] = [Field::Type, Field::Payload, Field::Metadata, Field::Key];

    /// What stands before it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Field::Type => "type",
            Field::Payload => "payload",
            Field::Metadata => "metadata",
            Field::Key => "key",
        }
    }
}

/// Why what is written is no event yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// In words, the offending field first.
    pub text: String,
    /// Line of the payload that it is on, 0 for the first.
    pub line: Option<usize>,
}

impl Problem {
    fn new(text: impl Into<String>) -> Problem {
        Problem {
            text: text.into(),
            line: None,
        }
    }
}

/// Everything being written.
#[derive(Debug, Default)]
pub struct Composer {
    /// How.
    pub mode: Mode,
    /// What messages of this stream look like.
    pub family: MessageForm,
    /// The message.
    pub message: TextArea<'static>,
    /// The field that keys go to.
    pub field: Field,
    /// The type.
    pub event_type: LineEdit,
    /// The payload as JSON text.
    pub payload: TextArea<'static>,
    /// The metadata as JSON text.
    pub metadata: LineEdit,
    /// The idempotency key.
    pub key: LineEdit,
    /// The template under the cursor.
    pub template: usize,
    /// Types to complete from: those of the log, the most frequent first, then the built-in ones.
    pub types: Vec<String>,
    /// The completion under the cursor, among [`Composer::completions`].
    pub completion: Option<usize>,
    /// The append under way.
    pub sending: Option<u64>,
    /// Why the last one failed; gone with the next edit.
    pub failure: Option<String>,
    /// The stream that this is written for.
    pub place: String,
    /// What was sent before, the newest last.
    pub history: Vec<Draft>,
    /// Place in the history while going through it, the newest being 0.
    pub recalled: Option<usize>,
    /// What was being written when the history was entered.
    pub aside: Option<Draft>,
    /// What is being written for other streams.
    pub drafts: BTreeMap<String, Draft>,
    /// Time left until what changed is kept outside; `None` when all of it is.
    pub unsaved: Option<Duration>,
}

/// Longest that what is written is held here alone: this much of it is lost when the program is
/// killed.
pub const KEPT_WITHIN: Duration = Duration::from_millis(500);

/// Completions offered at most.
pub const COMPLETIONS: usize = 8;
/// Rows looked at for types to complete from.
const LOOKED_AT: usize = 20_000;

impl Composer {
    /// Takes over what an earlier run of the program remembered.
    pub fn remember(&mut self, remembered: Remembered) {
        self.history = remembered.history;
        self.drafts = remembered.drafts;
    }

    /// Turns to a stream: its own draft, the types it has used, the way its messages look.
    pub fn turn_to(&mut self, place: String, log: &dyn EventLog, sources: &[&str]) {
        self.family = MessageForm::guess(log, sources);
        self.types = types_of(log);
        if self.place != place {
            let left = std::mem::replace(&mut self.place, place);
            let draft = self.draft();
            if !left.is_empty() && !draft.is_empty() {
                self.drafts.insert(left, draft);
            }
            let draft = self.drafts.remove(&self.place).unwrap_or_default();
            self.load(draft);
            self.sending = None;
            self.failure = None;
            self.recalled = None;
        }
    }

    /// What is being written.
    #[must_use]
    pub fn draft(&self) -> Draft {
        Draft {
            mode: self.mode,
            message: self.message.lines().join("\n"),
            event_type: self.event_type.text().to_owned(),
            payload: self.payload.lines().join("\n"),
            metadata: self.metadata.text().to_owned(),
            key: self.key.text().to_owned(),
        }
    }

    /// Puts a draft in the place of what is written.
    pub fn load(&mut self, draft: Draft) {
        self.mode = draft.mode;
        self.message = text_area(&draft.message);
        self.event_type = LineEdit::new(&draft.event_type);
        self.payload = text_area(&draft.payload);
        self.metadata = LineEdit::new(&draft.metadata);
        self.key = LineEdit::new(&draft.key);
        self.completion = None;
        self.field = if draft.event_type.is_empty() {
            Field::Type
        } else {
            Field::Payload
        };
    }

    /// Fills the event mode's fields and turns to it.
    pub fn fill(&mut self, event_type: &str, payload: &Value, metadata: Option<&Value>) {
        let pretty = serde_json::to_string_pretty(payload).unwrap_or_default();
        self.load(Draft {
            mode: Mode::Event,
            message: self.message.lines().join("\n"),
            event_type: event_type.to_owned(),
            payload: pretty,
            metadata: metadata.map(ToString::to_string).unwrap_or_default(),
            key: String::new(),
        });
        self.payload.move_cursor(CursorMove::Top);
    }

    /// The event input as it would be sent, right or wrong.
    ///
    /// # Errors
    /// Something is missing or is no JSON, so that there is no input yet.
    pub fn build(&self) -> Result<Value, Problem> {
        match self.mode {
            Mode::Message => {
                let text = self.message.lines().join("\n");
                if text.trim().is_empty() {
                    return Err(Problem::new("write a message"));
                }
                Ok(self.family.wrap(&text))
            }
            Mode::Event => self.event(),
            Mode::Template => match templates::ALL.get(self.template) {
                Some(template) => Ok(template.input()),
                None => Err(Problem::new("choose a template")),
            },
        }
    }

    /// What the service would say is wrong with an input, by its own rules.
    #[must_use]
    pub fn check(input: &Value) -> Option<Problem> {
        // Another payload than an object is taken on the service's short route, which is then used.
        let invalid = validate::input(input, Payloads::Any).err()?;
        Some(Problem::new(invalid.to_string()))
    }

    /// The event input, ready to be sent.
    ///
    /// # Errors
    /// The first problem.
    pub fn input(&self) -> Result<Value, Problem> {
        let input = self.build()?;
        match Composer::check(&input) {
            None => Ok(input),
            Some(problem) => Err(problem),
        }
    }

    fn event(&self) -> Result<Value, Problem> {
        let mut input = Map::new();
        let event_type = self.event_type.text().trim();
        if event_type.is_empty() {
            return Err(Problem::new("type: missing"));
        }
        input.insert("type".to_owned(), event_type.into());
        let text = self.payload.lines().join("\n");
        let payload = if text.trim().is_empty() {
            Value::Object(Map::new())
        } else {
            serde_json::from_str(&text).map_err(|error| Problem {
                text: format!("payload: {error}"),
                line: Some(error.line().saturating_sub(1)),
            })?
        };
        input.insert("payload".to_owned(), payload);
        let text = self.metadata.text();
        if !text.trim().is_empty() {
            let metadata = serde_json::from_str(text)
                .map_err(|error| Problem::new(format!("metadata: {error}")))?;
            input.insert("metadata".to_owned(), metadata);
        }
        if !self.key.text().trim().is_empty() {
            input.insert("idempotencyKey".to_owned(), self.key.text().trim().into());
        }
        Ok(input.into())
    }

    /// Types that complete what is typed, the best first; none when it is complete.
    #[must_use]
    pub fn completions(&self) -> Vec<&str> {
        let typed = self.event_type.text().trim();
        if self.types.iter().any(|t| t == typed) {
            return Vec::new();
        }
        if typed.is_empty() {
            let all = self.types.iter().map(String::as_str);
            return all.take(COMPLETIONS).collect();
        }
        let pattern = Pattern::parse(typed, CaseMatching::Smart, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT.match_paths());
        let found = pattern.match_list(self.types.iter().map(String::as_str), &mut matcher);
        let found = found.into_iter().map(|(text, _)| text);
        found.take(COMPLETIONS).collect()
    }

    /// The text of several lines that keys go to, if they go to one.
    #[must_use]
    pub fn text(&self) -> Option<&TextArea<'static>> {
        match (self.mode, self.field) {
            (Mode::Message, _) => Some(&self.message),
            (Mode::Event, Field::Payload) => Some(&self.payload),
            _ => None,
        }
    }

    /// The same to change.
    pub fn text_mut(&mut self) -> Option<&mut TextArea<'static>> {
        match (self.mode, self.field) {
            (Mode::Message, _) => Some(&mut self.message),
            (Mode::Event, Field::Payload) => Some(&mut self.payload),
            _ => None,
        }
    }

    /// The line that keys go to, if they go to one.
    pub fn line_mut(&mut self) -> Option<&mut LineEdit> {
        match (self.mode, self.field) {
            (Mode::Event, Field::Type) => Some(&mut self.event_type),
            (Mode::Event, Field::Metadata) => Some(&mut self.metadata),
            (Mode::Event, Field::Key) => Some(&mut self.key),
            _ => None,
        }
    }

    /// Empties what was sent; the rest stays.
    pub fn clear_sent(&mut self) {
        match self.mode {
            Mode::Message => self.message = TextArea::default(),
            Mode::Event => {
                self.event_type = LineEdit::default();
                self.payload = TextArea::default();
                self.metadata = LineEdit::default();
                self.key = LineEdit::default();
                self.field = Field::Type;
            }
            Mode::Template => {}
        }
    }
}

/// A text to edit, the cursor at its end.
#[must_use]
pub fn text_area(text: &str) -> TextArea<'static> {
    let mut area: TextArea<'static> = text.lines().map(str::to_owned).collect();
    area.move_cursor(CursorMove::Bottom);
    area.move_cursor(CursorMove::End);
    area
}

/// A key in the words of the text area.
#[must_use]
pub fn input_of(key: Key) -> Input {
    use tui_textarea::Key as Of;
    Input {
        key: match key.code {
            Code::Char(c) => Of::Char(c),
            Code::Enter => Of::Enter,
            Code::Tab => Of::Tab,
            Code::Backspace => Of::Backspace,
            Code::Delete => Of::Delete,
            Code::Up => Of::Up,
            Code::Down => Of::Down,
            Code::Left => Of::Left,
            Code::Right => Of::Right,
            Code::Home => Of::Home,
            Code::End => Of::End,
            Code::PageUp => Of::PageUp,
            Code::PageDown => Of::PageDown,
            Code::Esc | Code::Insert | Code::F(_) => Of::Null,
        },
        ctrl: key.ctrl,
        alt: key.alt,
        shift: key.shift,
    }
}

/// Types to complete from. Of a long log only its end is looked at.
fn types_of(log: &dyn EventLog) -> Vec<String> {
    let mut counts: BTreeMap<std::sync::Arc<str>, usize> = BTreeMap::new();
    let len = log.len();
    for row in len.saturating_sub(LOOKED_AT)..len {
        if let Some(row) = log.row(row)
            && !row.event_type.is_empty()
        {
            *counts.entry(row.event_type).or_default() += 1;
        }
    }
    let mut seen: Vec<_> = counts.into_iter().collect();
    seen.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut types: Vec<String> = seen.into_iter().map(|(t, _)| t.to_string()).collect();
    for built_in in BuiltIn::ALL {
        let name = built_in.to_string();
        if !types.contains(&name) {
            types.push(name);
        }
    }
    types
}

#[cfg(test)]
mod tests;
