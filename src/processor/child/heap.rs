//! When the engine's garbage is collected: seldom while it works, at once when it has nothing to do.
//!
//! Boa collects whenever a threshold of bytes is passed, which starts at 1 MB, most of which a context
//! takes by itself: every few hundred events all that lives is walked for little gain. The threshold
//! only ever rises, to what is in use at a collection; so that much is used once, and let go.

use boa_engine::gc::{Gc, force_collect};
use std::time::Duration;

/// The threshold's part of the memory that the program may use. Objects are counted without their
/// properties and texts, which take several times as much.
const PART: u64 = 64;
/// Bytes allocated at once to raise the threshold: it becomes ten sevenths of them.
const BALLAST: usize = 8 << 20;
/// So much made since the last collection is worth one in idle time, in events.
const WORTH_IT: usize = 500;
/// Idle for so long: nobody waits for the next answer.
const IDLE: Duration = Duration::from_millis(3);

/// How much garbage there may be.
#[derive(Default)]
pub struct Heap {
    made: usize,
}

impl Heap {
    /// Raises the threshold, if `memory` bytes for the whole process bear it.
    pub fn widen(memory: u64) {
        if memory / PART < BALLAST as u64 {
            return;
        }
        let ballast = Gc::new([0_u64; BALLAST / 8]);
        // The threshold is looked at when the next object is made.
        let next = Gc::new(0_u64);
        drop((ballast, next));
        force_collect();
    }

    /// Things were made that are as much as so many events.
    pub fn made(&mut self, events: usize) {
        self.made += events;
    }

    /// How long to wait for work before [`Heap::collect`] is due; `None`: it is not.
    pub fn patience(&self) -> Option<Duration> {
        (self.made >= WORTH_IT).then_some(IDLE)
    }

    /// Collects.
    pub fn collect(&mut self) {
        self.made = 0;
        force_collect();
    }
}
