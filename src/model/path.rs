//! The name of a stream: a path under `/`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Most characters a stream path may have (SPEC §1).
pub const MAX_PATH_CHARS: usize = 1023;

/// A valid stream path (SPEC §1): starts with `/`, segments of `[a-z0-9_-]+`, no trailing slash, at
/// most [`MAX_PATH_CHARS`] characters; the root is `/`. Cloning one copies no text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamPath(Arc<str>);

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
        Self("/".into())
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path one segment shorter; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<StreamPath> {
        match self.0.rsplit_once('/')? {
            ("", "") => None,
            ("", _) => Some(Self::root()),
            (parent, _) => Some(Self(parent.into())),
        }
    }

    /// The paths above this one, its parent first, the root last.
    pub fn ancestors(&self) -> impl Iterator<Item = StreamPath> {
        std::iter::successors(self.parent(), StreamPath::parent)
    }

    /// True for this path and everything below it.
    #[must_use]
    pub fn holds(&self, other: &StreamPath) -> bool {
        let own = self.0.trim_end_matches('/');
        other
            .0
            .strip_prefix(own)
            .is_some_and(|below| below.is_empty() || below.starts_with('/'))
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
        Ok(Self(text.into()))
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
        path.as_str().to_owned()
    }
}

impl fmt::Display for StreamPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Most characters a project slug may have (SPEC §1).
pub const MAX_PROJECT_CHARS: usize = 255;

/// The namespace of a stream (SPEC §1): 1 to [`MAX_PROJECT_CHARS`] characters, none of them a
/// control character. Cloning one copies no text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Project(Arc<str>);

/// Why a text is not a project slug.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProjectError {
    /// No character at all.
    #[error("a project slug must not be empty")]
    Empty,
    /// Longer than [`MAX_PROJECT_CHARS`].
    #[error("project slug is {0} characters long; at most {MAX_PROJECT_CHARS} are allowed")]
    TooLong(usize),
    /// A control character, which no header could carry.
    #[error("project slug {0:?} holds a control character")]
    Control(String),
}

impl Project {
    /// The slug as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `public`, where nothing else is said.
impl Default for Project {
    fn default() -> Self {
        Self("public".into())
    }
}

impl FromStr for Project {
    type Err = ProjectError;

    fn from_str(text: &str) -> Result<Self, ProjectError> {
        let chars = text.chars().count();
        if chars == 0 {
            return Err(ProjectError::Empty);
        }
        if chars > MAX_PROJECT_CHARS {
            return Err(ProjectError::TooLong(chars));
        }
        if text.chars().any(char::is_control) {
            return Err(ProjectError::Control(text.to_owned()));
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for Project {
    type Error = ProjectError;

    fn try_from(text: String) -> Result<Self, ProjectError> {
        text.parse()
    }
}

impl From<Project> for String {
    fn from(project: Project) -> String {
        project.as_str().to_owned()
    }
}

impl fmt::Display for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names one stream of a service: same path, other project, other stream (SPEC §1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamKey {
    /// The namespace.
    pub project: Project,
    /// The path in it.
    pub path: StreamPath,
}

impl fmt::Display for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.project, self.path)
    }
}
