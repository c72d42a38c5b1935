//! Short messages to the person.

use std::time::Duration;

/// A short message to the person.
#[derive(Clone, Debug, PartialEq)]
pub struct Toast {
    /// How serious.
    pub level: Level,
    /// What it says.
    pub text: String,
    /// How long it still shows.
    pub left: Duration,
}

/// How serious a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something was done.
    Info,
    /// Something could not be done, nothing is broken.
    Warn,
    /// Something failed.
    Error,
}
