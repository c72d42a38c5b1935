//! What differs between two JSON values, place by place.

use super::json_path::JsonPath;
use serde_json::Value;

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Where.
    pub path: JsonPath,
    /// What happened there.
    pub what: What,
}

/// What happened at a place.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The value was not there before.
    Added(Value),
    /// The value is no longer there.
    Removed(Value),
    /// Another value stands there now.
    Changed {
        /// The value before.
        was: Value,
        /// The value after.
        now: Value,
    },
}
