//! A growing column of numbers at about four bytes each: sealed chunks hold distances from their
//! smallest value.

const CHUNK: usize = 1024;

/// Stands for "no value" in a [`Packed`] column.
pub const NONE: u64 = u64::MAX;

#[derive(Debug)]
enum Chunk {
    /// `base` plus a distance; `u32::MAX` is [`NONE`].
    Narrow {
        base: u64,
        distances: Box<[u32]>,
    },
    Wide(Box<[u64]>),
}

impl Chunk {
    fn seal(values: &[u64]) -> Chunk {
        let known = || values.iter().copied().filter(|v| *v != NONE);
        let base = known().min().unwrap_or(0);
        if known().max().unwrap_or(0) - base >= u64::from(u32::MAX) {
            return Chunk::Wide(values.into());
        }
        let distances = values
            .iter()
            .map(|v| u32::try_from(v.wrapping_sub(base)).unwrap_or(u32::MAX))
            .collect();
        Chunk::Narrow { base, distances }
    }

    fn get(&self, at: usize) -> u64 {
        match self {
            Chunk::Narrow { base, distances } => match distances[at] {
                u32::MAX => NONE,
                distance => base + u64::from(distance),
            },
            Chunk::Wide(values) => values[at],
        }
    }
}

/// The column.
#[derive(Debug, Default)]
pub struct Packed {
    sealed: Vec<Chunk>,
    open: Vec<u64>,
}

impl Packed {
    pub fn len(&self) -> usize {
        self.sealed.len() * CHUNK + self.open.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn push(&mut self, value: u64) {
        if self.open.len() == CHUNK {
            self.sealed.push(Chunk::seal(&self.open));
            self.open.clear();
        }
        self.open.push(value);
    }

    /// Takes the last value off. Values pushed before the last `CHUNK` are never taken off.
    pub fn pop(&mut self) {
        if self.open.is_empty()
            && let Some(chunk) = self.sealed.pop()
        {
            self.open.extend((0..CHUNK).map(|at| chunk.get(at)));
        }
        self.open.pop();
    }

    pub fn get(&self, at: usize) -> Option<u64> {
        match self.sealed.get(at / CHUNK) {
            Some(chunk) => Some(chunk.get(at % CHUNK)),
            None => self.open.get(at - self.sealed.len() * CHUNK).copied(),
        }
    }

    /// How many leading values are at most `value`, in a column that never descends.
    pub fn count_up_to(&self, value: u64) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(middle).is_some_and(|v| v <= value) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = u64> {
        prop_oneof![
            0u64..100,
            Just(NONE),
            Just(u64::from(u32::MAX)),
            Just(NONE - 1),
            any::<u64>()
        ]
    }

    proptest! {
        #[test]
        fn keeps_every_value(
            base in any::<u64>(),
            narrow in prop::collection::vec(0u64..1_000_000, 0..3000),
            odd in prop::collection::vec((0usize..3000, value()), 0..4),
            pops in 0usize..1500,
        ) {
            let mut values: Vec<u64> = narrow.iter().map(|v| base.saturating_add(*v)).collect();
            for (at, v) in odd {
                if let Some(slot) = values.get_mut(at) { *slot = v; }
            }
            let mut column = Packed::default();
            for v in &values { column.push(*v); }
            for _ in 0..pops.min(values.len()) { column.pop(); values.pop(); }
            prop_assert_eq!(column.len(), values.len());
            for (at, v) in values.iter().enumerate() { prop_assert_eq!(column.get(at), Some(*v)); }
            prop_assert_eq!(column.get(values.len()), None);
            values.sort_unstable();
            let mut sorted = Packed::default();
            for v in &values { sorted.push(*v); }
            for probe in [0, base, base.saturating_add(500_000), NONE] {
                prop_assert_eq!(sorted.count_up_to(probe), values.partition_point(|v| *v <= probe));
            }
        }
    }
}
