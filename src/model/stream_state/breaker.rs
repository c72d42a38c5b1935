//! The circuit breaker (SPEC §4): a sliding window, or a token bucket once configured.

use super::payload;
use crate::model::built_in::BuiltIn;
use crate::model::event::{Event, Millis};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::str::FromStr;

/// As many events within less than [`WINDOW_MILLIS`] trip the default policy.
pub const WINDOW_EVENTS: usize = 100;
/// Length of the sliding window in milliseconds.
pub const WINDOW_MILLIS: i64 = 1_000;
/// The reason given when the window trips.
pub const WINDOW_REASON: &str = "circuit breaker tripped: 100 events in under 1 second";
/// The reason given when the bucket runs dry.
pub const BUCKET_REASON: &str = "circuit breaker tripped: burst rate limit exceeded";

/// The limit that holds on streams without a configuration of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// None.
    Off,
    /// A sliding window.
    Window {
        /// As many events within less than `millis` trip; 2 to [`MAX_WINDOW_EVENTS`].
        events: usize,
        /// Length of the window in milliseconds, at least 1.
        millis: i64,
    },
}

/// Most events of a [`Policy::Window`]: each one's time is part of the state.
pub const MAX_WINDOW_EVENTS: usize = 10_000;

/// SPEC §4's.
impl Default for Policy {
    fn default() -> Policy {
        Policy::Window {
            events: WINDOW_EVENTS,
            millis: WINDOW_MILLIS,
        }
    }
}

/// Why a text is no [`Policy`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no breaker: expected \"off\" or EVENTS/MILLISECONDS such as \"100/1000\", with 2 to \
     {MAX_WINDOW_EVENTS} events"
)]
pub struct PolicyError(String);

/// `off`, or `EVENTS/MILLISECONDS`.
impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Policy, PolicyError> {
        if text == "off" {
            return Ok(Policy::Off);
        }
        let window = || {
            let (events, millis) = text.split_once('/')?;
            let (events, millis) = (events.parse().ok()?, millis.parse().ok()?);
            ((2..=MAX_WINDOW_EVENTS).contains(&events) && millis > 0)
                .then_some(Policy::Window { events, millis })
        };
        window().ok_or_else(|| PolicyError(text.to_owned()))
    }
}

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
    /// Milliseconds since 1970 of the last events within the window, at most as many as trip it.
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

/// How much of the limit is used up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Level {
    /// Events in the window, or tokens taken from the bucket; never negative.
    pub used: f64,
    /// Where it trips: this many events in the window, or a bucket that gave one more than this; 0
    /// when nothing trips.
    pub limit: u64,
}

impl Breaker {
    /// The level as the state holds it: after the last event that was counted.
    #[must_use]
    pub fn level(&self, policy: Policy) -> Level {
        let Some(config) = self.config else {
            let limit = match policy {
                Policy::Window { events, .. } => events as u64,
                Policy::Off => 0,
            };
            return Level {
                used: self.recent_event_timestamps.len() as f64,
                limit,
            };
        };
        let capacity = config.burst_capacity as f64;
        Level {
            used: (capacity - self.available_tokens.unwrap_or(capacity)).max(0.0),
            limit: config.burst_capacity,
        }
    }

    /// The level some time later, when no event came in between: events have left the window,
    /// tokens have come back.
    #[must_use]
    pub fn level_at(&self, Millis(now): Millis, policy: Policy) -> Level {
        let level = self.level(policy);
        let used = match (self.config, self.last_refill_at_ms) {
            (None, _) => {
                let window = self.recent_event_timestamps.iter();
                let inside = |then: &&i64| match policy {
                    Policy::Window { millis, .. } => now - **then < millis,
                    Policy::Off => false,
                };
                window.filter(inside).count() as f64
            }
            (Some(config), Some(then)) => {
                let elapsed = (now - then).max(0) as f64;
                level.used - elapsed * config.refill_rate_per_minute as f64 / 60_000.0
            }
            (Some(_), None) => level.used,
        };
        Level {
            used: used.max(0.0),
            ..level
        }
    }

    /// Folds an event of a built-in type.
    pub fn reduce(
        &mut self,
        built_in: BuiltIn,
        event: &Event,
        time: Option<Millis>,
        policy: Policy,
    ) {
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
            _ => self.count(time, policy),
        }
    }

    /// Counts one event against the limit. An event without time, or during a pause, is free.
    pub fn count(&mut self, time: Option<Millis>, policy: Policy) {
        let (Some(Millis(now)), false) = (time, self.paused) else {
            return;
        };
        if let Some(config) = self.config {
            return self.draw(config, now);
        }
        let window = &mut self.recent_event_timestamps;
        let Policy::Window { events, millis } = policy else {
            window.clear();
            return;
        };
        // Times ahead of now are left from before the clock was set back.
        let outside = |then: &i64| now - then >= millis || *then > now;
        while window.front().is_some_and(outside) || window.len() >= events {
            window.pop_front();
        }
        window.push_back(now);
    }

    /// Takes one token.
    fn draw(&mut self, config: Config, now: i64) {
        let capacity = config.burst_capacity as f64;
        let elapsed = now - self.last_refill_at_ms.unwrap_or(now);
        let back = elapsed.max(0) as f64 * config.refill_rate_per_minute as f64 / 60_000.0;
        let tokens = self.available_tokens.unwrap_or(capacity) + back;
        self.available_tokens = Some(tokens.min(capacity) - 1.0);
        self.last_refill_at_ms = Some(now);
    }

    /// The reason to pause now, if the limit is met and the stream is not paused already.
    #[must_use]
    pub fn trip(&self, policy: Policy) -> Option<Cow<'static, str>> {
        if self.paused {
            return None;
        }
        if self.config.is_some() {
            let dry = self.available_tokens.is_some_and(|tokens| tokens < 0.0);
            return dry.then_some(Cow::Borrowed(BUCKET_REASON));
        }
        match policy {
            Policy::Window { events, millis } if self.recent_event_timestamps.len() >= events => {
                Some(window_reason(events, millis))
            }
            _ => None,
        }
    }

    /// An empty window, a full bucket.
    fn fill(&mut self, time: Option<Millis>) {
        self.recent_event_timestamps.clear();
        self.available_tokens = self.config.map(|config| config.burst_capacity as f64);
        self.last_refill_at_ms = self.config.and(time).map(|Millis(now)| now);
    }
}

impl Policy {
    /// The window that a pause's reason names, as [`Breaker::trip`] words it.
    #[must_use]
    pub fn of_reason(reason: &str) -> Option<Policy> {
        if reason == WINDOW_REASON {
            return Some(Policy::default());
        }
        let rest = reason.strip_prefix("circuit breaker tripped: ")?;
        let (events, millis) = rest.strip_suffix(" ms")?.split_once(" events in under ")?;
        format!("{events}/{millis}").parse().ok()
    }
}

fn window_reason(events: usize, millis: i64) -> Cow<'static, str> {
    if (events, millis) == (WINDOW_EVENTS, WINDOW_MILLIS) {
        return Cow::Borrowed(WINDOW_REASON);
    }
    Cow::Owned(format!(
        "circuit breaker tripped: {events} events in under {millis} ms"
    ))
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
