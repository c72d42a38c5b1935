//! The shapes of built-in payloads (SPEC §2, §4 to §8). Further keys are let through.

use super::{At, Invalid, Payloads, check as check_input, name_of};
use crate::model::built_in::BuiltIn;
use crate::model::cadence;
use crate::model::event::Millis;
use crate::model::path::StreamPath;
use serde_json::{Map, Value};

/// Longest interval of an `every` schedule: 30 days.
const MAX_INTERVAL_SECONDS: f64 = 30.0 * 24.0 * 3_600.0;

pub(super) fn check(built_in: BuiltIn, place: At<'_>, payload: &Value) -> Result<(), Invalid> {
    if built_in == BuiltIn::DynamicWorkerConfigured && payload.is_string() {
        // The seed's form: the source itself.
        return Ok(());
    }
    let Value::Object(members) = payload else {
        return Err(place.is(format!("expected a JSON object, got {}", name_of(payload))));
    };
    let fields = Fields { place, members };
    match built_in {
        BuiltIn::Initialized => {
            fields.text("projectSlug")?;
            fields.path("path")
        }
        BuiltIn::WokeUp => Ok(()),
        BuiltIn::ChildStreamCreated => fields.path("childPath"),
        BuiltIn::MetadataUpdated => fields.object("metadata").map(drop),
        BuiltIn::ErrorOccurred => fields.any_text("message").map(drop),
        BuiltIn::InvalidEventAppended => {
            fields.required("rawInput")?;
            fields.any_text("error").map(drop)
        }
        BuiltIn::Paused | BuiltIn::Resumed => fields.optional("reason", Fields::any_text),
        BuiltIn::CircuitBreakerConfigured => {
            fields.positive_integer("burstCapacity")?;
            fields.positive_integer("refillRatePerMinute")
        }
        BuiltIn::AppendScheduled => {
            fields.text("slug")?;
            let append = fields.required("append")?;
            check_input(place.with("append"), append, Payloads::Any)?;
            fields.schedule()
        }
        BuiltIn::ScheduleConfigured => {
            fields.text("slug")?;
            fields.one_of("callback", &["append"])?;
            let text = fields.text("payloadJson")?;
            let at = place.with("payloadJson");
            let input: Value = serde_json::from_str(text)
                .map_err(|error| at.is(format!("expected JSON text: {error}")))?;
            check_input(at, &input, Payloads::Any)?;
            fields.schedule()?;
            fields.number("nextRunAt").map(drop)
        }
        BuiltIn::ScheduleCancelled => fields.text("slug").map(drop),
        BuiltIn::ScheduleExecutionStarted => {
            fields.text("slug")?;
            fields.number("startedAt").map(drop)
        }
        BuiltIn::ScheduleExecutionFinished => {
            fields.text("slug")?;
            fields.one_of("outcome", &["succeeded", "failed"])?;
            match fields.required("nextRunAt")? {
                Value::Null => Ok(()),
                _ => fields.number("nextRunAt").map(drop),
            }
        }
        BuiltIn::JsonataTransformerConfigured => {
            fields.text("slug")?;
            fields.text("matcher")?;
            fields.text("transform").map(drop)
        }
        BuiltIn::SubscriptionConfigured => {
            fields.text("slug")?;
            fields.one_of("type", &["webhook", "websocket"])?;
            fields.text("callbackUrl")?;
            fields.optional("jsonataFilter", Fields::text)?;
            fields.optional("jsonataTransform", Fields::text)
        }
        BuiltIn::DynamicWorkerConfigured => worker(&fields),
        BuiltIn::DynamicWorkerEnvVarSet => {
            fields.text("key")?;
            fields.any_text("value").map(drop)
        }
        BuiltIn::HtmlRendererConfigured => {
            fields.text("slug")?;
            fields.text("matcher")?;
            fields.any_text("template").map(drop)
        }
    }
}

