//! The immediate children of a stream: a list in order of creation that knows what it holds, so that a
//! hundred thousand of them are no slower to add than a hundred.

use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize, Serializer};
use std::sync::Arc;

/// Paths, each once; as JSON an array.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "Vec<String>")]
pub struct Children {
    list: Vec<Arc<str>>,
    known: FxHashSet<Arc<str>>,
}

impl Children {
    /// Adds a path unless it is there.
    pub fn add(&mut self, path: &str) {
        if !self.known.contains(path) {
            let path: Arc<str> = path.into();
            self.known.insert(Arc::clone(&path));
            self.list.push(path);
        }
    }

    /// In order of creation.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(AsRef::as_ref)
    }
}

impl PartialEq for Children {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list
    }
}

impl From<Vec<String>> for Children {
    fn from(paths: Vec<String>) -> Children {
        let mut children = Children::default();
        for path in paths {
            children.add(&path);
        }
        children
    }
}

impl Serialize for Children {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}
