//! Values that become one as soon as they meet. A map of text emits each word thousands of times: folding in the
//! buffer means that it sorts, writes and sends a word once for each spill.

// Before its exercises are done, not all of it is used.
#![allow(dead_code)]

use xxhash_rust::xxh3::xxh3_64;

use crate::job::RecordError;
use crate::program::{Pair, RawFold};

/// Finds a pair of the buffer by its key: open addressing, linear probing. It is never iterated, so its order is nobody's business.
///
/// A key costs two places in memory: its slot, and the pair. Slots are small and the table is up to seven eighths full, so that
/// much of it stays in the processor's cache; a key that came early, as frequent ones do, is near the first slot that is looked at.
pub(crate) struct FoldTable {
    /// The upper half of the key's hash, and where in the arena its pair begins, plus 1; 0 is a free slot.
    slots: Vec<(u32, u32)>,
    /// The number of each slot's pair in the index, which is needed only when a pair moves.
    entries: Vec<u32>,
    taken: usize,
}

const SLOTS_MIN: usize = 1 << 3;

impl FoldTable {
    pub(crate) fn new() -> FoldTable {
        FoldTable::of(SLOTS_MIN)
    }

    fn of(slots: usize) -> FoldTable {
        FoldTable {
            slots: vec![(0, 0); slots],
            entries: vec![0; slots],
            taken: 0,
        }
    }

    #[inline]
    pub(crate) fn hash(key: &[u8]) -> u32 {
        (xxh3_64(key) >> 32) as u32
    }

    /// What it takes of the buffer's budget.
    pub(crate) fn bytes(&self) -> usize {
        self.slots.len() * (size_of::<(u32, u32)>() + size_of::<u32>())
    }

    /// How much more that will be once another pair is in.
    pub(crate) fn growth(&self) -> usize {
        if self.is_full() { self.bytes() } else { 0 }
    }

    fn is_full(&self) -> bool {
        8 * (self.taken + 1) > 7 * self.slots.len()
    }

    /// A key's slot, and where its pair begins.
    #[inline]
    pub(crate) fn find(&self, hash: u32, is_key: impl Fn(u32) -> bool) -> Option<(usize, u32)> {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            match self.slots[slot] {
                (_, 0) => return None,
                (other, at) if other == hash && is_key(at - 1) => return Some((slot, at - 1)),
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    /// The first slot in which a key may be.
    #[inline]
    pub(crate) fn first(&self, hash: u32) -> (u32, u32) {
        self.slots[hash as usize & (self.slots.len() - 1)]
    }

    /// Adds a key that is not there: the number of its entry in the index, and where its pair begins.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a buffer of 4 GiB has fewer entries"
    )]
    pub(crate) fn insert(&mut self, hash: u32, entry: usize, at: u32) {
        if self.is_full() {
            let old = std::mem::replace(self, FoldTable::of(2 * self.slots.len()));
            for ((hash, at), entry) in old.slots.into_iter().zip(old.entries) {
                if at > 0 {
                    self.put(hash, entry, at);
                }
            }
        }
        self.put(hash, entry as u32, at + 1);
    }

    fn put(&mut self, hash: u32, entry: u32, at: u32) {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        while self.slots[slot].1 > 0 {
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = (hash, at);
        self.entries[slot] = entry;
        self.taken += 1;
    }

    /// A slot's pair has moved; the number of its entry in the index.
    pub(crate) fn moved(&mut self, slot: usize, at: u32) -> usize {
        self.slots[slot].1 = at + 1;
        self.entries[slot] as usize
    }

    pub(crate) fn clear(&mut self) {
        self.slots.fill((0, 0));
        self.taken = 0;
    }
}

/// Folds the values of equal keys as sorted pairs go by, in memory for one pair: what is done when spills are merged, where one key
/// may stand in each of them.
#[derive(Clone, Debug, Default)]
pub struct NeighbourFold {
    /// The pair that is held back, since the next one may have its key: none, where nothing has come yet.
    held: Option<(Vec<u8>, Vec<u8>)>,
    /// Room for what a fold makes.
    folded: Vec<u8>,
}

/// Where folded pairs go.
pub type FoldedOut<'a> = dyn FnMut(Pair<'_>) -> Result<(), RecordError> + 'a;

impl NeighbourFold {
    /// Takes the next pair in the order of the keys. If it has the key of the pair that is held, their values are folded, the
    /// earlier one on the left. Otherwise the held one is handed on, and this one held.
    ///
    /// # Errors
    /// What the fold says, or whom pairs are handed on to.
    pub fn take(
        &mut self,
        fold: &dyn RawFold,
        pair: Pair<'_>,
        out: &mut FoldedOut<'_>,
    ) -> Result<(), RecordError> {
        let _ = (fold, pair, out);
        todo!("mapreduce/combiner: fold with what is held, or hand that on and hold this.")
    }

    /// After the last pair: hands on what is held.
    ///
    /// # Errors
    /// Of whom it is handed on to.
    pub fn finish(&mut self, out: &mut FoldedOut<'_>) -> Result<(), RecordError> {
        let _ = out;
        todo!("mapreduce/combiner: nobody else will hand it on.")
    }
}

/// Looks whether a fold is what it has to be, on three values: whichever two meet first, and in whichever order, they have
/// to become the same. A fold that fails this gives other results with other splits, buffers and schedules. (Sums of
/// fractions fail in the last digit, which is true, and why this is only done when it is asked for.)
///
/// # Errors
/// Where it is not.
pub fn check_fold(fold: &dyn RawFold, values: [&[u8]; 3]) -> Result<(), RecordError> {
    let two = |left: &[u8], right: &[u8]| {
        let mut out = Vec::new();
        fold.fold(left, right, &mut out).map(|()| out)
    };
    let [a, b, c] = values;
    let ab = two(a, b)?;
    if ab != two(b, a)? {
        return Err(RecordError::bad(
            "the fold depends on the order of its values: a with b is not b with a",
        ));
    }
    if two(&ab, c)? != two(a, &two(b, c)?)? {
        return Err(RecordError::bad(
            "the fold is not associative: (a with b) with c is not a with (b with c)",
        ));
    }
    Ok(())
}