fn worker(fields: &Fields<'_>) -> Result<(), Invalid> {
    fields.text("slug")?;
    match (fields.members.get("script"), fields.members.get("modules")) {
        (Some(_), None) => fields.text("script").map(drop)?,
        (None, Some(_)) => {
            if fields.object("modules")?.is_empty() {
                return Err(fields.place.with("modules").is("must hold a module"));
            }
        }
        (None, None) => return Err(fields.place.is("one of script and modules is missing")),
        (Some(_), Some(_)) => {
            return Err(fields.place.is("script and modules exclude each other"));
        }
    }
    fields.optional("compatibilityDate", Fields::text)?;
    fields.optional("outboundGateway", Fields::object)?;
    let flags = fields.members.get("compatibilityFlags");
    let texts = |flags: &Value| {
        flags
            .as_array()
            .is_some_and(|f| f.iter().all(Value::is_string))
    };
    match flags {
        Some(flags) if !texts(flags) => {
            let at = fields.place.with("compatibilityFlags");
            Err(at.is("expected an array of strings"))
        }
        _ => Ok(()),
    }
}

struct Fields<'a> {
    place: At<'a>,
    members: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    fn required(&self, key: &str) -> Result<&'a Value, Invalid> {
        let found = self.members.get(key);
        found.ok_or_else(|| self.place.with(key).is("missing"))
    }

    fn expected<T>(&self, key: &str, what: &str, found: Option<T>) -> Result<T, Invalid> {
        let value = self.required(key)?;
        found.ok_or_else(|| {
            let at = self.place.with(key);
            at.is(format!("expected {what}, got {}", name_of(value)))
        })
    }

    fn optional<T>(
        &self,
        key: &str,
        check: impl FnOnce(&Self, &str) -> Result<T, Invalid>,
    ) -> Result<(), Invalid> {
        match self.members.get(key) {
            None => Ok(()),
            Some(_) => check(self, key).map(drop),
        }
    }

    fn any_text(&self, key: &str) -> Result<&'a str, Invalid> {
        self.expected(key, "a string", self.required(key)?.as_str())
    }

    fn text(&self, key: &str) -> Result<&'a str, Invalid> {
        let text = self.any_text(key)?;
        if text.trim().is_empty() {
            return Err(self.place.with(key).is("must not be empty"));
        }
        Ok(text)
    }

    fn object(&self, key: &str) -> Result<&'a Map<String, Value>, Invalid> {
        self.expected(key, "a JSON object", self.required(key)?.as_object())
    }

    fn number(&self, key: &str) -> Result<f64, Invalid> {
        self.expected(key, "a number", self.required(key)?.as_f64())
    }

    fn positive_integer(&self, key: &str) -> Result<(), Invalid> {
        let value = self.required(key)?;
        let whole = value.as_u64().or_else(|| {
            let number = value.as_f64()?;
            (number.fract() == 0.0 && number > 0.0).then_some(number as u64)
        });
        match whole {
            Some(whole) if whole > 0 => Ok(()),
            _ => Err(self.place.with(key).is("expected a positive integer")),
        }
    }

    fn path(&self, key: &str) -> Result<(), Invalid> {
        let text = self.any_text(key)?;
        let parsed: Result<StreamPath, _> = text.parse();
        parsed
            .map(drop)
            .map_err(|error| self.place.with(key).is(error.to_string()))
    }

    fn one_of(&self, key: &str, allowed: &[&str]) -> Result<&'a str, Invalid> {
        let text = self.any_text(key)?;
        if allowed.contains(&text) {
            return Ok(text);
        }
        let at = self.place.with(key);
        Err(at.is(format!("{text:?} is not one of {}", allowed.join(", "))))
    }

    fn schedule(&self) -> Result<(), Invalid> {
        let place = self.place.with("schedule");
        let fields = Fields {
            place,
            members: self.object("schedule")?,
        };
        match fields.one_of("kind", &["once-at", "once-in", "every", "cron"])? {
            "once-at" => match Millis::parse(fields.text("at")?) {
                Some(_) => Ok(()),
                None => Err(place.with("at").is("expected an RFC 3339 time")),
            },
            "once-in" => match fields.number("delaySeconds")? {
                seconds if seconds >= 0.0 => Ok(()),
                _ => Err(place.with("delaySeconds").is("must not be negative")),
            },
            "every" => match fields.number("intervalSeconds")? {
                seconds if seconds > 0.0 && seconds <= MAX_INTERVAL_SECONDS => Ok(()),
                _ => Err(place
                    .with("intervalSeconds")
                    .is("must be more than 0 and at most 2592000 (30 days)")),
            },
            _ => {
                let pattern = fields.text("cron")?;
                cadence::cron(pattern)
                    .map(drop)
                    .map_err(|why| place.with("cron").is(why))
            }
        }
    }
}
