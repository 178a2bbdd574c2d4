//! The map's sort buffer, `mapreduce.task.io.sort.mb`: Hadoop's `MapOutputBuffer`. Pairs are appended to an arena, one after
//! another, and never move; what is sorted is an index with 16 bytes a pair. Most comparisons look at the first 8 bytes of
//! a key, which stand in the index, and never touch the arena.

// Before its exercises are done, not all of it is used.
#![allow(dead_code)]

use std::hint::black_box;
use std::ops::Range;

use crate::fold::FoldTable;
use crate::job::RecordError;
use crate::program::{Pair, RawFold};

/// A pair in the index.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The key's first 8 bytes, as a number; where it is shorter, with zeros behind it.
    prefix: u64,
    partition: u32,
    /// Where in the arena the pair begins.
    at: u32,
}

impl Entry {
    /// Partition, prefix and place as one number, which compares as they do, in that order. (One comparison instead of three, and none is a jump.)
    fn order(&self) -> u128 {
        u128::from(self.partition) << 96 | u128::from(self.prefix) << 32 | u128::from(self.at)
    }
}

/// What an index entry takes, in bytes.
const ENTRY_BYTES: usize = size_of::<Entry>();
/// Key's and value's lengths in front of a pair in the arena.
const LENGTHS: usize = 8;

/// How many pairs are brought from memory together while they are sorted.
const FETCHED: usize = 64;

/// For how many keys [`SortBuffer::touch`] does something.
pub(crate) const TOUCHED_MAX: usize = 16;

/// The first 8 bytes of a key, as a number that compares as they do.
pub(crate) fn prefix(key: &[u8]) -> u64 {
    if let Some(first) = key.first_chunk::<8>() {
        return u64::from_be_bytes(*first);
    }
    let mut first = [0; 8];
    first[..key.len()].copy_from_slice(key);
    u64::from_be_bytes(first)
}

/// Holds pairs with their partitions, up to a budget.
pub struct SortBuffer {
    arena: Vec<u8>,
    entries: Vec<Entry>,
    /// Where a key's pair is, if values are folded.
    table: Option<FoldTable>,
    /// In bytes, of arena, index and table together.
    budget: usize,
    folded: Vec<u8>,
}

impl SortBuffer {
    /// A buffer of so many bytes. With `folds`, [`SortBuffer::fold`] may be asked.
    pub fn new(budget: usize, folds: bool) -> SortBuffer {
        let budget = budget.min(u32::MAX as usize);
        SortBuffer {
            arena: Vec::with_capacity(budget),
            entries: Vec::with_capacity(budget / ENTRY_BYTES),
            table: folds.then(FoldTable::new),
            budget,
            folded: Vec::new(),
        }
    }

    /// How many pairs it holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many bytes of its budget are taken.
    pub fn used(&self) -> usize {
        let table = self.table.as_ref().map_or(0, FoldTable::bytes);
        self.arena.len() + self.entries.len() * ENTRY_BYTES + table
    }

    /// Takes a pair, unless that would break the budget: false then, and nothing has changed. In the arena a value has as many bytes as `room_for` says, since one that is
    /// folded may grow.
    pub fn insert(&mut self, partition: u32, key: &[u8], value: &[u8]) -> bool {
        let _ = (partition, key, value);
        todo!(
            "mapreduce/sort-buffer: look whether it fits, append it to the arena, put it into the index."
        )
    }

    /// What another pair takes of the budget, with so many bytes of room for its value.
    fn takes(&self, key: &[u8], room: usize) -> usize {
        let growth = self.table.as_ref().map_or(0, FoldTable::growth);
        LENGTHS + key.len() + room + ENTRY_BYTES + growth
    }

    /// What a value gets in the arena. One that is folded gets a power of two, so that most sums fit where they are.
    fn room_for(&self, length: usize) -> usize {
        match self.table {
            Some(_) => length.max(8).next_power_of_two(),
            None => length,
        }
    }

    /// Appends to the arena; nothing where that is full. (It is below 4 GiB, and so are lengths.)
    fn append(&mut self, key: &[u8], value: &[u8], room: usize) -> Option<u32> {
        let at = u32::try_from(self.arena.len()).ok()?;
        let key_length = u32::try_from(key.len()).ok()?;
        let value_length = u32::try_from(value.len()).ok()?;
        self.arena.extend_from_slice(&key_length.to_le_bytes());
        self.arena.extend_from_slice(&value_length.to_le_bytes());
        self.arena.extend_from_slice(key);
        self.arena.extend_from_slice(value);
        let end = self.arena.len() + room - value.len();
        self.arena.resize(end, 0);
        Some(at)
    }

