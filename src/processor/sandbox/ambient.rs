//! What is around a running reducer: the row, its fixed clock, its seeded chance, and what it was
//! caught reaching for.

use crate::processor::json::normalize::Born;
use crate::replay::reducer::NoteKind;
use boa_engine::context::HostHooks;
use boa_engine::context::time::{Clock, JsInstant};
use boa_engine::{Context, JsNativeError, JsResult};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

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
}

impl Ambient {
    /// Log lines kept for one event, and characters of each.
    const MAX_LOGS: usize = 100;
    const MAX_LOG_CHARS: usize = 4096;

    /// For loading the program: clock at 0, nothing recorded.
    pub fn begin_load(&self) {
        self.begin(u64::MAX, 0);
        self.loading.set(true);
    }

    /// For one row: the clock stands at `millis` (since 1970), chance depends on the row alone.
    pub fn begin(&self, row: u64, millis: i64) {
        self.loading.set(false);
        self.clock.set(millis);
        self.chance
            .set(row.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d);
        self.notes.borrow_mut().clear();
        self.logged.set(0);
        self.born.borrow_mut().clear();
    }

    /// Milliseconds since 1970 for the running call.
    pub fn now(&self) -> i64 {
        self.clock.get()
    }

    /// The next 64 bits of chance (SplitMix64).
    pub fn random(&self) -> u64 {
        let state = self.chance.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.chance.set(state);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Records that the program reached for `api`; once per name and row.
    pub fn impure(&self, api: &str) {
        if self.loading.get() || self.quiet.get() {
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
        !self.loading.get() && self.logged.get() <= Self::MAX_LOGS
    }

    /// Records a line of `console` or `logger`.
    pub fn log(&self, level: &str, text: &str) {
        if !self.logs() {
            return;
        }
        let count = self.logged.get();
        self.logged.set(count + 1);
        let text = if count == Self::MAX_LOGS {
            "… more lines of this event are not kept".to_owned()
        } else if let Some((cut, _)) = text.char_indices().nth(Self::MAX_LOG_CHARS) {
            format!("{}…", &text[..cut])
        } else {
            text.to_owned()
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

/// The engine's clock: stands still at the event's time, and whoever looks is recorded.
pub struct FixedClock(pub Rc<Ambient>);

impl Clock for FixedClock {
    fn now(&self) -> JsInstant {
        JsInstant::new(0, 0)
    }

    fn system_time_millis(&self) -> i64 {
        self.0.impure("new Date()");
        self.0.now()
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
}
