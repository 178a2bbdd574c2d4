//! Merges sorted segments: in a map its spills, in a reduce what came from the maps. Of `k` segments, a tree of losers
//! finds the next pair with log₂ k comparisons; and values of a key stream from it, so that a group may be larger than
//! memory.

use std::cmp::Ordering;
use std::io;

use crate::buffer::prefix;
use crate::program::Pair;
use crate::segment::SegmentReader;

/// A segment that cannot be read: which one, by its place among the merged, and why.
#[derive(Debug)]
pub struct MergeError {
    /// Its place.
    pub source: usize,
    /// Why.
    pub error: io::Error,
}

/// Sorted segments as one.
pub struct Merge {
    readers: Vec<SegmentReader>,
    /// The first 8 bytes of the key at which each stands; nothing where it has ended.
    prefixes: Vec<Option<u64>>,
    tree: Vec<usize>,
    /// Whose pair is the present one; before the first, nobody's.
    winner: Option<usize>,
}

impl Merge {
    /// Of these segments, each sorted by key. Pairs of one key come in the order of the segments.
    ///
    /// # Errors
    /// Where one cannot be read.
    pub fn new(mut readers: Vec<SegmentReader>) -> Result<Merge, MergeError> {
        let mut prefixes = Vec::with_capacity(readers.len());
        for (source, reader) in readers.iter_mut().enumerate() {
            let is_there = (reader.advance()).map_err(|error| MergeError { source, error })?;
            prefixes.push(is_there.then(|| prefix(reader.current().0)));
        }
        Ok(Merge {
            readers,
            prefixes,
            tree: Vec::new(),
            winner: None,
        })
    }

    /// Goes on to the next pair; false where there is none.
    ///
    /// # Errors
    /// Where a segment cannot be read.
    pub fn advance(&mut self) -> Result<bool, MergeError> {
        let count = self.readers.len();
        let winner = match self.winner {
            None if count == 0 => return Ok(false),
            None => {
                let beats = |a: usize, b: usize| beats(&self.readers, &self.prefixes, a, b);
                let (tree, winner) = build(count, &beats);
                self.tree = tree;
                winner
            }
            Some(source) if self.prefixes[source].is_none() => return Ok(false),
            Some(source) => {
                let reader = &mut self.readers[source];
                let is_there = (reader.advance()).map_err(|error| MergeError { source, error })?;
                self.prefixes[source] = is_there.then(|| prefix(reader.current().0));
                let beats = |a: usize, b: usize| beats(&self.readers, &self.prefixes, a, b);
                replay(&mut self.tree, source, &beats)
            }
        };
        self.winner = Some(winner);
        Ok(self.prefixes[winner].is_some())
    }

    /// The pair that it stands at. Before the first and behind the last one, nothing in particular.
    pub fn current(&self) -> Pair<'_> {
        self.winner
            .map_or((&[], &[]), |winner| self.readers[winner].current())
    }
}

/// Whether `a`'s pair comes before `b`'s. Who has ended comes last; of equal keys, the earlier segment's comes first.
fn beats(readers: &[SegmentReader], prefixes: &[Option<u64>], a: usize, b: usize) -> bool {
    match (prefixes[a], prefixes[b]) {
        (None, _) => false,
        (_, None) => true,
        (Some(first), Some(second)) => {
            let keys = || readers[a].current().0.cmp(readers[b].current().0);
            first.cmp(&second).then_with(keys).then(a.cmp(&b)) == Ordering::Less
        }
    }
}

/// A tree of losers over `count` players, of whom there is at least one; and who won.
///
/// Player `p` is the leaf `count + p`; the parent of node `n` is `n / 2`, and node 1 is the root. Each inner node, from 1 to
/// `count - 1`, holds the loser of the match that was played there, and the tree has `count` nodes: node 0 is not used. Each match is played once, so
/// `beats` is asked `count - 1` times.
pub fn build(count: usize, beats: &dyn Fn(usize, usize) -> bool) -> (Vec<usize>, usize) {
    let _ = (count, beats);
    todo!(
        "mapreduce/merge: play all matches from the leaves up; losers stay where they lost, winners go on."
    )
}

/// Who wins, after the player who won has become another. Only the matches on his way to the root are played again.
pub fn replay(tree: &mut [usize], player: usize, beats: &dyn Fn(usize, usize) -> bool) -> usize {
    let _ = (tree, player, beats);
    todo!(
        "mapreduce/merge: on the way to the root, play against who lost there before; who loses stays."
    )
}
