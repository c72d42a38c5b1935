//! One template for each of the service's own events (SPEC §2), ready to be filled in.

use crate::model::built_in::BuiltIn;
use serde_json::{Value, json};

/// A template.
#[derive(Debug)]
pub struct Template {
    /// What it is for, in a word or two.
    pub name: &'static str,
    /// What the event does.
    pub about: &'static str,
    /// Its type.
    pub built_in: BuiltIn,
    payload: fn() -> Value,
}

impl Template {
    /// The event input with its sample payload.
    #[must_use]
    pub fn input(&self) -> Value {
        json!({"type": self.built_in.to_string(), "payload": self.payload()})
    }

    /// The sample payload.
    #[must_use]
    pub fn payload(&self) -> Value {
        (self.payload)()
    }
}

const fn template(
    name: &'static str,
    built_in: BuiltIn,
    about: &'static str,
    payload: fn() -> Value,
) -> Template {
    Template {
        name,
        about,
        built_in,
        payload,
    }
}

/// All of them, what people append by hand first.
#[rustfmt::skip]
pub static ALL: &[Template] = &[
    template("pause", BuiltIn::Paused, "close the gate: only a resume is taken until then",
        || json!({"reason": "looking into it"})),
    template("resume", BuiltIn::Resumed, "open the gate again",
        || json!({"reason": "looked into it"})),
    template("schedule", BuiltIn::AppendScheduled, "append an event later, or again and again",
        || json!({"slug": "tick", "append": {"type": "tick", "payload": {}},
            "schedule": {"kind": "every", "intervalSeconds": 60}})),
    template("cancel schedule", BuiltIn::ScheduleCancelled, "take a schedule away",
        || json!({"slug": "tick"})),
    template("worker", BuiltIn::DynamicWorkerConfigured, "deploy a processor, or its next version",
        || json!({"slug": "counter", "script":
            "export default {\n  slug: \"counter\",\n  initialState: { count: 0 },\n  reduce({ state }) {\n    return { count: state.count + 1 };\n  },\n};\n"})),
    template("worker variable", BuiltIn::DynamicWorkerEnvVarSet, "set process.env.KEY for the workers",
        || json!({"key": "MODEL_URL", "value": "http://127.0.0.1:8080/v1"})),
    template("transformer", BuiltIn::JsonataTransformerConfigured, "turn events into others with JSONata",
        || json!({"slug": "shout", "matcher": "type = \"user_message\"",
            "transform": "{\"type\": \"shouted\", \"payload\": {\"text\": $uppercase(payload.content)}}"})),
    template("subscription", BuiltIn::SubscriptionConfigured, "push events to a webhook or a websocket",
        || json!({"slug": "hook", "type": "webhook", "callbackUrl": "http://127.0.0.1:9000/events",
            "jsonataFilter": "type = \"agent-output-added\""})),
    template("circuit breaker", BuiltIn::CircuitBreakerConfigured, "a token bucket instead of 100 events a second",
        || json!({"burstCapacity": 500, "refillRatePerMinute": 6000})),
    template("metadata", BuiltIn::MetadataUpdated, "replace the stream's metadata",
        || json!({"metadata": {"title": "my stream"}})),
    template("error", BuiltIn::ErrorOccurred, "put a failure on record",
        || json!({"message": "what went wrong"})),
    template("renderer", BuiltIn::HtmlRendererConfigured, "a template that shows events as HTML",
        || json!({"slug": "bubble", "matcher": "type = \"user_message\"", "template": "<p>{{payload.content}}</p>"})),
    template("schedule as it stands", BuiltIn::ScheduleConfigured, "set a schedule with its next run",
        || json!({"slug": "tick", "callback": "append", "payloadJson": "{\"type\":\"tick\",\"payload\":{}}",
            "schedule": {"kind": "cron", "cron": "*/5 * * * *"}, "nextRunAt": 1_893_456_000})),
    template("child stream", BuiltIn::ChildStreamCreated, "what the service writes when a stream below begins",
        || json!({"childPath": "/parent/child"})),
    template("invalid event", BuiltIn::InvalidEventAppended, "what the service writes for input that is no event",
        || json!({"rawInput": {"no": "type"}, "error": "type: missing"})),
    template("schedule run begun", BuiltIn::ScheduleExecutionStarted, "what the scheduler writes before a run",
        || json!({"slug": "tick", "startedAt": 1_893_456_000})),
    template("schedule run ended", BuiltIn::ScheduleExecutionFinished, "what the scheduler writes after a run",
        || json!({"slug": "tick", "outcome": "succeeded", "nextRunAt": null})),
    template("woken", BuiltIn::WokeUp, "what the service writes after a restart; passes a pause",
        || json!({})),
    template("initialized", BuiltIn::Initialized, "a stream's first event; a second one is refused",
        || json!({"projectSlug": "public", "path": "/my/stream"})),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::validate::{self, Payloads};

    #[test]
    fn every_built_in_event_has_one_that_the_service_takes() {
        for built_in in BuiltIn::ALL {
            let found = ALL.iter().filter(|t| t.built_in == built_in).count();
            assert_eq!(found, 1, "{built_in}");
        }
        for template in ALL {
            let checked = validate::input(&template.input(), Payloads::Objects);
            assert!(checked.is_ok(), "{}: {checked:?}", template.name);
        }
    }
}