    /// Takes a pair like [`SortBuffer::insert`], but folds its value into the one that its key has already, if it has one. Only
    /// if it has none, `partition` is asked for.
    ///
    /// # Errors
    /// What the fold says.
    pub fn fold(
        &mut self,
        fold: &dyn RawFold,
        key: &[u8],
        value: &[u8],
        partition: &dyn Fn() -> u32,
    ) -> Result<bool, RecordError> {
        self.fold_hashed(fold, FoldTable::hash(key), (key, value), partition)
    }

    /// As [`SortBuffer::fold`], of a key whose hash is known.
    pub(crate) fn fold_hashed(
        &mut self,
        fold: &dyn RawFold,
        hash: u32,
        (key, value): Pair<'_>,
        partition: &dyn Fn() -> u32,
    ) -> Result<bool, RecordError> {
        let Some(table) = &self.table else {
            return Ok(self.insert(partition(), key, value));
        };
        let found = table.find(hash, |at| pair_at(&self.arena, at).0 == key);
        let Some((slot, at)) = found else {
            let is_in = self.insert(partition(), key, value);
            let (table, entry) = (&mut self.table, self.entries.last());
            if let (true, Some(table), Some(entry)) = (is_in, table, entry) {
                table.insert(hash, self.entries.len() - 1, entry.at);
            }
            return Ok(is_in);
        };
        let (_, old) = pair_at(&self.arena, at);
        self.folded.clear();
        fold.fold(old, value, &mut self.folded)?;
        let (has, needs) = (self.room_for(old.len()), self.room_for(self.folded.len()));
        if needs <= has {
            overwrite_value(&mut self.arena, at, key.len(), &self.folded);
            return Ok(true);
        }
        // It has outgrown its place, which is lost until the next spill.
        if self.used() + LENGTHS + key.len() + needs > self.budget {
            return Ok(false);
        }
        let folded = std::mem::take(&mut self.folded);
        let moved = self.append(key, &folded, needs);
        self.folded = folded;
        if let (Some(at), Some(table)) = (moved, &mut self.table) {
            let entry = table.moved(slot, at);
            self.entries[entry].at = at;
        }
        Ok(moved.is_some())
    }

    /// Has what folding will look at brought from memory, for many keys at the same time: first their slots, then their pairs. Key by key,
    /// each of these would be waited for.
    pub(crate) fn touch(&self, hashes: impl Iterator<Item = u32> + Clone) {
        let Some(table) = &self.table else {
            return;
        };
        let slots = hashes.clone().map(|hash| table.first(hash).1);
        black_box(slots.fold(0, |all, slot| all ^ slot));
        let mut pairs = [0; TOUCHED_MAX];
        for (pair, hash) in pairs.iter_mut().zip(hashes) {
            *pair = table.find(hash, |_| true).map_or(0, |(_, at)| at as usize);
        }
        self.fetch(pairs.into_iter());
    }

    /// Sorts by partition, then by key; pairs of one key stay in the order in which they came.
    pub fn sort(&mut self) {
        todo!("mapreduce/sort-buffer: sort the index; what it does not say itself, the arena says.")
    }

    /// Has the pairs at these places of the order brought from memory, all at the same time. The order is not that of the arena, so each would be waited for.
    pub(crate) fn touch_sorted(&self, places: Range<usize>) {
        let entries = self.entries.get(places).unwrap_or_default();
        self.fetch(entries.iter().map(|entry| entry.at as usize));
    }

    /// Reads a byte at each place of the arena. That nobody wants them shall not mean that nobody fetches them.
    fn fetch(&self, places: impl Iterator<Item = usize>) {
        let bytes = places.filter_map(|at| self.arena.get(at));
        black_box(bytes.fold(0, |all, byte| all ^ byte));
    }

    /// A pair with its partition, by its place in the order.
    pub fn get(&self, index: usize) -> (u32, Pair<'_>) {
        let entry = self.entries[index];
        (entry.partition, pair_at(&self.arena, entry.at))
    }

    /// Forgets all pairs.
    pub fn clear(&mut self) {
        self.arena.clear();
        self.entries.clear();
        if let Some(table) = &mut self.table {
            table.clear();
        }
    }
}

#[inline]
fn pair_at(arena: &[u8], at: u32) -> Pair<'_> {
    let (lengths, pair) = arena[at as usize..].split_at(LENGTHS);
    let length = |bytes: &[u8]| {
        let bytes = bytes.first_chunk();
        bytes.map_or(0, |length| u32::from_le_bytes(*length) as usize)
    };
    let (key, rest) = pair.split_at(length(lengths));
    (key, &rest[..length(&lengths[4..])])
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "it fits into the room of a value that is in the arena"
)]
fn overwrite_value(arena: &mut [u8], at: u32, key_length: usize, value: &[u8]) {
    let at = at as usize;
    arena[at + 4..at + 8].copy_from_slice(&(value.len() as u32).to_le_bytes());
    let from = at + LENGTHS + key_length;
    arena[from..from + value.len()].copy_from_slice(value);
}
