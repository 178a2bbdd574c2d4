//! The points in a table in which a position itself says where to look: a look-up takes two reads, and who comes or goes
//! touches few points but its own.
//!
//! A binary search in 160,000 points takes 17 steps, each of them a read at an unforeseeable place; and one point more
//! in the middle of a list moves half of the list. But positions are hashes, and hashes are spread evenly. So spread the
//! list out over a table with some more places than points, each point at the place that is to the whole table as its
//! position is to the circle: its *home*. Where that is taken, the later one goes on to the next. So all stand in order
//! still, each at its home or a few places behind it: an ordered hash table (Amble, Knuth 1974) with linear probing.
//!
//! How many places are taken by points of earlier homes is written down for each home: a look-up begins behind these, and
//! finds what it looks for at once or one step on. A free place holds a copy of the next point behind it, as in
//! the learned index ALEX (Ding et al., SIGMOD 2020). So the table is a sorted list as well, in which a point may stand
//! several times in a row, and who reads it need not know which places are free.
//!
//! It would be of no use for keys that are not spread evenly: [`crate::range`] searches in the plain way.

use super::Point;

/// Points by position, such that they are quickly found, added and removed.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// As many as the last point needs.
    places: Vec<Point>,
    /// For each home, how many places there, from it on, points of earlier homes have taken. At most: a byte has an end,
    /// and then the rest of the way is walked.
    passed: Vec<u8>,
    points: usize,
}

impl Table {
    /// The points in order, each once or several times in a row.
    pub fn places(&self) -> &[Point] {
        &self.places
    }

    /// The points in order, each once.
    pub fn points(&self) -> impl Iterator<Item = Point> {
        let places = self.places.iter().enumerate();
        let taken = places.filter(|(at, _)| !self.is_free(*at));
        taken.map(|(_, point)| *point)
    }

    /// The two neighbours between which a position lies, or the first point alone, around the end; none where there are no points.
    /// [`super::lookup::owner`] says which of them it belongs to.
    #[inline]
    pub fn near(&self, position: u64) -> &[Point] {
        match self.successor(position) {
            Some(at) => &self.places[at.saturating_sub(1)..=at],
            None => &[],
        }
    }

    /// The index in [`Table::places`] of the first point at `position` or behind it, clockwise; none where there are no
    /// points.
    #[inline]
    pub fn successor(&self, position: u64) -> Option<usize> {
        let home = self.home(position);
        let mut at = home + usize::from(*self.passed.get(home)?);
        while let Some(point) = self.places.get(at) {
            if point.position >= position {
                return Some(at);
            }
            at += 1;
        }
        // Behind the last point: around to the first.
        (!self.places.is_empty()).then_some(0)
    }

    /// Points come. Those that are there already are not there twice.
    pub fn insert(&mut self, mut new: Vec<Point>) {
        let points = self.points + new.len();
        // In a fuller table many would stand far from home.
        if points * 16 > self.passed.len() * 15 {
            self.spread(points);
        }
        // In order, since neighbours are in the same line of a cache.
        new.sort_unstable();
        for point in new {
            self.insert_one(point);
        }
    }

    fn insert_one(&mut self, point: Point) {
        let (home, end) = (self.home(point.position), self.places.len());
        let at = self.find(point);
        if self.places.get(at) == Some(&point) {
            return;
        }
        // Those from there to the next free place go one place on.
        let free = (at..end).find(|at| self.is_free(*at));
        let free = free.unwrap_or(end.max(home));
        if free >= end {
            // Exactly: as a rule nothing more comes for a long time.
            self.places.reserve_exact(free + 1 - end);
            self.places.resize(free + 1, point);
        }
        self.places.copy_within(at..free, at + 1);
        self.places[at] = point;
        self.fill_before(at);
        for passed in self.passed.iter_mut().take(free + 1).skip(home + 1) {
            *passed = passed.saturating_add(1);
        }
        self.points += 1;
    }

    /// A point goes, if it is there.
    pub fn remove(&mut self, point: Point) {
        let at = self.find(point);
        if self.places.get(at) != Some(&point) {
            return;
        }
        // Those behind it that are not at home come one place nearer.
        let is_home = |at: &usize| self.home(self.places[*at].position) >= *at;
        let next = (at + 1..self.places.len()).find(is_home);
        let next = next.unwrap_or(self.places.len());
        self.places.copy_within(at + 1..next, at);
        match self.places.get(next) {
            Some(behind) => self.places[next - 1] = *behind,
            None => self.places.truncate(next - 1),
        }
        self.fill_before(at);
        while (self.places.len().checked_sub(1)).is_some_and(|last| self.is_free(last)) {
            self.places.pop();
        }
        let home = self.home(point.position);
        for passed in self.passed.iter_mut().take(next).skip(home + 1) {
            *passed = passed.saturating_sub(1);
        }
        self.points -= 1;
        if self.points * 4 < self.passed.len() {
            self.spread(self.points);
        }
    }

    /// The heap bytes that it takes.
    pub fn memory_bytes(&self) -> usize {
        self.places.capacity() * size_of::<Point>() + self.passed.capacity()
    }

