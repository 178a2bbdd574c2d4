//! Bounded loads: placing keys, and filling holes.

use std::collections::BTreeSet;

use autograder::{Test, tests};
use consistent_hash::NodeId;
use consistent_hash::bounded::{Bin, Placed, home, place, refill};
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    a_key_goes_home_while_there_is_room,
    a_key_passes_bins_that_are_full,
    the_way_goes_around_the_end,
    where_all_are_full_nothing_is_placed,
    a_hole_that_nobody_has_passed_stays,
    who_has_passed_the_hole_comes_back,
    the_hole_that_is_left_behind_is_filled_as_well,
    who_has_passed_may_be_far_behind,
    filling_goes_around_the_end,
    a_key_passes_full_bins_only_in_any_case,
];

/// A bin at a position, of a capacity, with keys of these positions. A key's name is its position.
fn bin(position: u64, capacity: usize, keys: &[u64]) -> Bin {
    Bin {
        position,
        node: NodeId(u32::try_from(position).unwrap()),
        capacity,
        keys: keys.iter().map(|position| key(*position)).collect(),
    }
}

fn key(position: u64) -> Placed {
    Placed {
        position,
        key: position.to_string().into_bytes(),
    }
}

/// The positions of the keys in each bin.
fn held(bins: &[Bin]) -> Vec<Vec<u64>> {
    let keys = |bin: &Bin| bin.keys.iter().map(|key| key.position).collect();
    bins.iter().map(keys).collect()
}

fn a_key_goes_home_while_there_is_room() {
    let mut bins = [bin(100, 2, &[50]), bin(200, 2, &[])];
    assert_eq!(
        place(&mut bins, 0, &key(60)),
        Some(0),
        "the bin at 100 has one key of two"
    );
    assert_eq!(
        held(&bins),
        [vec![50, 60], vec![]],
        "that is where the key should be"
    );
    assert_eq!(
        place(&mut bins, 1, &key(150)),
        Some(1),
        "it begins at the second bin, which is empty"
    );
}

fn a_key_passes_bins_that_are_full() {
    let mut bins = [
        bin(100, 1, &[50]),
        bin(200, 1, &[150]),
        bin(300, 1, &[]),
        bin(400, 1, &[]),
    ];
    assert_eq!(
        place(&mut bins, 0, &key(60)),
        Some(2),
        "the first two bins are full, the third is not"
    );
    assert_eq!(held(&bins), [vec![50], vec![150], vec![60], vec![]]);
}

fn the_way_goes_around_the_end() {
    let mut bins = [bin(100, 2, &[50]), bin(200, 1, &[]), bin(300, 1, &[250])];
    assert_eq!(
        place(&mut bins, 2, &key(260)),
        Some(0),
        "behind the last bin is the first, which has room"
    );
    assert_eq!(held(&bins), [vec![50, 260], vec![], vec![250]]);
}

fn where_all_are_full_nothing_is_placed() {
    let mut bins = [bin(100, 1, &[50]), bin(200, 1, &[150])];
    let before = held(&bins);
    assert_eq!(place(&mut bins, 1, &key(160)), None, "both bins are full");
    assert_eq!(held(&bins), before, "nothing should have changed");
    assert_eq!(place(&mut [], 0, &key(160)), None, "there are no bins");
}

fn a_hole_that_nobody_has_passed_stays() {
    // Both are where they should be.
    let mut bins = [bin(100, 1, &[]), bin(200, 1, &[150]), bin(300, 1, &[250])];
    let before = held(&bins);
    assert_eq!(
        refill(&mut bins, 0),
        0,
        "the keys at 150 and 250 are at home; none has passed the hole"
    );
    assert_eq!(held(&bins), before, "nothing should have changed");
    // And with room in all bins.
    let mut bins = [bin(100, 2, &[50]), bin(200, 2, &[150])];
    assert_eq!(refill(&mut bins, 1), 0, "nobody has passed anything");
    let mut bins = [bin(100, 2, &[50])];
    assert_eq!(refill(&mut bins, 0), 0, "there is one bin only");
}

fn who_has_passed_the_hole_comes_back() {
    // The key at 60 was too many for the first bin.
    let mut bins = [bin(100, 1, &[]), bin(200, 2, &[60, 150])];
    assert_eq!(refill(&mut bins, 0), 1, "one key moves");
    assert_eq!(
        held(&bins),
        [vec![60], vec![150]],
        "the key at 60 has passed the bin at 100, which was full, and has room now; the key at 150 is at home"
    );
}

