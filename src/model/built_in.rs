//! The service's own event types (SPEC §2) under every spelling that logs hold.

use std::fmt;

/// What the server writes before a built-in type's name.
pub const PREFIX: &str = "https://events.iterate.com/events/stream/";
const SCHEMELESS: &str = "events.iterate.com/stream/";
const SEED: &str = "https://events.iterate.com/";
/// The one type that the seed's route writes in the short form (SPEC §2).
pub const SEED_INVALID_EVENT_APPENDED: &str = "https://events.iterate.com/invalid-event-appended";

/// A built-in event type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BuiltIn {
    /// Offset 1 of every stream; newer name `created`.
    Initialized,
    /// A restart re-opened a stream; also `durable-object-constructed` and `woken`.
    WokeUp,
    /// A stream below this one was initialized.
    ChildStreamCreated,
    /// Replaces the stream's metadata.
    MetadataUpdated,
    /// A failure put on record.
    ErrorOccurred,
    /// Input that was no event.
    InvalidEventAppended,
    /// The gate closed.
    Paused,
    /// The gate opened.
    Resumed,
    /// A token bucket instead of the sliding window.
    CircuitBreakerConfigured,
    /// An order to append later.
    AppendScheduled,
    /// A schedule as it stands.
    ScheduleConfigured,
    /// A schedule was removed.
    ScheduleCancelled,
    /// A due run began.
    ScheduleExecutionStarted,
    /// A due run ended.
    ScheduleExecutionFinished,
    /// A JSONata transformer.
    JsonataTransformerConfigured,
    /// A push subscription.
    SubscriptionConfigured,
    /// A processor deployed by an event.
    DynamicWorkerConfigured,
    /// An environment variable of the stream's workers.
    DynamicWorkerEnvVarSet,
    /// A template to show events with.
    HtmlRendererConfigured,
}

impl BuiltIn {
    /// All of them, in the order of SPEC §2's table.
    pub const ALL: [BuiltIn; 19] = [
        BuiltIn::Initialized,
        BuiltIn::WokeUp,
        BuiltIn::ChildStreamCreated,
        BuiltIn::MetadataUpdated,
        BuiltIn::ErrorOccurred,
        BuiltIn::InvalidEventAppended,
        BuiltIn::Paused,
        BuiltIn::Resumed,
        BuiltIn::CircuitBreakerConfigured,
        BuiltIn::AppendScheduled,
        BuiltIn::ScheduleConfigured,
        BuiltIn::ScheduleCancelled,
        BuiltIn::ScheduleExecutionStarted,
        BuiltIn::ScheduleExecutionFinished,
        BuiltIn::JsonataTransformerConfigured,
        BuiltIn::SubscriptionConfigured,
        BuiltIn::DynamicWorkerConfigured,
        BuiltIn::DynamicWorkerEnvVarSet,
        BuiltIn::HtmlRendererConfigured,
    ];

    /// Reads a type in any of its spellings; `None` for every other type.
    #[must_use]
    pub fn parse(event_type: &str) -> Option<BuiltIn> {
        let name = event_type
            .strip_prefix(PREFIX)
            .or_else(|| event_type.strip_prefix(SCHEMELESS))
            .or_else(|| event_type.strip_prefix(SEED))?;
        Self::from_name(name)
    }

