//! The look-up in two reads: an index on the top bits of the position.
//!
//! A binary search in 160,000 points takes 17 steps, and each is a read at an unforeseeable place and a branch that
//! goes either way. But positions are hashes, and hashes are spread evenly. So cut the circle into about as many equal
//! buckets as there are points; each holds one point on average. An array says for each bucket how many points stand
//! before it, and from there it is a step or two to the answer, most of the time in the same line of the cache.
//!
//! It is interpolation search with the first guess written down (Perl, Itai, Avni 1978, for uniform keys), and the same
//! array that a radix sort makes. It would be of no use for keys that are not spread evenly: [`crate::range`] searches
//! in the plain way.

use super::Point;

/// Finds a position's point among those from which it was made.
#[derive(Clone, Debug)]
pub struct Index {
    /// 64 less the number of bits that choose the bucket.
    shift: u32,
    /// For each bucket, how many points stand before its beginning.
    before: Vec<u32>,
}

impl Index {
    /// The index of these points, which stand by position.
    pub fn new(points: &[Point]) -> Index {
        // At least one bit: a shift by 64 is none.
        let bits = points.len().next_power_of_two().ilog2().max(1);
        let shift = u64::BITS - bits;
        let mut before = Vec::with_capacity(1 << bits);
        let mut count = 0;
        for bucket in 0..1u64 << bits {
            let rest = &points[count as usize..];
            count += rest
                .iter()
                .take_while(|point| point.position >> shift < bucket)
                .zip(1u32..)
                .last()
                .map_or(0, |(_, passed)| passed);
            before.push(count);
        }
        Index { shift, before }
    }

    /// The index of the first point at `position` or behind it, clockwise; none where there are no points.
    ///
    /// The same as [`super::lookup::owner`], which says whose it is.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "there are as many buckets as the list of them has entries"
    )]
    pub fn successor(&self, points: &[Point], position: u64) -> Option<usize> {
        let mut at = self.before[(position >> self.shift) as usize] as usize;
        while let Some(point) = points.get(at) {
            if point.position >= position {
                return Some(at);
            }
            at += 1;
        }
        // Behind the last point: around to the first.
        (!points.is_empty()).then_some(0)
    }

    /// The heap bytes that it takes.
    pub fn memory_bytes(&self) -> usize {
        self.before.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::partitioner::NodeId;

    fn ring(positions: &[u64]) -> Vec<Point> {
        let point = |(node, position): (u32, &u64)| Point {
            position: *position,
            node: NodeId(node),
        };
        let mut points: Vec<Point> = (0..).zip(positions).map(point).collect();
        points.sort();
        points
    }

    proptest! {
        /// Positions at the ends of the circle, in a clump, anywhere, the same twice.
        #[test]
        fn it_finds_what_a_plain_search_finds(
            positions in proptest::collection::vec(
                prop_oneof![Just(0), Just(u64::MAX), 0..40u64, any::<u64>()], 0..80),
            asked in prop_oneof![Just(0), Just(u64::MAX), 0..40u64, any::<u64>()],
        ) {
            let points = ring(&positions);
            let index = Index::new(&points);
            for position in positions.iter().copied().chain([asked]) {
                let first = points.partition_point(|point| point.position < position);
                let plain = (!points.is_empty()).then(|| first % points.len());
                prop_assert_eq!(index.successor(&points, position), plain);
            }
        }
    }
}