fn the_hole_that_is_left_behind_is_filled_as_well() {
    let mut bins = [
        bin(100, 1, &[]),
        bin(200, 1, &[60]),
        bin(300, 1, &[150]),
        bin(400, 1, &[250]),
    ];
    assert_eq!(
        refill(&mut bins, 0),
        3,
        "three keys move, one behind the other"
    );
    assert_eq!(held(&bins), [vec![60], vec![150], vec![250], vec![]]);
}

fn who_has_passed_may_be_far_behind() {
    // The second bin is full with a key of its own; the key at 60 has passed it, too.
    let mut bins = [
        bin(100, 1, &[]),
        bin(200, 1, &[150]),
        bin(300, 3, &[60, 250]),
    ];
    assert_eq!(
        refill(&mut bins, 0),
        1,
        "the key at 60 has passed the bins at 100 and 200"
    );
    assert_eq!(
        held(&bins),
        [vec![60], vec![150], vec![250]],
        "the bin at 200 is full, so a key that has passed the hole may be behind it; the one at 300 is not full"
    );
}

fn filling_goes_around_the_end() {
    let mut bins = [bin(100, 1, &[250]), bin(200, 1, &[50]), bin(300, 1, &[])];
    assert_eq!(
        refill(&mut bins, 2),
        2,
        "the key at 250 has passed the end, and that at 50 had to pass it"
    );
    assert_eq!(held(&bins), [vec![50], vec![], vec![250]]);
}

/// What is wrong with the bins: a load over the capacity, or a key that has passed a bin with room.
fn check(bins: &[Bin]) -> Result<(), String> {
    for (at, bin) in bins.iter().enumerate() {
        if bin.keys.len() > bin.capacity {
            return Err(format!(
                "the bin at {} has more keys than its capacity",
                bin.position
            ));
        }
        for key in &bin.keys {
            let home = home(bins, key.position);
            let way = (home..bins.len()).chain(0..home).take_while(|by| *by != at);
            if let Some(by) = way.map(|by| &bins[by]).find(|by| !by.is_full()) {
                return Err(format!(
                    "the key at {} is in the bin at {}, and has passed the one at {}, which has room",
                    key.position, bin.position, by.position
                ));
            }
        }
    }
    Ok(())
}

fn shown(bins: &[Bin]) -> String {
    let one = |bin: &Bin| {
        let keys: Vec<u64> = bin.keys.iter().map(|key| key.position).collect();
        format!(
            "\n  at {}, capacity {}: {keys:?}",
            bin.position, bin.capacity
        )
    };
    bins.iter().map(one).collect()
}

proptest! {
    #![proptest_config(autograder::property(256))]

    fn a_key_passes_full_bins_only_in_any_case(
        capacities in prop::collection::vec(0..4usize, 2..7),
        keys in prop::collection::btree_set(0..700u64, 1..18),
        gone in prop::collection::vec(any::<prop::sample::Index>(), 1..5),
    ) {
        let mut bins: Vec<Bin> =
            (1..).map(|i| i * 100).zip(capacities).map(|(at, capacity)| bin(at, capacity, &[])).collect();
        let mut all = BTreeSet::new();
        for position in keys {
            let home = home(&bins, position);
            let room = bins.iter().any(|bin| !bin.is_full());
            let placed = place(&mut bins, home, &key(position));
            prop_assert_eq!(placed.is_some(), room, "{} in{}", position, shown(&bins));
            if let Some(at) = placed {
                prop_assert!(bins[at].keys.contains(&key(position)), "{} should be in bin {}", position, at);
                all.insert(position);
            }
            let checked = check(&bins);
            prop_assert!(checked.is_ok(), "{}:{}", checked.unwrap_err(), shown(&bins));
        }
        for which in gone {
            let Some(position) = all.iter().copied().nth(which.index(all.len().max(1))) else {
                break;
            };
            all.remove(&position);
            let at = bins.iter().position(|bin| bin.keys.contains(&key(position))).unwrap();
            bins[at].keys.remove(&key(position));
            let before = bins.clone();
            let moved = refill(&mut bins, at);
            let checked = check(&bins);
            prop_assert!(
                checked.is_ok(),
                "{}; the hole was in the bin at {}, before:{}\nafter:{}",
                checked.unwrap_err(), bins[at].position, shown(&before), shown(&bins)
            );
            let left: BTreeSet<u64> = held(&bins).concat().into_iter().collect();
            prop_assert_eq!(&left, &all, "no key should be lost, and none should be there twice");
            let came = bins.iter().zip(&before).map(|(new, old)| new.keys.difference(&old.keys).count());
            prop_assert_eq!(moved, came.sum::<usize>(), "how many keys were moved");
        }
    }
}
