//! What events mean: a closed set of kinds (SCREEN.md), told from the type in all its spellings.

use super::built_in::BuiltIn;
use super::peek;

/// The meaning of an event on the screen. The discriminant is its index in a column of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// A person or the outside spoke to the agent.
    You,
    /// The agent's own words, complete.
    Agent,
    /// A piece of a model's streamed answer.
    Chunk,
    /// A model call started, ended or was cancelled.
    Request,
    /// A tool or code block was called.
    Tool,
    /// What a tool gave back.
    Result,
    /// A failure on record, a tool's or a model call's failure among them.
    Error,
    /// The stream was paused.
    Paused,
    /// The stream was resumed.
    Resumed,
    /// Something about schedules.
    Schedule,
    /// A processor, its configuration or environment.
    Processor,
    /// The stream itself: initialized, woken, children, metadata, subscriptions, breaker.
    Stream,
    /// Input that was no event.
    Invalid,
    /// Any other event.
    Other,
    /// A line of the log that is no event.
    Unreadable,
}

impl Kind {
    /// All kinds, by discriminant.
    pub const ALL: [Kind; 15] = [
        Kind::You,
        Kind::Agent,
        Kind::Chunk,
        Kind::Request,
        Kind::Tool,
        Kind::Result,
        Kind::Error,
        Kind::Paused,
        Kind::Resumed,
        Kind::Schedule,
        Kind::Processor,
        Kind::Stream,
        Kind::Invalid,
        Kind::Other,
        Kind::Unreadable,
    ];

    /// The kind with this discriminant.
    #[must_use]
    pub fn from_index(index: u8) -> Option<Kind> {
        Kind::ALL.get(usize::from(index)).copied()
    }

    /// One column wide.
    #[must_use]
    pub fn glyph(self) -> &'static str {
        match self {
            Kind::You => ">",
            Kind::Agent => "<",
            Kind::Chunk => "┊",
            Kind::Request => "◇",
            Kind::Tool => "⚙",
            Kind::Result => "✔",
            Kind::Error => "✖",
            Kind::Paused => "‖",
            Kind::Resumed => "▶",
            Kind::Schedule => "◷",
            Kind::Processor => "ƒ",
            Kind::Stream => "⌂",
            Kind::Invalid => "?",
            Kind::Other => "·",
            Kind::Unreadable => "!",
        }
    }

    /// The glyph for terminals that have ASCII only.
    #[must_use]
    pub fn ascii(self) -> &'static str {
        match self {
            Kind::Chunk => ":",
            Kind::Request => "-",
            Kind::Tool => "*",
            Kind::Result => "v",
            Kind::Error => "x",
            Kind::Paused => "=",
            Kind::Resumed => ">",
            Kind::Schedule => "@",
            Kind::Processor => "f",
            Kind::Stream => "^",
            Kind::Other => ".",
            Kind::You | Kind::Agent | Kind::Invalid | Kind::Unreadable => self.glyph(),
        }
    }

    /// The word for it, lower case, also the name in filters (`kind:error`).
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Kind::You => "you",
            Kind::Agent => "agent",
            Kind::Chunk => "chunk",
            Kind::Request => "request",
            Kind::Tool => "tool",
            Kind::Result => "result",
            Kind::Error => "error",
            Kind::Paused => "paused",
            Kind::Resumed => "resumed",
            Kind::Schedule => "schedule",
            Kind::Processor => "processor",
            Kind::Stream => "stream",
            Kind::Invalid => "invalid",
            Kind::Other => "event",
            Kind::Unreadable => "unreadable",
        }
    }

    /// The kind that a [`Kind::word`] names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// What an event means. `payload` gives the raw JSON of its payload (more bytes may follow
    /// it) and is only asked for the few types whose payload decides. A scan over many events of
    /// the same types is faster with [`Meaning::of`] once a type.
    #[must_use]
    pub fn classify<'a>(event_type: &str, payload: impl FnOnce() -> Option<&'a [u8]>) -> Kind {
        Meaning::of(event_type).kind(payload)
    }
}

/// What a type alone says about the kind of its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Every event of the type is of this kind.
    Always(Kind),
    /// `payload.role` decides (SPEC §10 `agent-input-added`).
    ByRole,
    /// `payload.ok`, `isError` or `error` decides between result and error.
    ByOutcome,
    /// `payload.event.type` decides (SPEC §10 `openai-response-event-added`).
    ByModelEvent,
}

impl Meaning {
    /// Reads a type.
    #[must_use]
    pub fn of(event_type: &str) -> Meaning {
        Meaning::Always(match BuiltIn::parse(event_type) {
            None => return Meaning::of_family(family(event_type)),
            Some(BuiltIn::ErrorOccurred) => Kind::Error,
            Some(BuiltIn::InvalidEventAppended) => Kind::Invalid,
            Some(BuiltIn::Paused) => Kind::Paused,
            Some(BuiltIn::Resumed) => Kind::Resumed,
            Some(
                BuiltIn::AppendScheduled
                | BuiltIn::ScheduleConfigured
                | BuiltIn::ScheduleCancelled
                | BuiltIn::ScheduleExecutionStarted
                | BuiltIn::ScheduleExecutionFinished,
            ) => Kind::Schedule,
            Some(
                BuiltIn::JsonataTransformerConfigured
                | BuiltIn::DynamicWorkerConfigured
                | BuiltIn::DynamicWorkerEnvVarSet
                | BuiltIn::HtmlRendererConfigured,
            ) => Kind::Processor,
            Some(
                BuiltIn::Initialized
                | BuiltIn::WokeUp
                | BuiltIn::ChildStreamCreated
                | BuiltIn::MetadataUpdated
                | BuiltIn::CircuitBreakerConfigured
                | BuiltIn::SubscriptionConfigured,
            ) => Kind::Stream,
        })
    }

