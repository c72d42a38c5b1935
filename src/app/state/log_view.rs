//! The log on the screen.

use crate::app::connection::Connection;
use crate::model::log::{Complaint, EventLog};
use std::sync::Arc;

/// A log on the screen.
#[derive(Clone)]
pub struct LogView {
    /// The events of the stream in view.
    pub log: Arc<dyn EventLog>,
    /// The file as the person named it, or `@name` of a recording, or `-`.
    pub name: String,
    /// The stream in view, when the log names it.
    pub stream: Option<String>,
    /// The person said which stream; otherwise the screen asks once there are several.
    pub chosen: bool,
    /// All streams of the log, the one in view included.
    pub streams: Vec<StreamInfo>,
    /// The log can grow under us.
    pub can_follow: bool,
    /// The person asked to follow it from the start.
    pub following: bool,
    /// Rows at the last look; growth is the difference.
    pub len: usize,
    /// Broken lines, gaps and repeats found so far.
    pub complaints: Arc<[Complaint]>,
    /// How the connection stands that brings the events; `None` for a log that is a file.
    pub connection: Option<Connection>,
}

/// One of several streams in a log.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamInfo {
    /// Its path as written in the events.
    pub path: String,
    /// Events counted so far.
    pub events: usize,
}
