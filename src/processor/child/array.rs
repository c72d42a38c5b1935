//! Folding with `reduce(events)`: one call over everything, for the playhead alone.

use super::engine::{Engine, Fold, Row};
use super::incremental::{accept, thrown};
use crate::processor::frames::Report;
use crate::processor::json::build::{Keys, build};
use crate::processor::json::tape::Tape;
use crate::processor::json::write;
use crate::replay::reducer::NoteKind;
use boa_engine::object::builtins::JsArray;
use boa_engine::{Context, JsValue};
use std::time::{Duration, Instant};

/// Events that one usual time limit is for; a longer array is given it several times over.
const EVENTS_PER_TIMEOUT: usize = 10_000;
const REPORT_ROWS: usize = 256;
const REPORT_EVERY: Duration = Duration::from_millis(20);

/// The events so far, kept from call to call.
#[derive(Default)]
pub struct Prefix {
    /// The event of each row, `None` where there is none to be read.
    rows: Vec<Option<Kept>>,
}

struct Kept {
    millis: i64,
    event: Event,
}

/// An event as it is kept.
pub enum Event {
    /// Built once: the program changes no event, and one context serves all calls.
    Value(JsValue),
    /// Built for every call.
    Tape(Box<Tape>),
}

impl Prefix {
    /// Takes in the next event, `None` for one that is not JSON.
    pub fn push(&mut self, event: Option<Event>, millis: i64) {
        self.rows.push(event.map(|event| Kept { millis, event }));
    }

    /// All events.
    pub fn events(&self, keys: &Keys, context: &mut Context) -> Vec<JsValue> {
        let kept = self.rows.iter().flatten();
        kept.map(|kept| kept.event.value(keys, context)).collect()
    }

    /// The time of the last event.
    pub fn millis(&self) -> i64 {
        let last = self.rows.iter().rev().flatten().next();
        last.map_or(0, |kept| kept.millis)
    }

    /// How many usual time limits a call over all of them is given.
    pub fn timeouts(&self) -> u64 {
        self.rows.len().div_ceil(EVENTS_PER_TIMEOUT).max(1) as u64
    }
}

impl Event {
    fn value(&self, keys: &Keys, context: &mut Context) -> JsValue {
        match self {
            Event::Value(value) => value.clone(),
            Event::Tape(tape) => build(tape, keys, context),
        }
    }
}

impl Engine {
    /// Takes in the events still missing, then calls for `fold.to` (and once more for the row before).
    pub fn fold_array(&mut self, fold: Fold) {
        let is_built_once = self.never_mutates() && self.keeps_nothing();
        let to = fold.to as usize;
        let mut reported = (self.prefix.rows.len(), Instant::now());
        while self.prefix.rows.len() < to {
            let row = self.prefix.rows.len() as u64;
            let kept = match self.next_row(row) {
                Row::Cancel => {
                    self.stopped();
                    return;
                }
                Row::Skip | Row::Event(None, _) => None,
                Row::Event(Some(tape), millis) => {
                    let event = match &mut self.sandbox {
                        Some(sandbox) if is_built_once => {
                            let value = build(&tape, &self.keys, &mut sandbox.context);
                            self.spend(tape);
                            Event::Value(value)
                        }
                        _ => Event::Tape(Box::new(tape)),
                    };
                    Some(Kept { millis, event })
                }
            };
            self.prefix.rows.push(kept);
            let fed = self.prefix.rows.len();
            if fed - reported.0 >= REPORT_ROWS || reported.1.elapsed() >= REPORT_EVERY {
                reported = (fed, Instant::now());
                self.report(&Report::Progress { rows: fed as u64 });
                self.flush();
            }
        }
        self.rows = fold.to;
        let previous = if fold.want_previous && to > 0 {
            match self.state_at(to - 1, false) {
                Some(previous) => Some(previous),
                None => return self.stopped(),
            }
        } else {
            None
        };
        let Some(state) = self.state_at(to, true) else {
            return self.stopped();
        };
        self.report(&Report::Progress { rows: fold.to });
        self.report(&Report::Done { state, previous });
    }

    /// The state after `to` rows. A call that fails leaves the state of the longest prefix that a
    /// bisection finds to work. The outer `None`: cancelled.
    fn state_at(&mut self, to: usize, tell: bool) -> Option<Option<String>> {
        match self.call(to, tell) {
            Ok(state) => return Some(state),
            Err(()) if to == 0 => return Some(None),
            Err(()) => {}
        }
        let (mut good, mut bad) = (0, to);
        let mut state = None;
        while good + 1 < bad {
            if self.watch.is_cancelled() {
                return None;
            }
            let middle = good.midpoint(bad);
            match self.call(middle, false) {
                Ok(text) => {
                    good = middle;
                    state = text;
                }
                Err(()) => bad = middle,
            }
        }
        if good == 0 {
            state = self.call(0, false).unwrap_or(None);
        }
        Some(state)
    }

    /// One call; `tell` reports what happened in it, at the last row.
    fn call(&mut self, to: usize, tell: bool) -> Result<Option<String>, ()> {
        let row = (to as u64).saturating_sub(1);
        // What a module kept from another call must not show in this one.
        if !self.keeps_nothing() && !self.fresh {
            let _ = self.make_sandbox();
        }
        self.fresh = false;
        let Some(sandbox) = &mut self.sandbox else {
            return Err(());
        };
        let Some(reduce) = sandbox.processor.reduce.clone() else {
            return Ok(None);
        };
        let prefix = self.prefix.rows.get(..to).unwrap_or_default();
        let millis = prefix
            .iter()
            .rev()
            .find_map(|kept| kept.as_ref().map(|kept| kept.millis));
        sandbox.ambient.begin(row, millis.unwrap_or(0));
        let events: Vec<JsValue> = prefix
            .iter()
            .flatten()
            .map(|kept| kept.event.value(&self.keys, &mut sandbox.context))
            .collect();
        let events = JsArray::from_iter(events, &mut sandbox.context);
        let times = to.div_ceil(EVENTS_PER_TIMEOUT).max(1);
        self.watch.begin(Some(row), times as u64);
        let result = reduce.call(
            &sandbox.processor.this,
            &[events.into()],
            &mut sandbox.context,
        );
        let outcome = thrown(result, sandbox).and_then(|result| accept(sandbox, result, None));
        self.watch.end();
        let state = outcome.map(|state| {
            let state = state?;
            let mut text = Vec::new();
            write::value(&mut text, &state, &mut sandbox.layouts);
            String::from_utf8(text).ok()
        });
        let notes = sandbox.ambient.take_notes();
        if tell && to > 0 {
            for what in notes {
                self.note(row, what);
            }
            if let Err(what) = &state {
                let what: NoteKind = what.clone();
                self.note(row, what);
            }
        }
        state.map_err(|_| ())
    }
}