    fn of_family(family: &str) -> Meaning {
        Meaning::Always(match family {
            "agent-input-added" => return Meaning::ByRole,
            "openai-response-event-added" => return Meaning::ByModelEvent,
            "tool-result" | "tool_result" | "codemode-result-added" | "bashmode-result-added" => {
                return Meaning::ByOutcome;
            }
            "user_message" | "user-message" | "llm-input-added" | "webchat-message-received" => {
                Kind::You
            }
            "assistant_message"
            | "assistant-message"
            | "agent-output-added"
            | "webchat-response-added" => Kind::Agent,
            "tool-call" | "tool_call" | "codemode-block-added" | "bashmode-block-added" => {
                Kind::Tool
            }
            "error" | "error-occurred" => Kind::Error,
            _ if family.ends_with("-chunk")
                || family.ends_with("_chunk")
                || family.ends_with("-delta") =>
            {
                Kind::Chunk
            }
            _ if family.ends_with("-failed") || family.ends_with("-error") => Kind::Error,
            _ if family.starts_with("llm-request-") => Kind::Request,
            _ => Kind::Other,
        })
    }

    /// The kind of one event of the type; `payload` as in [`Kind::classify`].
    #[must_use]
    pub fn kind<'a>(self, payload: impl FnOnce() -> Option<&'a [u8]>) -> Kind {
        match self {
            Meaning::Always(kind) => kind,
            Meaning::ByRole => match payload().and_then(|p| peek::member(p, "role")) {
                Some(br#""assistant""#) => Kind::Agent,
                Some(br#""tool""#) => Kind::Result,
                _ => Kind::You,
            },
            Meaning::ByOutcome => {
                let is = |p, key, value: &[u8]| peek::member(p, key) == Some(value);
                match payload() {
                    Some(p)
                        if is(p, "ok", b"false")
                            || is(p, "success", b"false")
                            || is(p, "isError", b"true")
                            || peek::member(p, "error").is_some_and(|e| {
                                e != b"null" && e != b"false" && e != br#""""#
                            }) =>
                    {
                        Kind::Error
                    }
                    _ => Kind::Result,
                }
            }
            Meaning::ByModelEvent => {
                let event = payload().and_then(|p| peek::member(p, "event"));
                match event.and_then(|e| peek::text_member(e, "type")).as_deref() {
                    Some(t) if t.ends_with(".delta") => Kind::Chunk,
                    Some(t) if t == "error" || t.ends_with(".failed") => Kind::Error,
                    _ => Kind::Request,
                }
            }
        }
    }
}

/// The last part of a type, after any scheme, host and folders: what families are told by.
#[must_use]
pub fn family(event_type: &str) -> &str {
    event_type.rsplit('/').next().unwrap_or(event_type)
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn discriminants_words_and_glyphs_are_sound() {
        for (index, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
            assert_eq!(Kind::from_index(kind as u8), Some(kind));
            assert_eq!(Kind::from_word(kind.word()), Some(kind));
            assert_eq!(kind.glyph().width(), 1, "{kind:?}");
            assert!(kind.ascii().is_ascii() && kind.ascii().len() == 1);
        }
        assert_eq!(Kind::from_index(15), None);
    }

    fn kind(event_type: &str, payload: &str) -> Kind {
        Kind::classify(event_type, || Some(payload.as_bytes()))
    }

    #[test]
    fn families() {
        let p = "https://events.iterate.com/events/stream/";
        for (event_type, payload, want) in [
            ("user_message", r#""Hello""#, Kind::You),
            ("https://events.iterate.com/llm-chunk", "{}", Kind::Chunk),
            (
                "agent-input-added",
                r#"{"content":"a","role":"user"}"#,
                Kind::You,
            ),
            ("agent-input-added", r#"{"role":"assistant"}"#, Kind::Agent),
            (
                "agent-input-added",
                r#"{"content":"\"role\":\"assistant\""}"#,
                Kind::You,
            ),
            (
                "tool-result",
                r#"{"ok":true,"output":"\"ok\":false"}"#,
                Kind::Result,
            ),
            ("tool-result", r#"{"output":"x","ok":false}"#, Kind::Error),
            ("tool-result", r#"{"error":null}"#, Kind::Result),
            ("llm-request-started", "{}", Kind::Request),
            ("llm-request-failed", "{}", Kind::Error),
            (
                "openai-response-event-added",
                r#"{"event":{"type":"response.output_text.delta","delta":"x"}}"#,
                Kind::Chunk,
            ),
            (
                "openai-response-event-added",
                r#"{"event":{"type":"response.completed"}}"#,
                Kind::Request,
            ),
            ("something-else", "{}", Kind::Other),
            ("", "", Kind::Other),
        ] {
            assert_eq!(kind(event_type, payload), want, "{event_type} {payload}");
        }
        assert_eq!(
            kind(&format!("{p}dynamic-worker/configured"), ""),
            Kind::Processor
        );
        assert_eq!(
            kind(&format!("{p}schedule/internal/execution-started"), ""),
            Kind::Schedule
        );
        assert_eq!(kind(&format!("{p}paused"), ""), Kind::Paused);
    }

    #[test]
    fn payload_is_not_asked_for_when_the_type_decides() {
        let kind = Kind::classify("user_message", || panic!("asked"));
        assert_eq!(kind, Kind::You);
    }
}
