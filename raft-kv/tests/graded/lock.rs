//! The lock recipe: one holder, in the order of coming, and no herd.

use std::collections::BTreeMap;

use autograder::{Test, seeds, tests};
use node::Rng;
use raft_kv::lock::{Contender, Turn, turn};

pub(crate) const TESTS: &[Test] = tests![
    who_is_alone_holds_it,
    who_came_first_holds_it,
    the_order_is_that_of_revisions,
    everyone_waits_for_the_one_right_before_him,
    who_has_lost_his_key_holds_nothing,
    a_name_used_again_is_another_ones,
    at_most_one_holds_it_and_a_release_wakes_one,
];

fn contender(key: &str, created: i64) -> Contender {
    Contender {
        key: key.to_owned(),
        created,
    }
}

fn wait_for(key: &str) -> Turn {
    Turn::WaitFor(key.to_owned())
}

fn who_is_alone_holds_it() {
    let mine = contender("l/a", 7);
    assert_eq!(
        turn(std::slice::from_ref(&mine), &mine),
        Turn::Held,
        "nobody came before"
    );
}

fn who_came_first_holds_it() {
    let all = [contender("l/a", 5), contender("l/b", 8)];
    assert_eq!(turn(&all, &all[0]), Turn::Held, "5 is before 8");
    assert_eq!(turn(&all, &all[1]), wait_for("l/a"), "8 is after 5");
}

fn the_order_is_that_of_revisions() {
    let all = [
        contender("l/a", 9),
        contender("l/b", 12),
        contender("l/c", 4),
    ];
    assert_eq!(
        turn(&all, &all[2]),
        Turn::Held,
        "neither the name nor the place in the list counts"
    );
    assert_eq!(turn(&all, &all[0]), wait_for("l/c"), "4 is before 9");
}

fn everyone_waits_for_the_one_right_before_him() {
    let all = [
        contender("l/a", 2),
        contender("l/d", 6),
        contender("l/b", 4),
        contender("l/c", 10),
    ];
    assert_eq!(turn(&all, &all[3]), wait_for("l/d"), "6 is right before 10");
    assert_eq!(turn(&all, &all[1]), wait_for("l/b"), "4 is right before 6");
    assert_eq!(turn(&all, &all[2]), wait_for("l/a"), "2 is right before 4");
}

fn who_has_lost_his_key_holds_nothing() {
    let mine = contender("l/a", 3);
    assert_eq!(turn(&[], &mine), Turn::Lost, "the lease ran out");
    assert_eq!(
        turn(&[contender("l/b", 9)], &mine),
        Turn::Lost,
        "though everyone else came later"
    );
    assert_eq!(
        turn(&[contender("l/b", 2)], &mine),
        Turn::Lost,
        "there is nothing to wait for either"
    );
}

fn a_name_used_again_is_another_ones() {
    let now = [contender("l/a", 11)];
    assert_eq!(
        turn(&now, &contender("l/a", 3)),
        Turn::Lost,
        "that key came to be in revision 11"
    );
    assert_eq!(
        turn(&now, &now[0]),
        Turn::Held,
        "and its owner holds the lock"
    );
}

/// Clients come, go and die in any order.
fn at_most_one_holds_it_and_a_release_wakes_one() {
    for seed in seeds(10) {
        let rng = &mut Rng::new(seed);
        let mut queue: BTreeMap<i64, String> = BTreeMap::new();
        for revision in 1..60 {
            if rng.percent(60) || queue.is_empty() {
                queue.insert(revision, format!("l/{}", rng.below(1 << 40)));
            } else {
                let place = rng.index(queue.len());
                let gone = *queue.keys().nth(place).unwrap();
                let key = queue.remove(&gone).unwrap();
                check(rng, &queue, Some(&key));
            }
            check(rng, &queue, None);
        }
    }
}

/// One holder, the first; and whom each deletion would wake.
fn check(rng: &mut Rng, queue: &BTreeMap<i64, String>, gone: Option<&String>) {
    let mut all: Vec<Contender> = queue
        .iter()
        .map(|(created, key)| contender(key, *created))
        .collect();
    rng.shuffle(&mut all);
    let turns: Vec<Turn> = all.iter().map(|mine| turn(&all, mine)).collect();
    let held = turns.iter().filter(|turn| **turn == Turn::Held).count();
    assert_eq!(
        held,
        queue.len().min(1),
        "so many hold the lock, of {all:?}"
    );
    let mut waited_for: Vec<&String> = Vec::new();
    for turn in &turns {
        if let Turn::WaitFor(key) = turn {
            assert!(Some(key) != gone, "{key} is gone already, of {all:?}");
            waited_for.push(key);
        }
    }
    let count = waited_for.len();
    waited_for.sort_unstable();
    waited_for.dedup();
    assert_eq!(
        waited_for.len(),
        count,
        "two wait for the same key, of {all:?}"
    );
    assert_eq!(
        count + held,
        all.len(),
        "everybody holds or waits, of {all:?}"
    );
}
