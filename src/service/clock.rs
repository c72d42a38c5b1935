//! What time it is. The service asks a clock of its own, so that schedules and limits can be tried
//! out without waiting.

use crate::model::event::Millis;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Now. May go backwards, as the machine's clock may.
    fn now(&self) -> Millis;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        let millis = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()),
            Err(before) => i64::try_from(before.duration().as_millis()).map(|millis| -millis),
        };
        Millis(millis.unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until it is moved by hand.
#[derive(Debug)]
pub struct ManualClock(Mutex<Millis>);

impl ManualClock {
    /// Stands at `start`.
    #[must_use]
    pub fn new(start: Millis) -> ManualClock {
        ManualClock(Mutex::new(start))
    }

    /// Moves it to any time, also back.
    pub fn set(&self, now: Millis) {
        *self.lock() = now;
    }

    /// Moves it on.
    pub fn advance(&self, millis: i64) {
        self.lock().0 += millis;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Millis> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Millis {
        *self.lock()
    }
}
