//! evtui: a time machine in the terminal for event-sourced AI agents.
//!
//! The log is the truth and state is a pure fold over it. The rooms below and the arrows allowed
//! between them are kept by `tests/layering.rs`.
#![forbid(unsafe_code)]

pub mod app;
pub mod cli;
pub mod config;
pub mod model;
pub mod processor;
pub mod replay;
pub mod runtime;
pub mod server;
pub mod service;
pub mod source;
pub mod store;
pub mod ui;
