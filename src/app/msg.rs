//! Everything that can happen to the screen.

use super::command::Verb;
use super::connection::{Link, Refused, Streams};
use super::key::{Key, Mouse};
use super::state::{LogView, StreamInfo, Worker};
use crate::model::breaker_story::Story;
use crate::model::diff::Change;
use crate::model::event::Millis;
use crate::model::log::Complaint;
use crate::model::stream_state::breaker::Level;
use crate::replay::moment::Moment;
use crate::replay::reducer::Note;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Something that happened. Requests carry an id; answers to an id that is no longer wanted are
/// dropped by `update`.
pub enum Msg {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The mouse did something.
    Mouse(Mouse),
    /// The terminal has this many columns and rows now.
    Resize(u16, u16),
    /// This much time passed since the last tick. Sent only while `App::wants_ticks`.
    Tick(Duration),
    /// A log is open.
    Opened(Box<LogView>),
    /// A log could not be opened: what, where, why, what to try.
    OpenFailed(String),
    /// The log grew, or more of it was indexed.
    LogChanged {
        /// Broken lines, gaps and repeats found so far.
        complaints: Arc<[Complaint]>,
        /// The streams known so far.
        streams: Vec<StreamInfo>,
    },
    /// Processors that were found, once or again after the log grew.
    Workers {
        /// All of them.
        list: Vec<Worker>,
        /// The one that was asked for (or the best guess).
        current: usize,
        /// The search is over for now.
        done: bool,
    },
    /// The source of the worker in view.
    Code {
        /// Name and text of each module, the entry first; empty when there is none.
        files: Vec<(Arc<str>, Arc<str>)>,
        /// Why there is none.
        why_empty: Option<String>,
    },
    /// A file of the source pane was highlighted.
    Highlighted {
        /// The file's name.
        name: Arc<str>,
        /// One list of tokens a line.
        tokens: Tokens,
    },
    /// A seek is done.
    Moment {
        /// The request.
        id: u64,
        /// What it found.
        moment: Arc<Moment>,
        /// From the marked offset's state to this one, when a mark was given.
        against: Option<Arc<[Change]>>,
    },
    /// A seek is under way.
    SeekProgress {
        /// The request.
        id: u64,
        /// Rows folded so far.
        rows: usize,
        /// Rows wanted.
        of: usize,
    },
    /// A seek gave no state.
    SeekFailed {
        /// The request.
        id: u64,
        /// Why, and what to try.
        error: String,
    },
    /// Nothing can be folded at all: why, and what to try.
    CannotFold(String),
    /// The background fold came this far.
    Folded {
        /// Rows folded.
        rows: usize,
        /// Rows there are.
        of: usize,
    },
    /// Things noted while folding; a row told again replaces what was known of it.
    Notes(Vec<Note>),
    /// All notes so far are void (another worker is folded).
    NotesCleared,
    /// A search ended.
    Found {
        /// The request.
        id: u64,
        /// The row; `None` when there is no match between the start and the log's end (or start).
        row: Option<usize>,
    },
    /// More rows pass the filter.
    Filtered {
        /// The request.
        id: u64,
        /// Rows that pass, ascending, all after those told before.
        rows: Vec<usize>,
        /// Rows looked at in all.
        scanned: usize,
    },
    /// The scrubber's columns.
    Surveyed(Survey),
    /// The connection of the stream in view stands otherwise now.
    Linked {
        /// How.
        link: Link,
        /// When.
        at: Millis,
    },
    /// The history being fetched ends at this offset.
    History(u64),
    /// An append became an event.
    Appended {
        /// The request.
        id: u64,
        /// The stream.
        path: String,
        /// The event's offset; that of an older event, when the idempotency key was its.
        offset: u64,
        /// The stored event's type: an input that is no event is stored as another.
        event_type: String,
    },
    /// An append did not become an event.
    AppendFailed {
        /// The request.
        id: u64,
        /// Why.
        refused: Refused,
    },
    /// The streams of the tree.
    Streams(Streams),
    /// The same for a tab, in view or not.
    In(u64, Box<Msg>),
    /// The circuit breaker at a playhead.
    Breaker {
        /// Events in the state there.
        rows: usize,
        /// How full it is.
        level: Level,
        /// The whole story, when it was asked for.
        story: Option<Arc<Story>>,
    },
    /// The person's editor gave a text back.
    Edited(String),
    /// The clipboard took it; says by which road.
    Copied(String),
    /// The person should know.
    Notice(super::state::Level, String),
    /// Do this, whatever layer is on top (a signal asked for it).
    Run(Verb),
    /// Leave at once (Ctrl-c, SIGTERM).
    Quit,
}

/// Where a search looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchWhere {
    /// In the raw text of events.
    Events,
    /// In the state at the playhead.
    State,
}

/// The log in columns, by rows: column `i` of `n` holds rows `i*len/n .. (i+1)*len/n`.
#[derive(Clone, Debug, PartialEq)]
pub struct Survey {
    /// Rows that were surveyed.
    pub len: usize,
    /// The columns.
    pub columns: Arc<[Column]>,
    /// Rows that pause the stream (`true`) or resume it (`false`), ascending.
    pub gates: Arc<[(usize, bool)]>,
}

/// One column of the scrubber.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// How dense in time the events are, 0 (a lone event in a long time) to 7 (the densest).
    pub level: u8,
    /// Error events in it.
    pub errors: u32,
    /// Holds a pause.
    pub paused: bool,
}

/// A stretch of source text and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Bytes of the line.
    pub range: Range<usize>,
    /// What it is.
    pub class: TokenClass,
}

/// What a stretch of source text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenClass {
    /// Nothing special.
    Plain,
    /// `const`, `return`, `if`…
    Keyword,
    /// Text in quotes.
    String,
    /// A number or another constant.
    Number,
    /// A comment.
    Comment,
    /// A type's name.
    Type,
    /// A function's name.
    Function,
}

/// The tokens of a file, one list a line.
pub type Tokens = Arc<[Vec<Token>]>;
