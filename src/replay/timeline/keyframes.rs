//! States kept along the log to seek from, compressed, under a memory budget.

use crate::replay::reducer::State;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Below this many bytes compressing costs more than it gives.
const PACK_FROM: usize = 256;
/// What one entry costs beside its text, roughly.
const ENTRY_BYTES: usize = 64;

/// Keyframes by number of rows in the state.
#[derive(Debug)]
pub struct Keyframes {
    by_rows: BTreeMap<usize, Stored>,
    bytes: usize,
    budget: usize,
    /// Fewest rows between two keyframes; grows when the budget was met.
    spacing: usize,
}

#[derive(Debug)]
enum Stored {
    Undefined,
    Plain(Arc<str>),
    Packed(Box<[u8]>),
}

impl Stored {
    fn new(state: &State) -> Stored {
        match state {
            None => Stored::Undefined,
            Some(text) if text.len() < PACK_FROM => Stored::Plain(Arc::clone(text)),
            Some(text) => {
                Stored::Packed(lz4_flex::compress_prepend_size(text.as_bytes()).into_boxed_slice())
            }
        }
    }

    fn bytes(&self) -> usize {
        ENTRY_BYTES
            + match self {
                Stored::Undefined => 0,
                Stored::Plain(text) => text.len(),
                Stored::Packed(packed) => packed.len(),
            }
    }

    fn state(&self) -> Option<State> {
        Some(match self {
            Stored::Undefined => None,
            Stored::Plain(text) => Some(Arc::clone(text)),
            Stored::Packed(packed) => {
                let bytes = lz4_flex::decompress_size_prepended(packed).ok()?;
                Some(String::from_utf8(bytes).ok()?.into())
            }
        })
    }
}

impl Keyframes {
    /// None yet; at most about `budget` bytes of them later.
    #[must_use]
    pub fn new(budget: usize) -> Keyframes {
        Keyframes {
            by_rows: BTreeMap::new(),
            bytes: 0,
            budget,
            spacing: 1,
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_rows.len()
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_rows.is_empty()
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Changes the budget, thinning at once if need be.
    pub fn set_budget(&mut self, budget: usize) {
        self.budget = budget;
        self.thin();
    }

    /// Keeps a state. Keyframes arrive in rising order; one too close to the last is passed over.
    pub fn push(&mut self, rows: usize, state: &State) {
        if let Some((&last, _)) = self.by_rows.last_key_value()
            && rows < last + self.spacing
        {
            return;
        }
        let stored = Stored::new(state);
        self.bytes += stored.bytes();
        self.by_rows.insert(rows, stored);
        self.thin();
    }

    /// The rows of the last keyframe that holds at most `rows`.
    #[must_use]
    pub fn at_or_below(&self, rows: usize) -> Option<usize> {
        self.by_rows.range(..=rows).next_back().map(|(&r, _)| r)
    }

    /// The state of the keyframe with exactly these rows.
    #[must_use]
    pub fn get(&self, rows: usize) -> Option<State> {
        self.by_rows.get(&rows)?.state()
    }

    /// Drops every second keyframe until the budget is kept, so that the rest stay evenly spread.
    fn thin(&mut self) {
        while self.bytes > self.budget && !self.by_rows.is_empty() {
            let mut keep = false;
            self.by_rows.retain(|_, stored| {
                keep = !keep;
                if !keep {
                    self.bytes -= stored.bytes();
                }
                keep
            });
            if let (1, Some((_, only))) = (self.by_rows.len(), self.by_rows.first_key_value())
                && self.bytes > self.budget
            {
                self.bytes -= only.bytes();
                self.by_rows.clear();
            }
            let covered = self.by_rows.last_key_value().map_or(1, |(&rows, _)| rows);
            self.spacing = (covered / self.by_rows.len().max(1)).max(self.spacing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_the_budget_and_an_even_spread() {
        let mut keyframes = Keyframes::new(20_000);
        let state = |rows: usize| -> State { Some(format!("\"{rows:0100}\"").into()) };
        for rows in (10..=10_000).step_by(10) {
            keyframes.push(rows, &state(rows));
            assert!(keyframes.bytes() <= 20_000);
        }
        assert!(keyframes.len() > 40, "{}", keyframes.len());
        let mut last = 0;
        for rows in keyframes.by_rows.keys() {
            assert!(rows - last <= 500, "gap {last}..{rows}");
            last = *rows;
        }
        let rows = keyframes.at_or_below(5_000).unwrap();
        assert_eq!(keyframes.get(rows).unwrap(), state(rows));
    }

    #[test]
    fn packed_states_come_back_exactly() {
        let mut keyframes = Keyframes::new(1 << 20);
        let long: State = Some(format!("{{\"a\":\"{}\"}}", "é\\n".repeat(1_000)).into());
        keyframes.push(1, &None);
        keyframes.push(2, &long);
        assert_eq!(keyframes.get(1), Some(None));
        assert_eq!(keyframes.get(2), Some(long));
    }

    #[test]
    fn a_budget_too_small_for_one_keeps_none() {
        let mut keyframes = Keyframes::new(10);
        keyframes.push(1, &Some("1".into()));
        assert_eq!((keyframes.len(), keyframes.bytes()), (0, 0));
    }
}
