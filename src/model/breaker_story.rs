//! The circuit breaker's story (SPEC §4), told from the log alone: the level at any offset, what
//! filled it before a pause, and how it rose. Works on a recording as on a live stream.
//!
//! Nothing here looks at a whole log twice: [`Ledger`] folds it once, keeps the breaker every few
//! rows, and the rest looks at the rows around a pause only.

mod filled;
mod ledger;
mod plot;

pub use filled::{Author, Chain, Filled, Group, Link};
pub use ledger::Ledger;
pub use plot::Plot;

use super::event::{Event, Millis};
use super::kind::{Kind, family};
use super::log::EventLog;
use super::stream_state::breaker::{Breaker, Config, Level, Policy};

/// Asked from time to time; `false` stops the work.
pub type KeepGoing<'a> = &'a dyn Fn() -> bool;

/// Everything that the breaker panel says at one playhead.
#[derive(Clone, Debug, PartialEq)]
pub struct Story {
    /// Events in the state at the playhead.
    pub rows: usize,
    /// The level there.
    pub level: Level,
    /// The limit of streams without a bucket of their own.
    pub policy: Policy,
    /// The bucket's measures at the subject (the pause, or else the playhead); `None` is the
    /// sliding window.
    pub bucket: Option<Config>,
    /// The pause it is about; `None` when the stream was never paused.
    pub pause: Option<Pause>,
    /// What filled the limit: before the pause, or else up to the playhead.
    pub filled: Filled,
    /// How the level rose and fell around that.
    pub plot: Plot,
}

/// A pause.
#[derive(Clone, Debug, PartialEq)]
pub struct Pause {
    /// Row of the `paused` event.
    pub row: usize,
    /// Its offset, when it has one.
    pub offset: Option<u64>,
    /// When.
    pub time: Option<Millis>,
    /// The reason given; empty when none was.
    pub reason: String,
    /// The event that met the limit; `None` when somebody paused by hand.
    pub tripped_by: Option<Link>,
    /// The event that resumed the stream; `None` when the log holds none.
    pub resumed: Option<Link>,
}

impl Pause {
    /// Milliseconds that the stream was paused for; `None` while it is, or without times.
    #[must_use]
    pub fn lasted(&self) -> Option<u64> {
        let resumed = self.resumed.as_ref()?.time?;
        Some(resumed.0.saturating_sub(self.time?.0).max(0).unsigned_abs())
    }
}

impl Story {
    /// Tells the story at a playhead of `rows` events, about the pause on row `pause` if there is
    /// one. `None` when it was stopped, or the log is not indexed that far.
    #[must_use]
    pub fn tell(
        ledger: &mut Ledger,
        log: &dyn EventLog,
        rows: usize,
        pause: Option<usize>,
        keep_going: KeepGoing<'_>,
    ) -> Option<Story> {
        let until = pause.unwrap_or(rows);
        // The pause itself may name the limit that everything before it was counted against.
        let seen = rows.max(pause.map_or(0, |row| row + 1));
        let _ = ledger.at(log, seen, keep_going)?;
        let policy = ledger.policy();
        let level = ledger.at(log, rows, keep_going)?.level(policy);
        let before = ledger.at(log, until, keep_going)?;
        let filled = Filled::find(ledger, log, until, &before, keep_going)?;
        let plot = Plot::draw(ledger, log, until, filled.rows.start, keep_going)?;
        let pause = match pause {
            Some(row) => Some(pause_at(log, row, (&before, policy), keep_going)?),
            None => None,
        };
        Some(Story {
            rows,
            level,
            policy,
            bucket: before.config,
            pause,
            filled,
            plot,
        })
    }
}

/// Reads a pause and looks for its end.
fn pause_at(
    log: &dyn EventLog,
    row: usize,
    (before, policy): (&Breaker, Policy),
    keep_going: KeepGoing<'_>,
) -> Option<Pause> {
    let event = log.raw(row).and_then(|raw| Event::parse(&raw).ok());
    let reason = event
        .as_ref()
        .and_then(|e| e.payload.get("reason")?.as_str())
        .unwrap_or_default();
    let by_breaker = before.trip(policy).is_some_and(|words| words == reason);
    let resumed = resumed_after(log, row + 1, keep_going)?;
    Some(Pause {
        row,
        offset: event.as_ref().map(|e| e.offset.0),
        time: log.row(row).and_then(|r| r.time),
        reason: reason.to_owned(),
        tripped_by: row
            .checked_sub(1)
            .filter(|_| by_breaker)
            .and_then(|row| Link::of(log, row)),
        resumed: resumed.and_then(|row| Link::of(log, row)),
    })
}

/// The first row from `from` on that resumes the stream. The outer `None` is "stopped".
#[allow(clippy::option_option)] // stopped, not there, there
fn resumed_after(
    log: &dyn EventLog,
    from: usize,
    keep_going: KeepGoing<'_>,
) -> Option<Option<usize>> {
    for row in from..log.len() {
        if row % ledger::STRIDE == 0 && !keep_going() {
            return None;
        }
        if log.kind(row) == Some(Kind::Resumed) {
            return Some(Some(row));
        }
    }
    Some(None)
}

impl Link {
    /// The event on a row, named.
    fn of(log: &dyn EventLog, row: usize) -> Option<Link> {
        let columns = log.row(row)?;
        Some(Link {
            row,
            offset: columns.offset.map(|o| o.0),
            family: family(&columns.event_type).to_owned(),
            time: columns.time,
        })
    }
}

#[cfg(test)]
mod tests;
