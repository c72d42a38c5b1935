//! What `update` wants done outside; carried out by `runtime`.

use super::composer::draft::Draft;
use crate::model::json_path::JsonPath;
use crate::model::needle::Needle;
use std::sync::Arc;

/// An order to the outside. None of them waits; results come back as messages.
#[derive(Debug)]
pub enum Effect {
    /// Show the state at a playhead; a newer one cancels the older.
    Seek {
        /// Comes back with the answer.
        id: u64,
        /// Events in the state.
        rows: usize,
        /// Also compare with the state of this many events.
        against: Option<usize>,
    },
    /// Stop the seek and the background fold's current slice.
    CancelSeek,
    /// Fold another worker from now on.
    UseWorker(Option<String>),
    /// Look for a text in the events; a newer one cancels the older.
    Search {
        /// Comes back with the answer.
        id: u64,
        /// What to look for.
        needle: Needle,
        /// First row to look at.
        from: usize,
        /// Towards the log's start.
        backward: bool,
    },
    /// Look for where a value of the state changes; answered by `Msg::Found` with the row that
    /// changes it.
    FindChange {
        /// Comes back with the answer.
        id: u64,
        /// The value's place.
        path: JsonPath,
        /// Look after this many events (or before, the last of them excluded).
        rows: usize,
        /// Towards the log's start.
        backward: bool,
    },
    /// Stop the search.
    CancelSearch,
    /// Find the rows that pass a filter, all of them and those still to come.
    Filter {
        /// Comes back with the answers.
        id: u64,
        /// The expression, already found to be valid.
        text: String,
    },
    /// The filter is gone.
    CancelFilter,
    /// Survey the log in this many columns for the scrubber.
    Survey {
        /// How many.
        columns: usize,
    },
    /// Work out the circuit breaker at a playhead; a newer one cancels the older.
    Breaker {
        /// Events in the state.
        rows: usize,
        /// Also tell the whole story, about the pause on this row if there is one.
        story: Option<Option<usize>>,
    },
    /// Highlight a file of the source pane.
    Highlight {
        /// Its name, which tells the language.
        name: Arc<str>,
        /// Its text.
        text: Arc<str>,
    },
    /// Put a text on the clipboard.
    Copy {
        /// The text.
        text: String,
        /// What it is, for the notice: `state`, `event 12`…
        what: String,
    },
    /// Watch the file for growth, or stop.
    Follow(bool),
    /// Open a log, a recording or a stream of the service by name. In a tab that has none yet it
    /// is opened beside the others.
    Open {
        /// As the person would write it on the command line.
        target: String,
        /// The stream in it.
        stream: Option<String>,
    },
    /// Append to a stream of the service; answered by `Msg::Appended` or `Msg::AppendFailed`.
    Append {
        /// Comes back with the answer.
        id: u64,
        /// The stream's path.
        path: String,
        /// The event input as JSON text (SPEC §2); sent as it is.
        input: String,
    },
    /// Try the connection of the stream in view now instead of later.
    Reconnect,
    /// Tell the streams under a path again and again (`Msg::Streams`); `None` stops that.
    WatchStreams(Option<String>),
    /// Do this for another tab than the one in view.
    In(u64, Box<Effect>),
    /// A tab was closed: let go of what it read from.
    CloseTab(u64),
    /// Remember what is being written for a stream (by place), for the next run too; an empty draft
    /// forgets it.
    KeepDraft {
        /// The stream, as the composer names it.
        place: String,
        /// What is written.
        draft: Draft,
    },
    /// Remember what was sent, for the next run too.
    KeepSent(Draft),
    /// Give the terminal to the person's editor with this text; answered by `Msg::Edited`.
    Edit {
        /// The text to start with.
        text: String,
        /// It is JSON.
        json: bool,
    },
    /// Capture the mouse, or let the terminal have it.
    Mouse(bool),
    /// Give the terminal back to the shell until the person returns (Ctrl-z).
    Suspend,
    /// End the program.
    Quit,
}
