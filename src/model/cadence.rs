//! When a schedule is due (SPEC §5), as arithmetic on times: no clock is asked here.

use super::event::Millis;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use serde_json::{Number, Value};

/// An `every` runs no more often than once in so many milliseconds: each run writes to the log.
pub const SHORTEST_MILLIS: i64 = 1_000;

/// A schedule's `schedule`.
#[derive(Clone, Debug)]
pub enum Cadence {
    /// Once, at a time.
    OnceAt(Millis),
    /// Once, so many milliseconds after it was configured.
    OnceIn(i64),
    /// Every so many milliseconds, at least [`SHORTEST_MILLIS`].
    Every(i64),
    /// By five fields, in UTC.
    Cron(Box<Cron>),
}

impl Cadence {
    /// Reads a `schedule` in one of SPEC §5's shapes.
    #[must_use]
    pub fn parse(schedule: &Value) -> Option<Cadence> {
        let text = |key: &str| schedule.get(key).and_then(Value::as_str);
        let millis = |key: &str| {
            let seconds = schedule.get(key).and_then(Value::as_f64)?;
            // Saturates: a time too far to be written never comes.
            Some((seconds * 1_000.0).ceil() as i64)
        };
        match text("kind")? {
            "once-at" => Millis::parse(text("at")?).map(Cadence::OnceAt),
            "once-in" => millis("delaySeconds").map(Cadence::OnceIn),
            "every" => millis("intervalSeconds")
                .filter(|interval| *interval > 0)
                .map(|interval| Cadence::Every(interval.max(SHORTEST_MILLIS))),
            "cron" => cron(text("cron")?).ok().map(Box::new).map(Cadence::Cron),
            _ => None,
        }
    }

    /// The first run of what is configured now; `None` when it will never be due.
    #[must_use]
    pub fn first(&self, now: Millis) -> Option<Millis> {
        match self {
            Cadence::OnceAt(at) => Some(*at),
            Cadence::OnceIn(delay) => Some(Millis(now.0.saturating_add(*delay))),
            Cadence::Every(interval) => Some(Millis(now.0.saturating_add(*interval))),
            Cadence::Cron(cron) => next_match(cron, now),
        }
    }

    /// The run that follows one that was due at `due` and is made now. Runs that were missed are not
    /// made up for: the next one lies in the future, in step with the ones before.
    #[must_use]
    pub fn following(&self, due: Millis, now: Millis) -> Option<Millis> {
        match self {
            Cadence::OnceAt(_) | Cadence::OnceIn(_) => None,
            Cadence::Every(interval) => {
                let late = now.0.saturating_sub(due.0).max(0);
                let steps = late / interval + 1;
                Some(Millis(
                    due.0.saturating_add(steps.saturating_mul(*interval)),
                ))
            }
            Cadence::Cron(cron) => next_match(cron, now.max(due)),
        }
    }
}

/// Reads a cron pattern of five fields.
///
/// # Errors
/// What is wrong with it.
pub fn cron(pattern: &str) -> Result<Cron, String> {
    let fields = pattern.split_whitespace().count();
    if fields != 5 {
        return Err(format!("expected five fields, got {fields}"));
    }
    CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build()
        .parse(pattern)
        .map_err(|error| format!("{pattern:?} is no cron pattern: {error}"))
}

fn next_match(cron: &Cron, after: Millis) -> Option<Millis> {
    let utc = jiff::tz::TimeZone::UTC;
    let after = jiff::Timestamp::from_millisecond(after.0).ok()?;
    let next = cron
        .find_next_occurrence(&after.to_zoned(utc.clone()).datetime(), false)
        .ok()?;
    let next = next.to_zoned(utc).ok()?;
    Some(Millis(next.timestamp().as_millisecond()))
}

/// Seconds since 1970, whole if they are: `nextRunAt` and `startedAt`.
#[must_use]
pub fn seconds(time: Millis) -> Number {
    if time.0 % 1_000 == 0 {
        return Number::from(time.0 / 1_000);
    }
    // A quotient of finite numbers is finite.
    Number::from_f64(time.0 as f64 / 1_000.0).unwrap_or_else(|| Number::from(time.0 / 1_000))
}

/// The time that [`seconds`] tells.
#[must_use]
pub fn millis(seconds: &Number) -> Option<Millis> {
    let seconds = seconds.as_f64()?;
    Some(Millis((seconds * 1_000.0).round() as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(text: &str) -> Millis {
        Millis::parse(text).unwrap()
    }

    #[test]
    fn once() {
        let once = Cadence::parse(&json!({"kind": "once-at", "at": "2026-03-01T12:00:00.5Z"}));
        let once = once.unwrap();
        let due = at("2026-03-01T12:00:00.5Z");
        assert_eq!(once.first(Millis(0)), Some(due));
        assert_eq!(once.following(due, due), None);
        assert_eq!(seconds(due).to_string(), "1772366400.5");
        assert_eq!(millis(&seconds(due)), Some(due));
        let soon = Cadence::parse(&json!({"kind": "once-in", "delaySeconds": 1.5})).unwrap();
        assert_eq!(soon.first(Millis(1_000)), Some(Millis(2_500)));
    }

    #[test]
    fn every_keeps_step_and_skips_what_was_missed() {
        let every = Cadence::parse(&json!({"kind": "every", "intervalSeconds": 5})).unwrap();
        assert_eq!(every.first(Millis(1_000)), Some(Millis(6_000)));
        let following = |due, now| every.following(Millis(due), Millis(now)).unwrap().0;
        assert_eq!(following(6_000, 6_000), 11_000);
        assert_eq!(following(6_000, 6_700), 11_000);
        assert_eq!(following(6_000, 11_000), 16_000);
        assert_eq!(following(6_000, 3_600_000), 3_601_000);
    }

    #[test]
    fn cron_is_in_utc_with_five_fields() {
        let nine = Cadence::parse(&json!({"kind": "cron", "cron": "0 9 * * MON-FRI"})).unwrap();
        // A Friday.
        let friday = at("2026-11-20T09:00:00Z");
        assert_eq!(nine.first(at("2026-11-20T08:59:59.999Z")), Some(friday));
        let monday = Some(at("2026-11-23T09:00:00Z"));
        assert_eq!(nine.following(friday, friday), monday);
        assert_eq!(nine.following(friday, at("2026-11-21T00:00:00Z")), monday);
        let leap = cron("0 0 29 2 *").unwrap();
        let next = next_match(&leap, at("2026-01-01T00:00:00Z"));
        assert_eq!(next, Some(at("2028-02-29T00:00:00Z")));
        assert_eq!(next_match(&cron("0 0 30 2 *").unwrap(), Millis(0)), None);
        for wrong in ["* * * *", "* * * * * *", "61 * * * *", "a b c d e", ""] {
            assert!(cron(wrong).is_err(), "{wrong}");
        }
    }
}
