//! What one event may cost before its reduction is stopped.

use std::time::Duration;

/// Loading a program may take so many times as long as one event: bundled packages are much to parse.
pub const LOADING: u32 = 5;

/// Limits of the box. Time is processor time of one event (by the clock where the system tells no
/// other, and twenty times as much of that at most), memory is what the engine's process holds
/// (resident), both checked from outside the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time one event may take (`--reduce-timeout`). An array processor's single call over `n`
    /// events may take this once for every started ten thousand of them.
    pub reduce_timeout: Duration,
    /// Resident bytes the engine may use (`--reduce-memory`).
    pub reduce_memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            reduce_timeout: Duration::from_secs(2),
            reduce_memory: 1 << 30,
        }
    }
}
