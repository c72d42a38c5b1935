//! The scheduler (SPEC §5) as far as it is arithmetic on a stream's state: what follows an order to
//! append later, what is due, and the events of a run.

use super::draft::{Draft, Incoming, Route};
use crate::model::built_in::BuiltIn;
use crate::model::cadence::{self, Cadence};
use crate::model::event::Millis;
use crate::model::path::StreamPath;
use crate::model::stream_state::scheduler::{Schedule, Schedules};
use serde_json::{Value, json};

/// A run that has been going for so long is given up as hung.
const HUNG_MILLIS: i64 = 30_000;

/// `append-scheduled` is followed at once by the schedule as it stands, or by why it cannot be.
pub(super) fn follow_up(path: &StreamPath, draft: &Draft, now: Millis) -> Option<Draft> {
    if draft.built_in != Some(BuiltIn::AppendScheduled) {
        return None;
    }
    let payload = draft.payload()?;
    let slug = payload.get("slug")?;
    let schedule = payload.get("schedule")?;
    let Some(next) = Cadence::parse(schedule).and_then(|cadence| cadence.first(now)) else {
        let message = format!("schedule {slug}: {schedule} is never due");
        let payload = json!({"message": message});
        return Some(Draft::own(path, BuiltIn::ErrorOccurred, payload));
    };
    let payload = json!({
        "slug": slug, "callback": "append", "payloadJson": payload.get("append")?.to_string(),
        "schedule": schedule, "nextRunAt": cadence::seconds(next),
    });
    Some(Draft::own(path, BuiltIn::ScheduleConfigured, payload))
}

/// A run that is due.
pub(super) struct Run {
    /// Of an `every` only.
    pub started: Option<Draft>,
    pub event: Draft,
    pub next: Option<Millis>,
}

/// The run of a schedule, if it is due.
pub(super) fn due(
    schedules: &Schedules,
    path: &StreamPath,
    slug: &str,
    now: Millis,
) -> Option<Run> {
    let schedule = schedules.0.get(slug)?;
    let due = due_at(schedule, now)?;
    if due > now {
        return None;
    }
    let cadence = Cadence::parse(&schedule.schedule)?;
    let every = matches!(cadence, Cadence::Every(_));
    let started = every.then(|| {
        let payload = json!({"slug": slug, "startedAt": cadence::seconds(now)});
        Draft::own(path, BuiltIn::ScheduleExecutionStarted, payload)
    });
    let incoming = match serde_json::from_str(&schedule.payload_json) {
        Ok(input) => Incoming::Json(input),
        Err(error) => Incoming::NotAnEvent {
            raw: Value::from(&*schedule.payload_json),
            encoding: None,
            error: format!("schedule {slug:?}: {error}"),
        },
    };
    // In step with the plan, unless a clock set back has moved the plan out of reach.
    let planned = schedule.next_run_at.as_ref().and_then(cadence::millis);
    let in_step = planned.filter(|planned| *planned <= now).unwrap_or(now);
    Some(Run {
        started,
        event: Draft::new(path, incoming, Route::Hook),
        next: cadence.following(in_step, now),
    })
}

/// The mark at a run's end.
pub(super) fn finished(path: &StreamPath, slug: &str, ok: bool, next: Option<Millis>) -> Draft {
    let outcome = if ok { "succeeded" } else { "failed" };
    let payload =
        json!({"slug": slug, "outcome": outcome, "nextRunAt": next.map(cadence::seconds)});
    Draft::own(path, BuiltIn::ScheduleExecutionFinished, payload)
}

/// When the first of a stream's schedules is due.
pub(super) fn next_due(schedules: &Schedules, now: Millis) -> Option<Millis> {
    let all = schedules.0.values();
    all.filter_map(|schedule| due_at(schedule, now)).min()
}

/// The schedules that are due, the longest overdue first.
pub(super) fn all_due(schedules: &Schedules, now: Millis) -> Vec<String> {
    let mut due: Vec<(Millis, &String)> = schedules
        .0
        .iter()
        .filter_map(|(slug, schedule)| Some((due_at(schedule, now)?, slug)))
        .filter(|(at, _)| *at <= now)
        .collect();
    due.sort();
    due.into_iter().map(|(_, slug)| slug.clone()).collect()
}

/// True when the plan of an interval lies further ahead than it was ever put: the clock was set back
/// since. A second is nothing; and whoever orders the first run for later gets it later.
fn is_out_of_reach(schedule: &Schedule, planned: Millis, interval: i64, now: Millis) -> bool {
    let reach = |from: Millis| Millis(from.0.saturating_add(interval).saturating_add(1_000));
    let created = schedule.created_at.as_deref().and_then(Millis::parse);
    let was_in_reach = schedule.execution_count > 0 || created.is_some_and(|c| planned <= reach(c));
    was_in_reach && planned > reach(now)
}

/// A run that is still going is waited for, until it counts as hung.
fn due_at(schedule: &Schedule, now: Millis) -> Option<Millis> {
    let planned = cadence::millis(schedule.next_run_at.as_ref()?)?;
    let due = match Cadence::parse(&schedule.schedule)? {
        Cadence::Every(interval) if is_out_of_reach(schedule, planned, interval, now) => now,
        _ => planned,
    };
    let started = match (&schedule.execution_started_at, schedule.running) {
        (Some(Value::Number(started)), true) => cadence::millis(started),
        _ => None,
    };
    // One that is said to have begun in the future has not begun.
    let hung = started
        .filter(|started| *started <= now)
        .map(|started| Millis(started.0.saturating_add(HUNG_MILLIS)));
    Some(hung.map_or(due, |hung| due.max(hung)))
}
