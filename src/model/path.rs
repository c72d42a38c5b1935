//! The name of a stream: a path under `/`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Most characters a stream path may have (SPEC §1).
pub const MAX_PATH_CHARS: usize = 1023;

/// A valid stream path (SPEC §1): starts with `/`, segments of `[a-z0-9_-]+`, no trailing slash, at
/// most [`MAX_PATH_CHARS`] characters; the root is `/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamPath(String);

/// Why a text is not a stream path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The first character is not `/`.
    #[error("stream path {0:?} must start with \"/\"")]
    NoLeadingSlash(String),
    /// Two slashes in a row, or one at the end.
    #[error("stream path {0:?} has an empty segment")]
    EmptySegment(String),
    /// A segment holds a character outside `[a-z0-9_-]`.
    #[error(
        "stream path {path:?}: {found:?} is not allowed; segments are made of a-z, 0-9, _ and -"
    )]
    BadCharacter {
        /// The whole text.
        path: String,
        /// The first offending character.
        found: char,
    },
    /// Longer than [`MAX_PATH_CHARS`].
    #[error("stream path is {0} characters long; at most {MAX_PATH_CHARS} are allowed")]
    TooLong(usize),
}

impl StreamPath {
    /// The root of the tree, `/`.
    #[must_use]
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StreamPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let Some(rest) = text.strip_prefix('/') else {
            return Err(PathError::NoLeadingSlash(text.to_owned()));
        };
        let chars = text.chars().count();
        if chars > MAX_PATH_CHARS {
            return Err(PathError::TooLong(chars));
        }
        if rest.is_empty() {
            return Ok(Self::root());
        }
        for segment in rest.split('/') {
            if segment.is_empty() {
                return Err(PathError::EmptySegment(text.to_owned()));
            }
            if let Some(found) = segment
                .chars()
                .find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '_' | '-'))
            {
                return Err(PathError::BadCharacter {
                    path: text.to_owned(),
                    found,
                });
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for StreamPath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        text.parse()
    }
}

impl From<StreamPath> for String {
    fn from(path: StreamPath) -> String {
        path.0
    }
}

impl fmt::Display for StreamPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
