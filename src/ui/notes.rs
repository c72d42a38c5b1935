//! What happened while folding, in words.

use super::clock;
use crate::app::NoteKind;

/// One line for the timeline and the state's header.
#[must_use]
pub fn headline(what: &NoteKind) -> String {
    match what {
        NoteKind::Threw { message, .. } => format!("reducer threw {message}"),
        NoteKind::NotJson { message } => format!("state is not JSON: {message}"),
        NoteKind::TimedOut { limit } => {
            let limit = clock::span(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
            format!("reducer stopped after {limit}")
        }
        NoteKind::OutOfMemory { limit } => {
            let limit = clock::size(usize::try_from(*limit).unwrap_or(usize::MAX));
            format!("reducer stopped at {limit} of memory")
        }
        NoteKind::Crashed { message } => format!("engine died: {message}"),
        NoteKind::Impure { api } => format!("reducer reached for {api}"),
        NoteKind::Log { level, text } => format!("console.{level}: {text}"),
    }
}
