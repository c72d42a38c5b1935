//! What a live worker needs of the service around it.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::fmt;

/// An append that a hook asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// Offset of the event whose hook asks, in the worker's own stream.
    pub cause: u64,
    /// Which call of that hook it is, from 1: the same when the hook is run again.
    pub nth: u64,
    /// Where to: absolute, or relative to the worker's stream (SPEC §9); `None` is the stream itself.
    pub path: Option<String>,
    /// The event input as JSON.
    pub event: Bytes,
}

/// A request that was refused, or that failed; the promise in the hook is rejected with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// Why, in words.
    pub message: String,
    /// The service's code (SPEC §3), empty for none.
    pub code: &'static str,
    /// The HTTP status that goes with it, 0 for none.
    pub status: u16,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refused {}

/// What a live worker reaches of the world. Shared by everything that the worker has going on.
pub trait Outside: Send + Sync + 'static {
    /// The stored events from offset `from` on, in order: some of them, at least one if there is
    /// one. Empty past the end.
    fn history(&self, from: u64) -> BoxFuture<'static, Result<Vec<Bytes>, Refused>>;

    /// Appends; answers with the stored event as JSON once it is durable. Calls of one worker come
    /// one after the other.
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Bytes, Refused>>;

    /// The secret of this name; `None` when there is none.
    fn secret(&self, name: &str) -> BoxFuture<'static, Result<Option<String>, Refused>>;

    /// Called before anything is asked for that shows outside: an append, a fetch.
    fn acts(&self) {}

    /// True while an append waits for something that is not the hook's fault: the time that a hook
    /// may take begins anew.
    fn is_held(&self) -> bool {
        false
    }

    /// A line of `console` or `logger`.
    fn log(&self, level: &str, text: &str);

    /// Something failed that the hook of the event at `offset` had begun and nobody awaited.
    fn stray(&self, offset: u64, message: &str, stack: &str);
}
