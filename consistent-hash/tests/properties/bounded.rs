//! Bounded loads: never over ⌈(1 + ε) m / n⌉, and a key passes full nodes only.

use std::collections::BTreeSet;

use consistent_hash::bounded::{Bin, home};
use consistent_hash::{Bounded, Node, NodeId, Partitioner, hash};
use proptest::prelude::*;

use crate::strategies::nodes;

/// Fails where a bin has more than `bound`, or a key has passed a bin that is not full.
fn check(bins: &[Bin], bound: usize) -> Result<(), String> {
    for (at, bin) in bins.iter().enumerate() {
        let load = bin.keys.len();
        if load > bound {
            return Err(format!(
                "{} has {load} keys, and the bound is {bound}",
                bin.node
            ));
        }
        for key in &bin.keys {
            let home = home(bins, key.position);
            let way = (home..bins.len()).chain(0..home).take_while(|by| *by != at);
            for by in way.map(|by| &bins[by]) {
                if !by.is_full() {
                    let (node, passed) = (bin.node, by.node);
                    return Err(format!(
                        "{:?} is with {node}, and has passed {passed}, which has room",
                        key.key
                    ));
                }
            }
        }
    }
    Ok(())
}

#[test]
fn the_checker_sees_a_load_too_high_and_a_key_too_far() {
    let mut bounded = Bounded::new(0, 1);
    bounded.add_all(&nodes(4)).unwrap();
    for i in 0..20_u8 {
        bounded.insert(&[i]);
    }
    let good = bounded.bins().to_vec();
    assert_eq!(check(&good, 5), Ok(()));
    assert!(check(&good, 4).unwrap_err().contains("the bound is 4"));
    // A hole that nobody has filled.
    let far = |bins: &[Bin]| check(bins, 5).is_err_and(|error| error.contains("has room"));
    let holes = (0..4).filter(|hole| {
        let mut bad = good.clone();
        bad[*hole].keys.pop_first();
        far(&bad)
    });
    assert!(
        holes.count() > 0,
        "of twenty keys on four nodes, some have passed one"
    );
}

/// What happens to a cluster.
#[derive(Clone, Debug)]
enum Step {
    Insert(u8),
    Remove(u8),
    Come(u32),
    /// Both, or neither.
    ComeTogether(u32, u32),
    Go(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => any::<u8>().prop_map(Step::Insert),
        4 => any::<u8>().prop_map(Step::Remove),
        1 => (0..9u32).prop_map(Step::Come),
        1 => (0..9u32, 0..9u32).prop_map(|(one, other)| Step::ComeTogether(one, other)),
        1 => (0..9u32).prop_map(Step::Go),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_load_is_over_the_bound_and_no_key_too_far(
        steps in prop::collection::vec(step(), 1..120),
        slack in prop_oneof![Just(0), Just(1), Just(25), Just(100), 0..300u32],
        seed: u64,
    ) {
        let mut bounded = Bounded::new(slack, seed);
        let mut held = BTreeSet::new();
        bounded.add(Node::new(100)).unwrap();
        for step in steps {
            match step {
                Step::Insert(key) => {
                    let node = bounded.insert(&[key]);
                    prop_assert_eq!(bounded.locate(&[key]), node);
                    held.insert(key);
                }
                Step::Remove(key) => {
                    let was = held.remove(&key);
                    prop_assert_eq!(bounded.remove_key(&[key]).is_some(), was);
                }
                Step::Come(id) => drop(bounded.add(Node::new(id))),
                Step::ComeTogether(one, other) => {
                    drop(bounded.add_all(&[Node::new(one), Node::new(other)]));
                }
                Step::Go(id) => drop(bounded.remove(NodeId(id))),
            }
            let (m, n) = (held.len(), bounded.nodes().len());
            let bound = (m * (100 + slack as usize)).div_ceil(100 * n);
            let checked = check(bounded.bins(), bound);
            prop_assert!(checked.is_ok(), "{:?}", checked);
            prop_assert_eq!((bounded.len(), bounded.bound()), (m, bound));
            for key in &held {
                let node = bounded.locate(&[*key]);
                let holds = |bin: &&Bin| bin.keys.iter().any(|placed| placed.key == [*key]);
                prop_assert_eq!(bounded.bins().iter().find(holds).map(|bin| bin.node), node);
            }
        }
    }
}

/// The paper's theorem 3: a key that comes or goes moves O(1/ε²) others, whatever m and n are. Here, with the constant 2.
#[test]
fn few_keys_move_for_one_that_comes_or_goes() {
    for (slack, n) in [(25, 10), (25, 100), (50, 100), (100, 100), (100, 400)] {
        let mut bounded = Bounded::new(slack, 3);
        bounded.add_all(&nodes(n)).unwrap();
        for i in 0..4_000_u32 {
            bounded.insert(&i.to_le_bytes());
        }
        let before = bounded.moved();
        for i in 0..1_000_u32 {
            bounded.remove_key(&i.to_le_bytes());
            bounded.insert(&(i + 10_000).to_le_bytes());
        }
        let each = (bounded.moved() - before) as f64 / 2_000.0;
        let epsilon = f64::from(slack) / 100.0;
        assert!(
            each <= 2.0 / (epsilon * epsilon),
            "ε = {epsilon}, {n} nodes: {each} for each change"
        );
    }
}

/// Where there are more nodes than keys, each may hold one all the same.
#[test]
fn a_lone_key_is_at_home() {
    for seed in 0..50 {
        let mut bounded = Bounded::new(0, seed);
        bounded.add_all(&nodes(9)).unwrap();
        bounded.insert(b"key");
        let bins = bounded.bins();
        let home = &bins[home(bins, hash::key(seed, b"key"))];
        assert_eq!(home.keys.len(), 1, "seed {seed}: {bins:?}");
    }
}

#[test]
fn a_key_that_is_not_held_is_looked_for_where_it_would_be_put() {
    let (seed, nodes_max) = (3, 8);
    let mut bounded = Bounded::new(5, seed);
    bounded.add_all(&nodes(nodes_max)).unwrap();
    for i in 0..200_u32 {
        bounded.insert(&i.to_le_bytes());
    }
    let bins = bounded.bins();
    let mut passed = 0;
    for i in 1_000..1_200_u32 {
        let key = i.to_le_bytes();
        let home = home(bins, hash::key(seed, &key));
        let mut way = (home..bins.len()).chain(0..home);
        let room = way.find(|at| !bins[*at].is_full()).unwrap();
        assert_eq!(bounded.locate(&key), Some(bins[room].node), "key {i}");
        passed += usize::from(room != home);
    }
    assert!(passed > 0, "some pass a full node");
}
