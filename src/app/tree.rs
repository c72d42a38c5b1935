//! The state as a tree of lines: what is open, what this event changed, what is selected.

use crate::model::json_path::JsonPath;
use serde_json::Value;
use std::collections::HashMap;

/// The visible tree and the place of the person in it.
#[derive(Debug, Default)]
pub struct Tree {
    /// All lines of the tree as it is opened, top first; values are looked up when drawn.
    pub lines: Vec<TreeLine>,
    /// Index of the selected line.
    pub selected: usize,
    /// Index of the first line shown.
    pub scroll: usize,
    /// What the person opened (`true`) or closed; anything else opens by itself on the way to a
    /// change.
    pub open: HashMap<JsonPath, bool>,
}

/// One line of the tree.
#[derive(Clone, Debug, PartialEq)]
pub struct TreeLine {
    /// The place in the state; for [`TreeLine::removed`] lines the place it had.
    pub path: JsonPath,
    /// How deep it is indented; 0 for the members of the root.
    pub depth: u16,
    /// What is drawn.
    pub shape: Shape,
    /// What happened to it at this offset.
    pub mark: Option<Mark>,
    /// The value that is no longer there, or was there before: shown beside the new one.
    pub was: Option<Value>,
}

/// What a line of the tree shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A value without members.
    Leaf,
    /// An array or object.
    Container {
        /// Members.
        len: usize,
        /// Its members follow.
        open: bool,
    },
    /// Members left out because nothing changed in them and there are many; `Enter` shows them.
    Elided {
        /// How many.
        count: usize,
    },
}

/// What happened to a value at this offset (or since the marked one).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// `+`
    Added,
    /// `-`
    Removed,
    /// `~`
    Changed,
    /// Something inside it changed.
    Inside,
}

impl TreeLine {
    /// The value is no longer in the state; `was` holds it.
    #[must_use]
    pub fn removed(&self) -> bool {
        self.mark == Some(Mark::Removed)
    }
}
