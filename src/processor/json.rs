//! JSON as JavaScript has it, between text and the engine's values: exact and without detours.

pub mod build;
mod natives;
pub mod normalize;
pub mod plain;
pub mod tape;
pub mod write;

/// Deepest nesting of a state or an event, in levels. A state nested deeper is reported as not JSON.
pub const MAX_DEPTH: usize = 4096;
