//! The service's own state of a stream (SPEC §3 `__state`), folded from events by pure functions,
//! one file a built-in processor. Payloads of another shape than SPEC §2's change nothing.

pub mod breaker;
mod children;
pub mod scheduler;
pub mod subscriber;
pub mod transformer;
pub mod worker;

use super::built_in::BuiltIn;
use super::event::{Event, Millis};
use breaker::{Breaker, Policy};
use children::Children;
use scheduler::Schedules;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use subscriber::Subscriptions;
use transformer::Transformers;
use worker::Workers;

/// A stream's reduced state; its JSON is SPEC §3's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamState {
    /// From `initialized`; empty before.
    pub project_slug: String,
    /// From `initialized`, or else from the first event that names its stream.
    pub path: String,
    /// Events folded.
    pub event_count: u64,
    /// Immediate children, in order of creation.
    pub child_paths: Children,
    /// As last replaced by `metadata-updated`.
    pub metadata: Map<String, Value>,
    /// One state a built-in processor.
    pub processors: Processors,
}

/// The states of the built-in processors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Processors {
    /// SPEC §4.
    pub circuit_breaker: Breaker,
    /// SPEC §8.
    pub dynamic_worker: Workers,
    /// SPEC §7.
    pub external_subscriber: Subscriptions,
    /// SPEC §6.
    pub jsonata_transformer: Transformers,
    /// SPEC §5.
    pub scheduler: Schedules,
}

impl StreamState {
    /// Folds one event under SPEC §4's default limit.
    pub fn reduce(&mut self, event: &Event) {
        self.reduce_under(Policy::default(), event);
    }

    /// Folds one event.
    pub fn reduce_under(&mut self, policy: Policy, event: &Event) {
        if self.path.is_empty()
            && let Some(path) = &event.stream_path
        {
            self.path.clone_from(path);
        }
        let time = event.created_at.as_deref().and_then(Millis::parse);
        match BuiltIn::parse(&event.event_type) {
            None => self.reduce_ordinary_under(policy, time),
            Some(built_in) => {
                self.event_count += 1;
                self.reduce_built_in(built_in, event);
                let processors = &mut self.processors;
                processors
                    .circuit_breaker
                    .reduce(built_in, event, time, policy);
                processors.dynamic_worker.reduce(built_in, event);
                processors.external_subscriber.reduce(built_in, event);
                processors.jsonata_transformer.reduce(built_in, event);
                processors.scheduler.reduce(built_in, event);
            }
        }
    }

    /// Folds one event that is of no built-in type: only its time matters.
    pub fn reduce_ordinary(&mut self, time: Option<Millis>) {
        self.reduce_ordinary_under(Policy::default(), time);
    }

    /// As [`StreamState::reduce_ordinary`], under a limit of choice.
    pub fn reduce_ordinary_under(&mut self, policy: Policy, time: Option<Millis>) {
        self.event_count += 1;
        self.processors.circuit_breaker.count(time, policy);
    }

    fn reduce_built_in(&mut self, built_in: BuiltIn, event: &Event) {
        let text = |key: &str| event.payload.get(key).and_then(Value::as_str);
        match built_in {
            BuiltIn::Initialized => {
                if let Some(slug) = text("projectSlug") {
                    slug.clone_into(&mut self.project_slug);
                }
                if let Some(path) = text("path") {
                    path.clone_into(&mut self.path);
                }
            }
            BuiltIn::ChildStreamCreated => {
                if let Some(child) = text("childPath").and_then(|p| self.immediate_child(p)) {
                    self.child_paths.add(&child);
                }
            }
            BuiltIn::MetadataUpdated => {
                if let Some(Value::Object(metadata)) = event.payload.get("metadata") {
                    self.metadata.clone_from(metadata);
                }
            }
            _ => {}
        }
    }

    /// The child of this stream on the way to a descendant.
    fn immediate_child(&self, descendant: &str) -> Option<String> {
        let own = self.path.trim_end_matches('/');
        let below = descendant.strip_prefix(own)?.strip_prefix('/')?;
        let segment = below.split('/').next().filter(|s| !s.is_empty())?;
        Some(format!("{own}/{segment}"))
    }
}

/// The payload in the shape of a built-in event, if it has it.
fn payload<T: DeserializeOwned>(event: &Event) -> Option<T> {
    T::deserialize(&event.payload).ok()
}

#[cfg(test)]
mod tests;
