//! Reducing the next event in a live worker, exactly as replay does.

use super::engine::Engine;
use crate::processor::child::array::Event;
use crate::processor::child::incremental::{accept, copy, reduced, thrown};
use crate::processor::frames::live::Report;
use crate::processor::json::build::build;
use crate::processor::json::tape::Tape;
use crate::processor::program::Program;
use crate::replay::reducer::{Form, NoteKind};
use boa_engine::JsValue;
use boa_engine::object::builtins::JsArray;

/// The states that a hook is given.
pub struct Folded {
    pub event: JsValue,
    pub previous: JsValue,
    pub state: JsValue,
}

impl Engine {
    /// Reduces an event and, if asked to, begins its hook.
    pub fn event(&mut self, offset: u64, hook: bool, tape: Option<Tape>, millis: i64) {
        let folded = self.fold(offset, hook, tape, millis);
        self.offset = offset;
        let (folded, failure) = match folded {
            Ok(folded) => (folded, None),
            Err(what) => (None, Some(what)),
        };
        self.outlet.report(&Report::Folded { offset, failure });
        if let Some(folded) = folded {
            self.flush();
            self.begin_hook(offset, folded);
        }
    }

    /// `None` when no hook is to be run.
    fn fold(
        &mut self,
        offset: u64,
        hook: bool,
        tape: Option<Tape>,
        millis: i64,
    ) -> Result<Option<Folded>, NoteKind> {
        let (Some(sandbox), Some(call)) = (&mut self.sandbox, &self.call) else {
            return Ok(None);
        };
        let row = offset.saturating_sub(1);
        let program = self.program.as_ref();
        let shares = program.is_some_and(Program::shares_beside_hooks);
        let hooks_mutate = program.is_none_or(|p| !p.hooks_never_mutate);
        if sandbox.processor.form == Form::Array {
            let context = &mut sandbox.context;
            let built = |tape: &Tape, context: &mut _| build(tape, &self.keys, context);
            // The hook's own.
            let event = match &tape {
                Some(tape) if hook => built(tape, context),
                _ => JsValue::undefined(),
            };
            let kept = tape.map(|tape| match shares {
                true => Event::Value(built(&tape, context)),
                false => Event::Tape(Box::new(tape)),
            });
            self.prefix.push(kept, millis);
            return if hook {
                self.fold_prefix(row, event).map(Some)
            } else {
                Ok(None)
            };
        }
        let Some(tape) = tape else {
            return Err(NoteKind::NotJson {
                message: "the event is not JSON".into(),
            });
        };
        let previous = self.state.clone();
        if let Some(reduce) = sandbox.processor.reduce.clone() {
            sandbox.ambient.begin(row, millis);
            self.watch.begin(Some(offset), 1);
            let event = build(&tape, &self.keys, &mut sandbox.context);
            let outcome = reduced(sandbox, call, &reduce, event, &self.state, shares);
            self.watch.end();
            self.tell_notes();
            if let Some(state) = outcome? {
                self.state = state;
            }
        }
        if !hook {
            return Ok(None);
        }
        let Some(sandbox) = &mut self.sandbox else {
            return Ok(None);
        };
        // A hook may change what it is given: unless it never does, it gets its own.
        let mut own = |value: &JsValue| match hooks_mutate || !shares {
            true => copy(sandbox, value),
            false => Ok(value.clone()),
        };
        let (previous, state) = (own(&previous)?, own(&self.state)?);
        let event = build(&tape, &self.keys, &mut sandbox.context);
        Ok(Some(Folded {
            event,
            previous,
            state,
        }))
    }

    /// Calls an array processor with everything up to now.
    fn fold_prefix(&mut self, row: u64, event: JsValue) -> Result<Folded, NoteKind> {
        let Some(sandbox) = &mut self.sandbox else {
            return Err(NoteKind::Crashed {
                message: "no program was loaded".into(),
            });
        };
        let millis = self.prefix.millis();
        let events = self.prefix.events(&self.keys, &mut sandbox.context);
        let mut state = JsValue::undefined();
        if let Some(reduce) = sandbox.processor.reduce.clone() {
            sandbox.ambient.begin(row, millis);
            self.watch.begin(Some(row + 1), self.prefix.timeouts());
            let events = JsArray::from_iter(events, &mut sandbox.context);
            let result = reduce.call(
                &sandbox.processor.this,
                &[events.into()],
                &mut sandbox.context,
            );
            let outcome = thrown(result, sandbox).and_then(|result| accept(sandbox, result, None));
            self.watch.end();
            self.tell_notes();
            state = outcome?.unwrap_or_default();
        }
        Ok(Folded {
            event,
            previous: JsValue::undefined(),
            state,
        })
    }

    /// What the reducer logged or was caught reaching for.
    fn tell_notes(&mut self) {
        let Some(sandbox) = &self.sandbox else { return };
        for note in sandbox.ambient.take_notes() {
            let (level, text) = match note {
                NoteKind::Log { level, text } => (level, text),
                NoteKind::Impure { api } => {
                    ("warn".into(), format!("the reducer reached for {api}"))
                }
                _ => continue,
            };
            self.outlet.report(&Report::Log { level, text });
        }
    }
}
