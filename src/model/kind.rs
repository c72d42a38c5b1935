//! What events mean: a closed set of kinds (SCREEN.md), told from the type in all its spellings.

/// The meaning of an event on the screen. The discriminant is its index in a column of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// A person or the outside spoke to the agent.
    You,
    /// The agent's own words, complete.
    Agent,
    /// A piece of a model's streamed answer.
    Chunk,
    /// A model call started, ended, failed or was cancelled.
    Request,
    /// A tool or code block was called.
    Tool,
    /// What a tool gave back.
    Result,
    /// A failure on record.
    Error,
    /// The stream was paused.
    Paused,
    /// The stream was resumed.
    Resumed,
    /// Something about schedules.
    Schedule,
    /// A processor, its configuration or environment.
    Processor,
    /// The stream itself: initialized, woken, children, metadata, subscriptions.
    Stream,
    /// Input that was no event.
    Invalid,
    /// Any other event.
    Other,
    /// A line of the log that is no event.
    Unreadable,
}