    /// Where a point of this position stands if it can.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the product's high half is below the number of homes"
    )]
    fn home(&self, position: u64) -> usize {
        ((u128::from(position) * self.passed.len() as u128) >> 64) as usize
    }

    /// Whether a copy stands there: a point itself stands at its home or behind it.
    fn is_free(&self, at: usize) -> bool {
        self.home(self.places[at].position) > at
    }

    /// The index of the point, or of the first behind it; or the end.
    fn find(&self, point: Point) -> usize {
        let home = self.home(point.position);
        let passed = self.passed.get(home).copied().unwrap_or(0);
        let from = (home + usize::from(passed)).min(self.places.len());
        let before = self.places[from..]
            .iter()
            .take_while(|known| **known < point);
        from + before.count()
    }

    /// Copies what stands at `at` to the free places before it.
    fn fill_before(&mut self, at: usize) {
        if let Some(point) = self.places.get(at).copied() {
            let free = (0..at).rev().take_while(|at| self.is_free(*at)).count();
            self.places[at - free..at].fill(point);
        }
    }

    /// Makes the table anew, with homes for so many points and a sixth more.
    fn spread(&mut self, points: usize) {
        let homes = points + points.div_ceil(6);
        let spread = Table {
            places: Vec::with_capacity(homes),
            passed: vec![0; homes],
            points: 0,
        };
        for point in std::mem::replace(self, spread).points() {
            self.insert_one(point);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::lookup::owner;
    use super::*;
    use crate::partitioner::NodeId;

    /// Positions at the ends of the circle, in a clump, anywhere.
    fn position() -> impl Strategy<Value = u64> {
        prop_oneof![
            Just(0),
            Just(u64::MAX),
            0..40u64,
            u64::MAX - 40..,
            any::<u64>()
        ]
    }

    fn point() -> impl Strategy<Value = Point> {
        (position(), 0..4u32).prop_map(|(position, node)| Point {
            position,
            node: NodeId(node),
        })
    }

    /// What it says of the positions next to all points must be what a plain search in a sorted list says.
    fn check(table: &Table, points: &BTreeSet<Point>, asked: u64) -> Result<(), TestCaseError> {
        let sorted: Vec<Point> = points.iter().copied().collect();
        prop_assert_eq!(table.points().collect::<Vec<_>>(), sorted.clone());
        prop_assert!(table.places().is_sorted());
        let positions = points.iter().map(|point| point.position);
        let around = positions.flat_map(|at| [at.wrapping_sub(1), at, at.wrapping_add(1)]);
        for position in around.chain([asked]) {
            let first = sorted.partition_point(|point| point.position < position);
            let plain = sorted.get(first).or(sorted.first()).copied();
            let found = table.successor(position).map(|at| table.places()[at]);
            prop_assert_eq!(found, plain, "at {}", position);
            let owner = owner(table.near(position), position);
            prop_assert_eq!(owner, plain.map(|point| point.node), "near {}", position);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn it_finds_what_a_plain_search_finds_whatever_has_come_and_gone(
            steps in prop::collection::vec(
                (any::<bool>(), prop::collection::vec(point(), 0..60)), 1..8),
            asked in position(),
        ) {
            let (mut table, mut points) = (Table::default(), BTreeSet::new());
            for (come, these) in steps {
                if come {
                    points.extend(these.iter().copied());
                    table.insert(these);
                } else {
                    // Some that are there, and some that are not.
                    let gone = points.iter().copied().step_by(2).chain(these);
                    for point in gone.collect::<Vec<_>>() {
                        points.remove(&point);
                        table.remove(point);
                    }
                }
                check(&table, &points, asked)?;
            }
        }
    }

    /// More points at one home than a byte counts; a seed that does this is not to be found, but it may not be wrong either.
    #[test]
    fn a_crowd_at_one_home_is_found_and_leaves() {
        let crowd = |from, n| {
            (from..from + n).map(|position| Point {
                position,
                node: NodeId(1),
            })
        };
        let mut points: BTreeSet<Point> = crowd(0, 700).chain(crowd(1 << 54, 50)).collect();
        let mut table = Table::default();
        table.insert(points.iter().copied().collect());
        check(&table, &points, 1 << 60).unwrap();
        for point in crowd(100, 500) {
            points.remove(&point);
            table.remove(point);
        }
        check(&table, &points, 1 << 60).unwrap();
    }

    /// What it is there for: at ten times the size a point stands as near to its home. Counted in places, not in time.
    #[test]
    fn points_stand_near_their_homes() {
        let point = |i| Point {
            position: hash_of(i),
            node: NodeId(1),
        };
        let mut table = Table::default();
        table.insert((0..20_000).map(point).collect());
        for i in 20_000..60_000 {
            table.insert(vec![point(i)]);
        }
        let walk = |at: usize| at - table.home(table.places[at].position);
        let taken = (0..table.places.len()).filter(|at| !table.is_free(*at));
        let ways: Vec<usize> = taken.map(walk).collect();
        let mean = ways.iter().sum::<usize>() as f64 / ways.len() as f64;
        // Knuth, TAOCP 3, 6.4: (1 / (1 − α) − 1) / 2 on average, here for α up to 15/16.
        assert!(mean < 8.0, "{mean}");
        assert!(
            table.memory_bytes() < 21 * 60_000,
            "{}",
            table.memory_bytes()
        );
        // And what has become small takes little.
        for i in 1_000..60_000 {
            table.remove(point(i));
        }
        assert!(
            table.memory_bytes() < 90 * 1_000,
            "{}",
            table.memory_bytes()
        );
    }

    fn hash_of(i: u64) -> u64 {
        crate::hash::mix(i, 0x9e37_79b9_7f4a_7c15)
    }
}
