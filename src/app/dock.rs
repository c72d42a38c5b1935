//! The lower half of the body while something needs it: the timeline stays in sight above.

/// What is docked under the panes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dock {
    /// The circuit breaker's story.
    Breaker,
    /// What the person writes to append.
    Composer,
}
