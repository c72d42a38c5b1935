//! Carries out what the screen and the commands want done outside.

pub mod breaker;
pub mod clipboard;
pub mod drafts;
pub mod editor;
pub mod finder;
pub mod input;
pub mod local;
pub mod open;
pub mod program;
pub mod replayer;
pub mod screen;
pub mod service;
pub mod surveyor;
pub mod tab;
pub mod target;
pub mod terminal;
pub mod world;

use crate::app::msg::Msg;
use crate::app::state::Level;
use crate::source::background::step_back;
use replayer::Tell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Starts a thread whose panic is told on the screen instead of ending in silence.
fn spawn(name: &'static str, tell: &Tell, work: impl FnOnce() + Send + 'static) {
    let (tell, refused) = (std::sync::Arc::clone(tell), std::sync::Arc::clone(tell));
    let thread = std::thread::Builder::new().name(name.into());
    // What the work leaves half done goes with it: threads share only flags and channels.
    let started = thread.spawn(move || {
        step_back();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
            let why = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no reason given");
            tell(Msg::Notice(
                Level::Error,
                format!("evtui has a bug: its {name} thread panicked: {why}"),
            ));
        }
    });
    if let Err(error) = started {
        refused(Msg::Notice(
            Level::Error,
            format!("cannot start the {name} thread: {error}"),
        ));
    }
}
