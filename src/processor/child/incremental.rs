//! Folding with `reduce({event, state, logger})`, one event at a time.

use super::engine::{Engine, Fold, Row};
use crate::processor::frames::Report;
use crate::processor::json::build::{build, new_object, put};
use crate::processor::json::normalize::{Normalizer, NotJson};
use crate::processor::json::tape::Tape;
use crate::processor::sandbox::{Sandbox, Thrown, globals};
use crate::replay::reducer::NoteKind;
use boa_engine::property::PropertyKey;
use boa_engine::{JsObject, JsResult, JsValue, js_string};
use std::time::{Duration, Instant};

/// Rows between two reports of progress at most; also how far the parent dares to send ahead.
const REPORT_ROWS: u64 = 256;
const REPORT_EVERY: Duration = Duration::from_millis(10);

/// Of the time spent reducing, this part at most goes into serialising keyframes (one in so many).
const KEYFRAME_SHARE: u32 = 10;

/// When to say what.
struct Pace {
    reported: (u64, Instant),
    /// Time spent reducing since the last keyframe.
    reducing: Duration,
    keyframe_cost: Duration,
}

impl Engine {
    /// Folds until `fold.to`.
    pub fn fold_incremental(&mut self, fold: Fold) {
        let Some(sandbox) = &mut self.sandbox else {
            return;
        };
        let mut call = Call::new(sandbox);
        let mut pace = Pace {
            reported: (self.rows, Instant::now()),
            reducing: Duration::ZERO,
            keyframe_cost: Duration::ZERO,
        };
        let mut previous = None;
        while self.rows < fold.to {
            let row = self.next_row(self.rows);
            if matches!(row, Row::Cancel) {
                self.stopped();
                return;
            }
            if fold.want_previous && self.rows + 1 == fold.to {
                previous = Some(self.text());
            }
            if fold.careful {
                self.report(&Report::Starting { row: self.rows });
                self.flush();
            }
            let start = Instant::now();
            if let Row::Event(Some(tape), millis) = row {
                self.reduce(&mut call, &tape, millis);
                self.spend(tape);
            }
            self.rows += 1;
            let now = Instant::now();
            pace.reducing += now - start;
            self.pace(&mut pace, now, fold);
        }
        if fold.want_previous && previous.is_none() && fold.to > 0 {
            let message = "the state before the one asked for is no longer known".into();
            self.report(&Report::Failed(message));
            return;
        }
        let state = self.text();
        self.report(&Report::Progress { rows: self.rows });
        self.report(&Report::Done { state, previous });
    }

    fn pace(&mut self, pace: &mut Pace, now: Instant, fold: Fold) {
        let keyframe_due = fold
            .keyframe_every
            .max(pace.keyframe_cost * (KEYFRAME_SHARE - 1));
        if pace.reducing >= keyframe_due {
            let state = self.text();
            self.report(&Report::Keyframe {
                rows: self.rows,
                state,
            });
            pace.reducing = Duration::ZERO;
            pace.keyframe_cost = now.elapsed();
        }
        if self.rows - pace.reported.0 >= REPORT_ROWS || now - pace.reported.1 >= REPORT_EVERY {
            pace.reported = (self.rows, now);
            self.report(&Report::Progress { rows: self.rows });
            self.flush();
            if self.watch.take_pressure() {
                boa_engine::gc::force_collect();
            }
        }
    }

    /// Reduces one event into the state.
    fn reduce(&mut self, call: &mut Call, tape: &Tape, millis: i64) {
        let row = self.rows;
        let never_mutates = self.never_mutates();
        let Some(sandbox) = &mut self.sandbox else {
            return;
        };
        let Some(reduce) = sandbox.processor.reduce.clone() else {
            return;
        };
        sandbox.ambient.begin(row, millis);
        self.watch.begin(Some(row), 1);
        let event = build(tape, &self.keys, &mut sandbox.context);
        let outcome = reduced(sandbox, call, &reduce, event, &self.state, never_mutates);
        self.watch.end();
        let notes = sandbox.ambient.take_notes();
        for what in notes {
            self.note(row, what);
        }
        match outcome {
            Ok(Some(state)) => self.state = state,
            Ok(None) => {}
            Err(what) => self.note(row, what),
        }
    }
}

