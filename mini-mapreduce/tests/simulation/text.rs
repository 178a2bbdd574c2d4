//! What the jobs count, and the sequential oracle: what must come of it.

use std::collections::BTreeMap;

use node::Rng;

/// How often each word stands somewhere.
pub(crate) type Counts = BTreeMap<u8, u64>;

/// A job's input: the words of each split.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    pub(crate) splits: Vec<Vec<u8>>,
    pub(crate) reduces: u32,
}

impl Text {
    pub(crate) fn draw(rng: &mut Rng) -> Text {
        let split = |rng: &mut Rng| {
            let words = rng.below(30);
            let letters: Vec<u8> = (b'a'..=b'z').collect();
            (0..words)
                .filter_map(|_| rng.choose(&letters).copied())
                .collect()
        };
        let splits = 1 + rng.below(12);
        Text {
            splits: (0..splits).map(|_| split(rng)).collect(),
            reduces: u32::try_from(rng.below(5)).unwrap(),
        }
    }

    /// What a map makes of a split: the counts of each partition. A job without reduces has one.
    pub(crate) fn map(&self, split: u32) -> Vec<Counts> {
        let partitions = self.reduces.max(1);
        let mut counts = vec![Counts::new(); partitions as usize];
        for word in &self.splits[split as usize] {
            let partition = u32::from(*word) % partitions;
            *counts[partition as usize].entry(*word).or_default() += 1;
        }
        counts
    }

    /// The parts of the output, counted in one go.
    pub(crate) fn oracle(&self) -> BTreeMap<String, Counts> {
        let maps = 0..u32::try_from(self.splits.len()).unwrap();
        if self.reduces == 0 {
            let part = |map| (format!("part-m-{map:05}"), self.map(map).remove(0));
            return maps.map(part).collect();
        }
        let empty = |partition| (format!("part-r-{partition:05}"), Counts::new());
        let mut parts: BTreeMap<String, Counts> = (0..self.reduces).map(empty).collect();
        for word in self.splits.iter().flatten() {
            let partition = u32::from(*word) % self.reduces;
            let part = parts.get_mut(&format!("part-r-{partition:05}")).unwrap();
            *part.entry(*word).or_default() += 1;
        }
        parts
    }
}

/// Adds up.
pub(crate) fn merge(into: &mut Counts, counts: &Counts) {
    for (word, count) in counts {
        *into.entry(*word).or_default() += count;
    }
}
