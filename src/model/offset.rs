//! The place of an event in its stream.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Place of an event in its stream: 1 for the first event, one more for each that follows (SPEC §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Offset(pub u64);

impl Offset {
    /// The offset of every stream's first event.
    pub const FIRST: Offset = Offset(1);

    /// The offset that follows this one.
    #[must_use]
    pub fn next(self) -> Offset {
        Offset(self.0.saturating_add(1))
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