/// What one event makes of a state; `None` leaves it as it is. The one rule for replay and for live
/// workers, whose states must agree.
pub fn reduced(
    sandbox: &mut Sandbox,
    call: &Call,
    reduce: &JsObject,
    event: JsValue,
    state: &JsValue,
    never_mutates: bool,
) -> Result<Option<JsValue>, NoteKind> {
    if never_mutates {
        let result = call.run(sandbox, reduce, event, state.clone())?;
        return accept(sandbox, result, Some(state));
    }
    // The reducer may change what it is given: it gets a copy, ours stays.
    let own = copy(sandbox, state)?;
    let result = call.run(sandbox, reduce, event, own)?;
    accept(sandbox, result, None)
}

/// A deep copy of a state.
pub fn copy(sandbox: &mut Sandbox, state: &JsValue) -> Result<JsValue, NoteKind> {
    if !state.is_object() {
        return Ok(state.clone());
    }
    normal(sandbox, state, None)
}

/// What a reducer's result makes of the state; `None` leaves it as it is.
pub fn accept(
    sandbox: &mut Sandbox,
    result: JsValue,
    old: Option<&JsValue>,
) -> Result<Option<JsValue>, NoteKind> {
    if result.is_undefined() {
        return Ok(None);
    }
    if result.is_promise() {
        return Err(NoteKind::NotJson {
            message: "reduce returned a Promise: a reducer must be synchronous, not async".into(),
        });
    }
    normal(sandbox, &result, old).map(Some)
}

fn normal(
    sandbox: &mut Sandbox,
    value: &JsValue,
    old: Option<&JsValue>,
) -> Result<JsValue, NoteKind> {
    let mut born = sandbox.ambient.born.take();
    let born = old.is_some().then_some(&mut born);
    let normal = Normalizer::new(&mut sandbox.layouts, &mut sandbox.context, born).run(value, old);
    match normal {
        Ok(value) => Ok(value),
        Err(NotJson::Because(message)) => Err(NoteKind::NotJson { message }),
        Err(NotJson::Threw(error, place)) => {
            let Thrown { message, .. } = Thrown::new(error, &mut sandbox.context);
            Err(NoteKind::NotJson {
                message: format!("{message} at {place}"),
            })
        }
    }
}

/// The parts of a call that are the same for every event.
pub struct Call {
    logger: JsValue,
    names: [PropertyKey; 3],
}

impl Call {
    /// For this sandbox.
    pub fn new(sandbox: &mut Sandbox) -> Call {
        Call {
            logger: globals::logger(&mut sandbox.context).into(),
            names: [
                js_string!("event"),
                js_string!("state"),
                js_string!("logger"),
            ]
            .map(PropertyKey::from),
        }
    }

    /// Calls the reducer.
    pub fn run(
        &self,
        sandbox: &mut Sandbox,
        reduce: &JsObject,
        event: JsValue,
        state: JsValue,
    ) -> Result<JsValue, NoteKind> {
        let input = new_object(&sandbox.context);
        let [event_key, state_key, logger_key] = &self.names;
        put(&input, event_key.clone(), event);
        put(&input, state_key.clone(), state);
        put(&input, logger_key.clone(), self.logger.clone());
        let result = reduce.call(
            &sandbox.processor.this,
            &[input.into()],
            &mut sandbox.context,
        );
        thrown(result, sandbox)
    }
}

/// Turns what was thrown into a note.
pub fn thrown(result: JsResult<JsValue>, sandbox: &mut Sandbox) -> Result<JsValue, NoteKind> {
    result.map_err(|error| {
        let Thrown { message, stack } = Thrown::new(error, &mut sandbox.context);
        NoteKind::Threw { message, stack }
    })
}
