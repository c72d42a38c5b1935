//! What time it is. The service asks a clock of its own, so that schedules and limits can be tried
//! out without waiting.

use crate::model::event::Millis;
use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// Longest sleep before the clock is looked at again: it may have been set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(20);

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Now. May go backwards, as the machine's clock may.
    fn now(&self) -> Millis;

    /// Waits until about `time`; may return earlier, never much later.
    fn sleep_until(&self, time: Millis) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let left = u64::try_from(time.0.saturating_sub(self.now().0)).unwrap_or(0);
        let left = Duration::from_millis(left).min(LONGEST_SLEEP);
        Box::pin(tokio::time::sleep(left))
    }
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
pub struct ManualClock(watch::Sender<Millis>);

impl ManualClock {
    /// Stands at `start`.
    #[must_use]
    pub fn new(start: Millis) -> ManualClock {
        ManualClock(watch::Sender::new(start))
    }

    /// Moves it to any time, also back.
    pub fn set(&self, now: Millis) {
        self.0.send_replace(now);
    }

    /// Moves it on.
    pub fn advance(&self, millis: i64) {
        self.0.send_modify(|now| now.0 += millis);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Millis {
        *self.0.borrow()
    }

    fn sleep_until(&self, time: Millis) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut moved = self.0.subscribe();
        Box::pin(async move {
            if *moved.borrow_and_update() < time {
                // The clock is borrowed, so its sender is there.
                let _ = moved.changed().await;
            }
        })
    }
}
