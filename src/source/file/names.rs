//! The types and stream paths of a log, each kept once.

use super::records::NameId;
use rustc_hash::FxHashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Ids above this would not fit beside kind and flags in a [`super::records::Mark`].
const MOST: usize = (1 << 27) - 1;

#[derive(Debug, Default)]
struct Table {
    ids: FxHashMap<Arc<str>, NameId>,
    names: Vec<Arc<str>>,
}

/// The table, shared by readers and the threads that fill it.
#[derive(Debug, Default)]
pub struct Names(RwLock<Table>);

impl Names {
    /// The id of a name, given one if it is new.
    pub fn id(&self, name: &str) -> NameId {
        if let Some(id) = self.find(name) {
            return id;
        }
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = table.ids.get(name) {
            return *id;
        }
        let at = table.names.len();
        if at >= MOST {
            return MOST as NameId; // a name of its own for each event of a hundred million
        }
        let name: Arc<str> = name.into();
        table.names.push(Arc::clone(&name));
        table.ids.insert(name, at as NameId);
        at as NameId
    }

    pub fn find(&self, name: &str) -> Option<NameId> {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        table.ids.get(name).copied()
    }

    pub fn name(&self, id: NameId) -> Arc<str> {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        table
            .names
            .get(id as usize)
            .map_or_else(|| "…".into(), Arc::clone)
    }
}
