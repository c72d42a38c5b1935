//! Where a debugger reads from. Every source gives the same read view, [`EventLog`].

pub mod background;
pub mod file;
pub mod recordings;
pub mod remote;

use crate::model::log::{EventLog, Indexing};
use std::sync::Arc;

/// Called from a background thread; must return soon.
pub type OnChange = Box<dyn Fn() + Send + Sync>;

/// One stream a source holds events of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// Its path as the events give it; `None` for events that name no stream.
    pub path: Option<Arc<str>>,
    /// Rows known so far, unreadable ones among them.
    pub events: usize,
}

/// Somewhere events come from.
pub trait Source: Send + Sync {
    /// What it is, for the status line: a file's path, `standard input`.
    fn name(&self) -> String;

    /// The streams known so far, in order of their first events.
    fn streams(&self) -> Vec<StreamInfo>;

    /// The events of the stream with this path, or all events in the source's order. A stream that
    /// is not (yet) there is an empty log, which fills when it appears.
    fn log(&self, stream: Option<&str>) -> Arc<dyn EventLog>;

    /// Has `on_change` called after each change of what the logs answer (progress of indexing some
    /// 30 times a second, growth). Takes the place of the one before.
    fn on_change(&self, on_change: OnChange);

    /// From now on events added to the source appear in its logs.
    fn follow(&self);

    /// No more events are added to the logs.
    fn unfollow(&self);

    /// True while added events appear. Turns false by itself when the source has ended for good.
    fn is_following(&self) -> bool;

    /// How far reading has come.
    fn progress(&self) -> Indexing;

    /// Waits until everything there is now (for standard input: to its end) is indexed, or until
    /// `keep_going`, asked some tens of times a second, says no. True when all is indexed.
    fn wait(&self, keep_going: &dyn Fn() -> bool) -> bool;
}
