//! States near where the playhead was, as they are, so that stepping there again folds nothing.

use crate::replay::reducer::{Note, ReducerError, State};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes of text and parsed values kept; a parsed value counts four times its text.
const BUDGET: usize = 48 << 20;
/// Most states kept, so that finding the oldest stays cheap.
const MOST: usize = 512;

/// The cache, by number of rows in the state.
#[derive(Debug, Default)]
pub struct Recent {
    by_rows: BTreeMap<usize, Entry>,
    bytes: usize,
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    state: State,
    value: Option<Arc<Value>>,
    /// What happened while folding its last row; `None` when that row was not folded on the way.
    notes: Option<Vec<Note>>,
    used: u64,
}

impl Entry {
    fn bytes(&self) -> usize {
        let text = self.state.as_ref().map_or(0, |text| text.len());
        128 + text * if self.value.is_some() { 5 } else { 1 }
    }
}

impl Recent {
    /// True when the state is here.
    #[must_use]
    pub fn has(&self, rows: usize) -> bool {
        self.by_rows.contains_key(&rows)
    }

    /// The notes of the state's last row, when known.
    #[must_use]
    pub fn notes(&self, rows: usize) -> Option<&[Note]> {
        self.by_rows.get(&rows)?.notes.as_deref()
    }

    /// The last state here with at most `rows` rows.
    #[must_use]
    pub fn at_or_below(&self, rows: usize) -> Option<usize> {
        self.by_rows.range(..=rows).next_back().map(|(&r, _)| r)
    }

    /// The state with exactly these rows.
    #[must_use]
    pub fn get(&mut self, rows: usize) -> Option<State> {
        self.clock += 1;
        let entry = self.by_rows.get_mut(&rows)?;
        entry.used = self.clock;
        Some(entry.state.clone())
    }

    /// The state parsed; parsing happens once.
    ///
    /// # Errors
    /// [`ReducerError::Engine`] when the text is not JSON that can be shown (nested too deeply).
    pub fn value(&mut self, rows: usize) -> Result<Option<Arc<Value>>, ReducerError> {
        self.clock += 1;
        let Some(entry) = self.by_rows.get_mut(&rows) else {
            return Ok(None);
        };
        entry.used = self.clock;
        if let (None, Some(text)) = (&entry.value, &entry.state) {
            let value = serde_json::from_str(text).map_err(|error| {
                let why = error.to_string();
                let why = if why.contains("recursion limit") {
                    "it is nested deeper than 128 levels; `evtui state` prints it as text".into()
                } else {
                    why
                };
                ReducerError::Engine(format!(
                    "the state after {rows} events cannot be shown: {why}"
                ))
            })?;
            self.bytes -= entry.bytes();
            entry.value = Some(Arc::new(value));
            self.bytes += entry.bytes();
        }
        Ok(entry.value.clone())
    }

    /// Keeps a state; `notes` as far as they are known.
    pub fn insert(&mut self, rows: usize, state: State, notes: Option<Vec<Note>>) {
        self.clock += 1;
        let mut entry = Entry {
            state,
            value: None,
            notes,
            used: self.clock,
        };
        if let Some(old) = self.by_rows.remove(&rows) {
            self.bytes -= old.bytes();
            entry.notes = entry.notes.or(old.notes);
            if old.state == entry.state {
                entry.value = old.value;
            }
        }
        self.bytes += entry.bytes();
        self.by_rows.insert(rows, entry);
        // The two newest stay whatever their size: a moment is a state and the one before it.
        while self.by_rows.len() > 2 && (self.bytes > BUDGET || self.by_rows.len() > MOST) {
            let oldest = self.by_rows.iter().min_by_key(|(_, entry)| entry.used);
            let Some(rows) = oldest.map(|(&rows, _)| rows) else {
                break;
            };
            if let Some(gone) = self.by_rows.remove(&rows) {
                self.bytes -= gone.bytes();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_used_leave_first() {
        let mut recent = Recent::default();
        for rows in 0..MOST {
            recent.insert(rows, Some("1".into()), None);
        }
        assert!(recent.get(0).is_some());
        recent.insert(MOST, Some("1".into()), None);
        assert!(recent.has(0) && !recent.has(1) && recent.has(MOST));
    }

    #[test]
    fn bytes_are_bounded_but_a_moment_always_fits() {
        let mut recent = Recent::default();
        let big: State = Some(format!("\"{}\"", "x".repeat(BUDGET)).into());
        for rows in 0..5 {
            recent.insert(rows, big.clone(), None);
        }
        assert_eq!(recent.by_rows.len(), 2);
        assert!(recent.value(4).unwrap().is_some() && recent.value(3).unwrap().is_some());
    }

    #[test]
    fn states_nested_too_deeply_are_told() {
        let mut recent = Recent::default();
        recent.insert(1, Some("[".repeat(200).into()), None);
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        recent.insert(2, Some(deep.into()), None);
        let why = |error: Result<_, ReducerError>| error.unwrap_err().to_string();
        assert!(why(recent.value(1)).contains("cannot be shown"));
        assert!(why(recent.value(2)).contains("deeper than 128 levels"));
    }
}