    /// Reads the part after the prefix; `-` and `/` are the same here.
    fn from_name(name: &str) -> Option<BuiltIn> {
        // Longer than any built-in name: not one of them.
        let mut buffer = [0u8; 48];
        let dashed = buffer.get_mut(..name.len())?;
        dashed.copy_from_slice(name.as_bytes());
        for byte in dashed.iter_mut().filter(|b| **b == b'/') {
            *byte = b'-';
        }
        Some(match &*dashed {
            b"initialized" | b"created" => BuiltIn::Initialized,
            b"durable-object-woke-up" | b"durable-object-constructed" | b"woken" => BuiltIn::WokeUp,
            b"child-stream-created" => BuiltIn::ChildStreamCreated,
            b"metadata-updated" => BuiltIn::MetadataUpdated,
            b"error-occurred" => BuiltIn::ErrorOccurred,
            b"invalid-event-appended" => BuiltIn::InvalidEventAppended,
            b"paused" => BuiltIn::Paused,
            b"resumed" => BuiltIn::Resumed,
            b"circuit-breaker-configured" => BuiltIn::CircuitBreakerConfigured,
            b"append-scheduled" => BuiltIn::AppendScheduled,
            b"schedule-configured" => BuiltIn::ScheduleConfigured,
            b"schedule-cancelled" => BuiltIn::ScheduleCancelled,
            b"schedule-internal-execution-started" => BuiltIn::ScheduleExecutionStarted,
            b"schedule-internal-execution-finished" => BuiltIn::ScheduleExecutionFinished,
            b"jsonata-transformer-configured" => BuiltIn::JsonataTransformerConfigured,
            b"subscription-configured" => BuiltIn::SubscriptionConfigured,
            b"dynamic-worker-configured" => BuiltIn::DynamicWorkerConfigured,
            b"dynamic-worker-env-var-set" => BuiltIn::DynamicWorkerEnvVarSet,
            b"html-renderer-configured" => BuiltIn::HtmlRendererConfigured,
            _ => return None,
        })
    }

    /// The name that follows [`PREFIX`] in the form the server writes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            BuiltIn::Initialized => "initialized",
            BuiltIn::WokeUp => "durable-object-woke-up",
            BuiltIn::ChildStreamCreated => "child-stream-created",
            BuiltIn::MetadataUpdated => "metadata-updated",
            BuiltIn::ErrorOccurred => "error-occurred",
            BuiltIn::InvalidEventAppended => "invalid-event-appended",
            BuiltIn::Paused => "paused",
            BuiltIn::Resumed => "resumed",
            BuiltIn::CircuitBreakerConfigured => "circuit-breaker-configured",
            BuiltIn::AppendScheduled => "append-scheduled",
            BuiltIn::ScheduleConfigured => "schedule/configured",
            BuiltIn::ScheduleCancelled => "schedule/cancelled",
            BuiltIn::ScheduleExecutionStarted => "schedule/internal/execution-started",
            BuiltIn::ScheduleExecutionFinished => "schedule/internal/execution-finished",
            BuiltIn::JsonataTransformerConfigured => "jsonata-transformer-configured",
            BuiltIn::SubscriptionConfigured => "subscription/configured",
            BuiltIn::DynamicWorkerConfigured => "dynamic-worker/configured",
            BuiltIn::DynamicWorkerEnvVarSet => "dynamic-worker/env-var-set",
            BuiltIn::HtmlRendererConfigured => "html-renderer-configured",
        }
    }
}

/// The whole type as the server writes it: [`PREFIX`] and [`BuiltIn::name`].
impl fmt::Display for BuiltIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_the_same_type() {
        for built_in in BuiltIn::ALL {
            let dashed = built_in.name().replace('/', "-");
            for spelling in [
                built_in.to_string(),
                format!("https://events.iterate.com/{dashed}"),
                format!("https://events.iterate.com/{}", built_in.name()),
                format!("events.iterate.com/stream/{}", built_in.name()),
                format!("events.iterate.com/stream/{dashed}"),
            ] {
                assert_eq!(BuiltIn::parse(&spelling), Some(built_in), "{spelling}");
            }
        }
    }

    #[test]
    fn older_and_newer_names() {
        let parse = |name: &str| BuiltIn::parse(&format!("{PREFIX}{name}"));
        assert_eq!(parse("created"), Some(BuiltIn::Initialized));
        assert_eq!(parse("woken"), Some(BuiltIn::WokeUp));
        assert_eq!(parse("durable-object-constructed"), Some(BuiltIn::WokeUp));
        assert_eq!(
            parse("circuit-breaker/configured"),
            Some(BuiltIn::CircuitBreakerConfigured)
        );
    }

    #[test]
    fn other_types_are_not_built_in() {
        for other in [
            "paused",
            "https://events.iterate.com/llm-chunk",
            "https://example.com/paused",
            "events.iterate.com/paused",
            "",
            "https://events.iterate.com/a-name-that-is-far-longer-than-any-built-in-event-type-name",
        ] {
            assert_eq!(BuiltIn::parse(other), None, "{other}");
        }
    }
}
