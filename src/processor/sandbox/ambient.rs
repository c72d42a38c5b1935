//! What is around the running code. For a reducer: the row, its fixed clock, its seeded chance, and
//! what it was caught reaching for. For a hook: the real clock, real chance and the way outside.

use super::outlet::Outlet;
use crate::processor::frames::live::Report;
use crate::processor::json::normalize::Born;
use crate::replay::reducer::NoteKind;
use boa_engine::builtins::promise::{OperationType, Promise};
use boa_engine::context::HostHooks;
use boa_engine::context::time::{Clock, JsInstant};
use boa_engine::{Context, JsNativeError, JsObject, JsResult};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Shared between the fold and the native functions.
#[derive(Default)]
pub struct Ambient {
    clock: Cell<i64>,
    chance: Cell<u64>,
    quiet: Cell<bool>,
    loading: Cell<bool>,
    notes: RefCell<Vec<NoteKind>>,
    logged: Cell<usize>,
    /// Arrays made by the spread helper during this call.
    pub born: RefCell<Born>,
    /// A hook runs, not a reducer.
    acting: Cell<bool>,
    outlet: Option<Rc<Outlet>>,
}

impl Ambient {
    /// Log lines kept for one event, and characters of each.
    const MAX_LOGS: usize = 100;
    const MAX_LOG_CHARS: usize = 4096;

    /// For a live worker.
    pub fn live(outlet: Rc<Outlet>) -> Ambient {
        Ambient {
            outlet: Some(outlet),
            ..Ambient::default()
        }
    }

    /// For a hook and all that comes of it, until a reducer begins again.
    pub fn act(&self) {
        self.loading.set(false);
        self.acting.set(true);
        self.born.borrow_mut().clear();
    }

    /// The way outside, while a hook runs.
    pub fn outlet(&self) -> Option<&Rc<Outlet>> {
        self.outlet.as_ref().filter(|_| self.acting.get())
    }

    /// The way outside of a live worker, whatever runs.
    pub fn any_outlet(&self) -> Option<&Rc<Outlet>> {
        self.outlet.as_ref()
    }

    /// True while a row is being reduced: what the code leaves for later is not to be run.
    pub fn is_reducing(&self) -> bool {
        !self.loading.get() && !self.acting.get()
    }

    /// For loading the program: clock at 0, nothing recorded.
    pub fn begin_load(&self) {
        self.begin(u64::MAX, 0);
        self.loading.set(true);
    }

    /// The program is loaded: what comes is a reducer, unless it is said otherwise.
    pub fn loaded(&self) {
        self.loading.set(false);
    }

    /// For one row: the clock stands at `millis` (since 1970), chance depends on the row alone.
    pub fn begin(&self, row: u64, millis: i64) {
        self.loading.set(false);
        self.acting.set(false);
        self.clock.set(millis);
        self.chance
            .set(row.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d);
        self.notes.borrow_mut().clear();
        self.logged.set(0);
        self.born.borrow_mut().clear();
    }

    /// Milliseconds since 1970 for the running call.
    pub fn now(&self) -> i64 {
        if self.acting.get() {
            return SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_millis() as i64);
        }
        self.clock.get()
    }

    /// Where `performance` begins to count, in milliseconds since 1970; 0 for a reducer.
    pub fn origin(&self) -> f64 {
        match self.outlet() {
            Some(outlet) => outlet.started.1,
            None => 0.0,
        }
    }

    /// Milliseconds since [`Ambient::origin`].
    pub fn performance(&self) -> f64 {
        match self.outlet() {
            Some(outlet) => outlet.started.0.elapsed().as_secs_f64() * 1000.0,
            None => self.now() as f64,
        }
    }

    /// The next 64 bits of chance: the system's, or for a reducer its own (SplitMix64).
    pub fn random(&self) -> u64 {
        if self.acting.get()
            && let Ok(bits) = getrandom::u64()
        {
            return bits;
        }
        let state = self.chance.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.chance.set(state);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Records that the program reached for `api`; once per name and row.
    pub fn impure(&self, api: &str) {
        if !self.is_reducing() || self.quiet.get() {
            return;
        }
        let mut notes = self.notes.borrow_mut();
        let known = notes
            .iter()
            .any(|note| matches!(note, NoteKind::Impure { api: a } if a == api));
        if !known {
            notes.push(NoteKind::Impure { api: api.into() });
        }
    }

    /// Runs `f` with its own reaching not recorded again under another name.
    pub fn quietly<T>(&self, f: impl FnOnce() -> T) -> T {
        let before = self.quiet.replace(true);
        let result = f();
        self.quiet.set(before);
        result
    }

    /// False when a line would not be kept.
    pub fn logs(&self) -> bool {
        self.acting.get() || (!self.loading.get() && self.logged.get() <= Self::MAX_LOGS)
    }

    /// Records a line of `console` or `logger`.
    pub fn log(&self, level: &str, text: &str) {
        if let Some(outlet) = self.outlet() {
            let (level, text) = (level.into(), cut(text));
            outlet.report(&Report::Log { level, text });
            return;
        }
        if !self.logs() {
            return;
        }
        let count = self.logged.get();
        self.logged.set(count + 1);
        let text = if count == Self::MAX_LOGS {
            "… more lines of this event are not kept".to_owned()
        } else {
            cut(text)
        };
        self.notes.borrow_mut().push(NoteKind::Log {
            level: level.into(),
            text,
        });
    }

    /// What was recorded since the call began.
    pub fn take_notes(&self) -> Vec<NoteKind> {
        std::mem::take(&mut *self.notes.borrow_mut())
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(Ambient::MAX_LOG_CHARS) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}

/// The ambient of a context.
///
/// # Errors
/// Never in a context made by the sandbox.
pub fn of(context: &Context) -> JsResult<Rc<Ambient>> {
    context.get_data::<Rc<Ambient>>().cloned().ok_or_else(|| {
        JsNativeError::error()
            .with_message("not in a sandbox")
            .into()
    })
}

/// The engine's clock: for a reducer it stands still at the event's time, and whoever looks is
/// recorded.
pub struct EventClock {
    ambient: Rc<Ambient>,
    start: Instant,
}

impl EventClock {
    /// Of this ambient.
    pub fn new(ambient: Rc<Ambient>) -> EventClock {
        EventClock {
            ambient,
            start: Instant::now(),
        }
    }
}

impl Clock for EventClock {
    fn now(&self) -> JsInstant {
        if self.ambient.acting.get() {
            let since = self.start.elapsed();
            return JsInstant::new(since.as_secs(), since.subsec_nanos());
        }
        JsInstant::new(0, 0)
    }

    fn system_time_millis(&self) -> i64 {
        self.ambient.impure("new Date()");
        self.ambient.now()
    }
}

/// Local time is UTC wherever the log is replayed.
pub struct Hooks;

impl HostHooks for Hooks {
    fn local_timezone_offset_seconds(&self, _: i64) -> i32 {
        0
    }

    fn max_buffer_size(&self, _: &mut Context) -> u64 {
        256 << 20
    }

    fn promise_rejection_tracker(
        &self,
        promise: &JsObject<Promise>,
        operation: OperationType,
        context: &mut Context,
    ) {
        let Ok(ambient) = of(context) else { return };
        if let Some(outlet) = ambient.outlet() {
            let promise = promise.clone().upcast();
            match operation {
                OperationType::Reject => outlet.rejected(&promise),
                OperationType::Handle => outlet.handled(&promise),
            }
        }
    }
}
