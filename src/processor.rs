//! JavaScript in a box: finding a processor, preparing its source, running it without hooks.

pub mod program;
