//! The Elm core: `update(&mut App, Msg) -> Vec<Effect>`, pure and synchronous, without clock or I/O.
//! `ui` draws `&App`, `runtime` carries out effects and sends their results back as messages.

pub mod breaker;
pub mod command;
pub mod composer;
pub mod connection;
pub mod dock;
pub mod effect;
pub mod key;
pub mod layer;
pub mod layout;
pub mod line_edit;
pub mod msg;
pub mod state;
pub mod streams;
pub mod tabs;
pub mod timeline;
pub mod tree;
pub mod update;
pub mod wrap;

// What panes draw of a moment: they know the app's words only.
pub use crate::replay::moment::{Moment, Origin};
pub use crate::replay::reducer::{Note, NoteKind};
