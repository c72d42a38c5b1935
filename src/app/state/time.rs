//! Where in time the screen stands, and how time runs.

use std::time::Duration;

/// Where in time the screen stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Playhead {
    /// Events in the state: the playhead stands on row `rows - 1`; 0 is before the first event.
    pub rows: usize,
    /// Stay on the last event as the log grows.
    pub following: bool,
    /// Rows there were when the end was left; what came since is new.
    pub left_end_at: Option<usize>,
}

/// A place asked for before the log was indexed that far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arriving {
    /// The last event.
    End,
    /// The event with this offset.
    Offset(u64),
}

/// The word of the status line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Following a log that can grow.
    Live,
    /// Following a stream whose history is not all here yet.
    Connecting,
    /// Following a stream whose connection is lost; it is tried again by itself.
    Retrying,
    /// Following a stream whose connection is lost for good.
    Offline,
    /// At the last event of a log that is not followed.
    End,
    /// Before the last event.
    Rewound,
    /// Time runs by itself.
    Playing,
}

impl Mode {
    /// The word that scripts rely on.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Mode::Live => "LIVE",
            Mode::Connecting => "CONNECTING",
            Mode::Retrying => "RETRYING",
            Mode::Offline => "OFFLINE",
            Mode::End => "END",
            Mode::Rewound => "REWOUND",
            Mode::Playing => "PLAYING",
        }
    }
}

/// How fast time runs while playing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// As recorded times this factor, long pauses capped at [`Settings::gap_cap`].
    Recorded(f32),
    /// This many events a second, whatever the times.
    Steady(f32),
}

/// Time running by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Play {
    /// Time saved up towards the next event.
    pub elapsed: Duration,
}
