//! What the panes hold: the state, the event and the source.

use crate::app::msg::Tokens;
use crate::app::tree::Tree;
use crate::model::diff::Change;
use crate::model::json_path::JsonPath;
use crate::replay::moment::Moment;
use std::ops::Range;
use std::sync::Arc;

/// The state pane.
#[derive(Default)]
pub struct StatePane {
    /// The newest moment that came; may lag behind the playhead while folding.
    pub moment: Option<Arc<Moment>>,
    /// Compare with this instead of the previous event.
    pub mark: Option<Mark>,
    /// A seek under way.
    pub pending: Option<Pending>,
    /// Why nothing can be folded at all, for as long as this log is open.
    pub broken: Option<String>,
    /// Why the last seek gave no state.
    pub failure: Option<String>,
    /// The visible tree.
    pub tree: Tree,
    /// The value being watched.
    pub watch: Option<JsonPath>,
}

/// A marked offset to compare with.
#[derive(Clone, Debug)]
pub struct Mark {
    /// Events in the marked state.
    pub rows: usize,
    /// From the marked state to the moment's; `None` until it came.
    pub changes: Option<Arc<[Change]>>,
}

/// A seek whose moment has not come yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pending {
    /// Names the request; answers to older ones are ignored.
    pub id: u64,
    /// Rows folded so far and rows wanted, once the fold reported them.
    pub progress: Option<(usize, usize)>,
}

/// The event pane.
pub struct EventPane {
    /// Show the line as the log holds it instead of pretty JSON.
    pub raw: bool,
    /// Long lines take several lines of the pane instead of being cut.
    pub wrap: bool,
    /// Show everything around the payload too (metadata, times, key).
    pub envelope: bool,
    /// The text of the playhead's event; `None` before the first event.
    pub doc: Option<EventDoc>,
    /// First line shown.
    pub scroll: usize,
}

impl Default for EventPane {
    fn default() -> Self {
        Self {
            raw: false,
            wrap: true,
            envelope: false,
            doc: None,
            scroll: 0,
        }
    }
}

/// The playhead's event as lines of text.
#[derive(Clone, Debug, PartialEq)]
pub struct EventDoc {
    /// The row it was made from.
    pub row: usize,
    /// The lines: pretty JSON, or the raw line cut to pieces of at most 4,096 characters.
    pub lines: Arc<[String]>,
    /// What the pane shows of them, a line of the pane each: the line, and the bytes of it.
    pub pieces: Arc<[(usize, Range<usize>)]>,
    /// Columns that the pieces were made for.
    pub width: u16,
    /// The lines are JSON (and not an unreadable line's bytes).
    pub is_json: bool,
}

/// The source pane.
#[derive(Default)]
pub struct CodePane {
    /// The modules of the worker in view, the entry first.
    pub files: Vec<CodeFile>,
    /// The file shown.
    pub current: usize,
    /// First line shown.
    pub scroll: usize,
    /// Why there is nothing to show.
    pub why_empty: Option<String>,
}

/// One file of a processor's source.
#[derive(Clone, Debug)]
pub struct CodeFile {
    /// Its name as the person knows it.
    pub name: Arc<str>,
    /// Its lines.
    pub lines: Arc<[String]>,
    /// One list of tokens a line; `None` until the highlighter is done.
    pub tokens: Option<Tokens>,
}
