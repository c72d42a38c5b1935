//! The circuit breaker (SPEC §4): a sliding window, or a token bucket once configured.

use super::payload;
use crate::model::built_in::BuiltIn;
use crate::model::event::{Event, Millis};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use std::collections::VecDeque;

/// As many events within less than [`WINDOW_MILLIS`] trip the default policy.
pub const WINDOW_EVENTS: usize = 100;
/// Length of the sliding window in milliseconds.
pub const WINDOW_MILLIS: i64 = 1_000;
/// The reason given when the window trips.
pub const WINDOW_REASON: &str = "circuit breaker tripped: 100 events in under 1 second";
/// The reason given when the bucket runs dry.
pub const BUCKET_REASON: &str = "circuit breaker tripped: burst rate limit exceeded";

/// The breaker's state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Breaker {
    /// The gate is closed: only `resumed` and `durable-object-woke-up` may be appended.
    pub paused: bool,
    /// Why, in the words of whoever paused.
    pub pause_reason: Option<String>,
    /// When, as the event has it.
    pub paused_at: Option<String>,
    /// Milliseconds since 1970 of the last events within the window, at most [`WINDOW_EVENTS`].
    pub recent_event_timestamps: VecDeque<i64>,
    /// The bucket, once configured.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub config: Option<Config>,
    /// Tokens left; below zero trips.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "as_javascript",
        default
    )]
    pub available_tokens: Option<f64>,
    /// Milliseconds since 1970 of the last refill.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_refill_at_ms: Option<i64>,
}

/// A token bucket's measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    /// Tokens when full.
    pub burst_capacity: u64,
    /// Tokens that come back in a minute.
    pub refill_rate_per_minute: u64,
}

impl Breaker {
    /// Folds an event of a built-in type.
    pub fn reduce(&mut self, built_in: BuiltIn, event: &Event, time: Option<Millis>) {
        match built_in {
            BuiltIn::Paused => {
                let reason = event.payload.get("reason").and_then(Value::as_str);
                self.paused = true;
                self.pause_reason = reason.map(str::to_owned);
                self.paused_at.clone_from(&event.created_at);
            }
            BuiltIn::Resumed => {
                self.paused = false;
                self.pause_reason = None;
                self.paused_at = None;
                self.fill(time);
            }
            BuiltIn::CircuitBreakerConfigured => {
                if let Some(config) = payload::<Config>(event)
                    && config.burst_capacity > 0
                    && config.refill_rate_per_minute > 0
                {
                    self.config = Some(config);
                    self.fill(time);
                }
            }
            _ => self.count(time),
        }
    }

    /// Counts one event against the limit. An event without time, or during a pause, is free.
    pub fn count(&mut self, time: Option<Millis>) {
        let (Some(Millis(now)), false) = (time, self.paused) else {
            return;
        };
        let Some(config) = self.config else {
            let window = &mut self.recent_event_timestamps;
            while window
                .front()
                .is_some_and(|then| now - then >= WINDOW_MILLIS)
                || window.len() >= WINDOW_EVENTS
            {
                window.pop_front();
            }
            window.push_back(now);
            return;
        };
        let capacity = config.burst_capacity as f64;
        let elapsed = now - self.last_refill_at_ms.unwrap_or(now);
        let back = elapsed.max(0) as f64 * config.refill_rate_per_minute as f64 / 60_000.0;
        let tokens = self.available_tokens.unwrap_or(capacity) + back;
        self.available_tokens = Some(tokens.min(capacity) - 1.0);
        self.last_refill_at_ms = Some(now);
    }

    /// The reason to pause now, if the limit is met and the stream is not paused already.
    #[must_use]
    pub fn trip(&self) -> Option<&'static str> {
        if self.paused {
            None
        } else if self.config.is_some() {
            self.available_tokens
                .is_some_and(|tokens| tokens < 0.0)
                .then_some(BUCKET_REASON)
        } else {
            (self.recent_event_timestamps.len() >= WINDOW_EVENTS).then_some(WINDOW_REASON)
        }
    }

    /// An empty window, a full bucket.
    fn fill(&mut self, time: Option<Millis>) {
        self.recent_event_timestamps.clear();
        self.available_tokens = self.config.map(|config| config.burst_capacity as f64);
        self.last_refill_at_ms = self.config.and(time).map(|Millis(now)| now);
    }
}

/// Whole numbers without a fraction, as `JSON.stringify` writes them.
fn as_javascript<S: Serializer>(tokens: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match *tokens {
        Some(whole) if whole.fract() == 0.0 && whole.abs() < 9e15 => {
            serializer.serialize_i64(whole as i64)
        }
        Some(tokens) => serializer.serialize_f64(tokens),
        None => serializer.serialize_none(),
    }
}
