//! Where events are read from.

pub mod recordings;
