//! Schedules by slug (SPEC §5).

use super::payload;
use crate::model::built_in::BuiltIn;
use crate::model::event::Event;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use std::collections::BTreeMap;

/// All schedules of a stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schedules(pub BTreeMap<String, Schedule>);

/// One schedule as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// What is called when due; `append`.
    pub callback: String,
    /// The event input to append, as JSON text.
    pub payload_json: String,
    /// When, as configured.
    pub schedule: Value,
    /// Seconds since 1970.
    pub next_run_at: Option<Number>,
    /// Runs that have ended.
    pub execution_count: u64,
    /// A run is going.
    pub running: bool,
    /// `startedAt` of the run that is going.
    pub execution_started_at: Option<Value>,
    /// When it was configured, as the event has it.
    pub created_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Configured {
    slug: String,
    callback: String,
    payload_json: String,
    schedule: Value,
    next_run_at: Option<Number>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Finished {
    slug: String,
    next_run_at: Option<Number>,
}

impl Schedules {
    /// Folds an event of a built-in type. `append-scheduled` alone changes nothing: the service
    /// follows it up with `schedule/configured`.
    pub fn reduce(&mut self, built_in: BuiltIn, event: &Event) {
        let slug = || event.payload.get("slug").and_then(Value::as_str);
        match built_in {
            BuiltIn::ScheduleConfigured => {
                if let Some(configured) = payload::<Configured>(event) {
                    let schedule = Schedule {
                        callback: configured.callback,
                        payload_json: configured.payload_json,
                        schedule: configured.schedule,
                        next_run_at: configured.next_run_at,
                        execution_count: 0,
                        running: false,
                        execution_started_at: None,
                        created_at: event.created_at.clone(),
                    };
                    self.0.insert(configured.slug, schedule);
                }
            }
            BuiltIn::ScheduleCancelled => {
                if let Some(slug) = slug() {
                    self.0.remove(slug);
                }
            }
            BuiltIn::ScheduleExecutionStarted => {
                if let Some(schedule) = slug().and_then(|slug| self.0.get_mut(slug)) {
                    schedule.running = true;
                    schedule.execution_started_at = event.payload.get("startedAt").cloned();
                }
            }
            BuiltIn::ScheduleExecutionFinished => {
                let Some(finished) = payload::<Finished>(event) else {
                    return;
                };
                let Some(schedule) = self.0.get_mut(&finished.slug) else {
                    return;
                };
                if finished.next_run_at.is_none() {
                    self.0.remove(&finished.slug);
                    return;
                }
                schedule.next_run_at = finished.next_run_at;
                schedule.execution_count += 1;
                schedule.running = false;
                schedule.execution_started_at = None;
            }
            _ => {}
        }
    }
}
