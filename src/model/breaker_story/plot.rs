//! How the level rose and fell around a pause: the highest level in each of some slices of time.

use super::KeepGoing;
use super::ledger::{Ledger, Read, fold};
use crate::model::event::Millis;
use crate::model::log::EventLog;

/// Slices of a plot.
pub const SLICES: usize = 120;
/// Least time that a plot shows, in milliseconds.
const LEAST_SPAN: i64 = 8_000;
/// Most rows folded for a plot, to each side.
const MOST_ROWS: usize = 50_000;

/// The level over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plot {
    /// Where it begins.
    pub from: Option<Millis>,
    /// Milliseconds from its begin to its end.
    pub span: i64,
    /// The highest level in each slice; empty without times.
    pub levels: Vec<f64>,
    /// Where the breaker trips.
    pub limit: u64,
    /// Times between which the gate was closed, as far as the plot goes.
    pub paused: Vec<(Millis, Option<Millis>)>,
}

impl Plot {
    /// The slice that a time falls into; `None` outside the plot.
    #[must_use]
    pub fn slice_of(&self, time: Millis) -> Option<usize> {
        let since = time.0.checked_sub(self.from?.0)?;
        (0..self.span)
            .contains(&since)
            .then(|| (i128::from(since) * SLICES as i128 / i128::from(self.span)) as usize)
    }

    /// The time at which a slice begins.
    #[must_use]
    pub fn time_of(&self, slice: usize) -> Option<Millis> {
        // As `slice_of` rounds: the first millisecond that falls into the slice.
        let since = (slice as i64 * self.span + SLICES as i64 - 1) / SLICES as i64;
        Some(Millis(self.from?.0 + since))
    }

    /// Draws the level around the event before `until`: three quarters of the time before it, one
    /// after. `since` is the first row that must be on it. `None` when it was stopped.
    pub(super) fn draw(
        ledger: &mut Ledger,
        log: &dyn EventLog,
        until: usize,
        since: usize,
        keep_going: KeepGoing<'_>,
    ) -> Option<Plot> {
        let time = |row: usize| log.row(row).and_then(|r| r.time);
        let near = until.saturating_sub(MOST_ROWS)..until;
        let mut breaker = ledger.at(log, until, keep_going)?;
        let policy = ledger.policy();
        let limit = breaker.level(policy).limit;
        let Some(last) = near.clone().rev().find_map(time) else {
            return Some(Plot {
                limit,
                ..Plot::default()
            });
        };
        let needed = time(since).map_or(0, |first| last.0.saturating_sub(first.0));
        let span = LEAST_SPAN.max(needed.saturating_mul(3) / 2);
        let mut plot = Plot {
            from: Some(Millis(last.0.saturating_sub(span / 4 * 3))),
            span,
            levels: vec![0.0; SLICES],
            limit,
            paused: Vec::new(),
        };
        let begin = plot.from.unwrap_or(last);
        let end = Millis(begin.0.saturating_add(span));
        let mut row = near
            .rev()
            .take_while(|row| time(*row).is_none_or(|t| t >= begin))
            .last()
            .unwrap_or(until);
        breaker = ledger.at(log, row, keep_going)?;
        let mut at = 0;
        plot.levels[0] = breaker.level_at(begin, policy).used;
        let stop = log.len().min(until.saturating_add(MOST_ROWS));
        while row < stop {
            if row % super::ledger::STRIDE == 0 && !keep_going() {
                return None;
            }
            let now = time(row);
            if now.is_some_and(|now| now >= end) {
                break;
            }
            // Time may stand still or go back between two events of a broken log.
            let slice = now.and_then(|now| plot.slice_of(now)).unwrap_or(at).max(at);
            while at < slice {
                at += 1;
                if let Some(start) = plot.time_of(at) {
                    plot.levels[at] = breaker.level_at(start, policy).used;
                }
            }
            let was_paused = breaker.paused;
            let read = fold(&mut breaker, log, row, policy)?;
            if breaker.paused != was_paused {
                let now = now.unwrap_or(begin);
                match plot.paused.last_mut() {
                    Some((_, open @ None)) if was_paused => *open = Some(now),
                    _ if was_paused => plot.paused.push((begin, Some(now))),
                    _ => plot.paused.push((now, None)),
                }
            }
            if read != Read::Nothing {
                let level = match now {
                    Some(now) => breaker.level_at(now, policy),
                    None => breaker.level(policy),
                };
                plot.levels[at] = plot.levels[at].max(level.used);
            }
            row += 1;
        }
        while at + 1 < SLICES {
            at += 1;
            if let Some(start) = plot.time_of(at) {
                plot.levels[at] = breaker.level_at(start, policy).used;
            }
        }
        Some(plot)
    }
}
