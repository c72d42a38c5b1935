//! What an event is, and everything that can be said about events without touching the outside:
//! no I/O, no async, no terminal, no JavaScript.

pub mod breaker_story;
pub mod built_in;
pub mod cadence;
pub mod cause;
pub mod diff;
pub mod event;
pub mod filter;
pub mod json;
pub mod json_path;
pub mod kind;
pub mod log;
pub mod message_form;
pub mod needle;
pub mod offset;
pub mod path;
pub mod peek;
pub mod stream_state;
pub mod summary;
pub mod turn;
pub mod validate;
