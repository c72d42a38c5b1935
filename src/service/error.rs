//! Why the service did not do what it was asked to, in its own words; the server gives them statuses.

use crate::model::offset::Offset;
use crate::store::StoreError;

/// What went wrong. Cloned freely: several callers may wait for the same thing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// The gate is closed (SPEC §4); nothing was stored.
    #[error("stream is paused; only stream/resumed is allowed")]
    Paused,
    /// The input's `offset` is not the one it would get (SPEC §2); nothing was stored.
    #[error("offset {given} does not match the next generated offset {next}")]
    OffsetMismatch {
        /// What the input asked for.
        given: Offset,
        /// What it would have got.
        next: Offset,
    },
    /// A second `initialized` (SPEC §2); nothing was stored.
    #[error("stream-initialized may only be appended once")]
    InitializedTwice,
    /// The request itself is wrong.
    #[error("{0}")]
    Invalid(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// Not now: the store does not take writes, or the service is shutting down. Nothing was stored.
    #[error("{0}")]
    Unavailable(String),
    /// Stored events cannot be read; the ones around them can.
    #[error("events {from} to {until} are damaged on disk: {what}")]
    Damaged {
        /// First damaged event.
        from: Offset,
        /// Last damaged event.
        until: Offset,
        /// What was found.
        what: String,
    },
    /// A fault of the service's own.
    #[error("{0}")]
    Internal(String),
}

impl ServiceError {
    pub(super) fn shutting_down() -> ServiceError {
        ServiceError::Unavailable("the service is shutting down".to_owned())
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> ServiceError {
        match error {
            StoreError::Write(_)
            | StoreError::ReadOnly(_)
            | StoreError::Closed
            | StoreError::Conflict { .. } => ServiceError::Unavailable(error.to_string()),
            StoreError::Read(_) => ServiceError::Internal(error.to_string()),
            StoreError::Corrupt {
                from, until, what, ..
            } => ServiceError::Damaged { from, until, what },
        }
    }
}
