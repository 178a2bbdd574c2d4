//! A map by ids that are handed out in order: inodes and blocks, millions of them (HDFS's `LightWeightGSet`).
//!
//! What a B-tree or a hash table needs for a key, a pointer and free slots is as much as some inodes. Here neighbours lie side
//! by side: the ids are cut into pages of 64, and a page is a bit for each id that is there, and their values, packed. How many
//! bits stand before an id's own says where its value is. Ids that are never used again leave nothing behind.

use std::collections::BTreeMap;

/// Ids in a page: as many as a word has bits.
const PAGE_LEN: u64 = 64;

/// Values by id, in the order of ids.
#[derive(Clone, Debug)]
pub(super) struct IdMap<T> {
    /// By number, which is the id divided by [`PAGE_LEN`]. None is empty.
    pages: BTreeMap<u64, Page<T>>,
    len: usize,
}

#[derive(Clone, Debug)]
struct Page<T> {
    /// Which of its ids are there, the lowest at the lowest bit.
    present: u64,
    /// The values of these, in their order.
    values: Vec<T>,
}

fn place(id: u64) -> (u64, u64) {
    (id / PAGE_LEN, id % PAGE_LEN)
}

impl<T> Page<T> {
    /// Where the value of a slot is, or would have to be put.
    fn find(&self, slot: u64) -> Result<usize, usize> {
        let bit = 1 << slot;
        let index = (self.present & (bit - 1)).count_ones() as usize;
        match self.present & bit {
            0 => Err(index),
            _ => Ok(index),
        }
    }

    /// The values with their slots, from `first` on.
    fn starting_at(&self, first: u64) -> impl Iterator<Item = (u64, &T)> {
        let (Ok(skip) | Err(skip)) = self.find(first);
        let slots = (first..PAGE_LEN).filter(|slot| self.present & (1 << slot) != 0);
        slots.zip(&self.values[skip..])
    }
}

impl<T> Default for IdMap<T> {
    fn default() -> IdMap<T> {
        IdMap {
            pages: BTreeMap::new(),
            len: 0,
        }
    }
}

impl<T: PartialEq> PartialEq for IdMap<T> {
    fn eq(&self, other: &IdMap<T>) -> bool {
        self.len == other.len && self.range(0).eq(other.range(0))
    }
}

impl<T> IdMap<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, id: u64) -> Option<&T> {
        let (number, slot) = place(id);
        let page = self.pages.get(&number)?;
        page.find(slot).ok().map(|index| &page.values[index])
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut T> {
        let (number, slot) = place(id);
        let page = self.pages.get_mut(&number)?;
        page.find(slot).ok().map(|index| &mut page.values[index])
    }

    pub(super) fn contains(&self, id: u64) -> bool {
        self.get(id).is_some()
    }

    /// Returns what was there before.
    pub(super) fn insert(&mut self, id: u64, value: T) -> Option<T> {
        let (number, slot) = place(id);
        let page = self.pages.entry(number).or_insert(Page {
            present: 0,
            values: Vec::new(),
        });
        match page.find(slot) {
            Ok(index) => Some(std::mem::replace(&mut page.values[index], value)),
            Err(index) => {
                page.present |= 1 << slot;
                page.values.insert(index, value);
                self.len += 1;
                None
            }
        }
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<T> {
        let (number, slot) = place(id);
        let page = self.pages.get_mut(&number)?;
        let index = page.find(slot).ok()?;
        page.present &= !(1 << slot);
        let value = page.values.remove(index);
        if page.present == 0 {
            self.pages.remove(&number);
        } else if page.values.len() <= page.values.capacity() / 4 {
            page.values.shrink_to(2 * page.values.len());
        }
        self.len -= 1;
        Some(value)
    }

    /// All from this id on.
    pub(super) fn range(&self, from: u64) -> impl Iterator<Item = (u64, &T)> {
        let (first, slot) = place(from);
        self.pages.range(first..).flat_map(move |(number, page)| {
            let from = if *number == first { slot } else { 0 };
            let base = number * PAGE_LEN;
            page.starting_at(from)
                .map(move |(slot, value)| (base + slot, value))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// It is a map: whatever is done to it and to a B-tree, both answer the same.
        #[test]
        fn does_what_a_btree_does(
            changes in prop::collection::vec((0..3_u8, prop_oneof![0..200_u64, Just(u64::MAX), any::<u64>()]), 0..150)
        ) {
            let (mut ours, mut model) = (IdMap::default(), BTreeMap::new());
            for (n, (what, id)) in changes.into_iter().enumerate() {
                match what {
                    0 | 1 => prop_assert_eq!(ours.insert(id, n), model.insert(id, n)),
                    _ => prop_assert_eq!(ours.remove(id), model.remove(&id)),
                }
                prop_assert_eq!(ours.get(id), model.get(&id));
                prop_assert_eq!(ours.get_mut(id), model.get_mut(&id));
                prop_assert_eq!(ours.len(), model.len());
                prop_assert!(ours.range(id).eq(model.range(id..).map(|(id, n)| (*id, n))));
                prop_assert!(ours.pages.values().all(|page| page.present != 0));
            }
            prop_assert!(ours.range(0).eq(model.iter().map(|(id, n)| (*id, n))));
        }
    }
}
