//! Siblings: no concurrent write is dropped, nothing overwritten comes back, and there are never too many.

use std::collections::BTreeSet;

use autograder::{Test, tests};
use proptest::prelude::*;
use vector_clocks::dotted::Siblings;
use vector_clocks::version_vector::{Dot, VersionVector};

pub(crate) const TESTS: &[Test] = tests![
    a_first_write_is_read,
    what_the_writer_has_read_is_replaced,
    what_the_writer_has_not_read_stays,
    two_who_have_read_the_same_are_siblings,
    every_write_has_a_dot_of_its_own,
    a_context_from_elsewhere_counts_as_seen,
    a_delete_takes_what_was_read,
    concurrent_writes_of_two_replicas_stay,
    what_the_other_side_has_overwritten_goes,
    an_old_state_brings_nothing_back,
    what_was_deleted_does_not_come_back,
    merging_twice_changes_nothing,
    two_who_write_in_turn_do_not_pile_up,
    it_is_what_histories_say,
];

type Key = Siblings<char, &'static str>;

fn version(counts: &[(char, u64)]) -> VersionVector<char> {
    counts.iter().copied().collect()
}

/// A state made by hand: these counts were seen, and these dots have these values.
fn state(seen: &[(char, u64)], values: &[(char, u64, &'static str)]) -> Key {
    let value =
        |&(replica, counter, value): &(char, u64, &'static str)| (Dot { replica, counter }, value);
    Siblings {
        seen: version(seen),
        values: values.iter().map(value).collect(),
    }
}

/// Whether all these writes, and those before them, were seen.
fn has_seen(key: &Key, counts: &[(char, u64)]) -> bool {
    counts
        .iter()
        .all(|(replica, count)| key.seen.get(replica) >= *count)
}

fn values(key: &Key) -> Vec<&'static str> {
    let mut values = key.read().0;
    values.sort_unstable();
    values
}

fn merged(one: &Key, other: &Key) -> Key {
    let mut merged = one.clone();
    merged.merge(other);
    merged
}

fn a_first_write_is_read() {
    let mut key = Key::new();
    let dot = key.write(&'a', &VersionVector::new(), "milk");
    assert_eq!(values(&key), ["milk"], "what was written is read");
    let (replica, counter) = ('a', 1);
    assert_eq!(dot, Dot { replica, counter }, "it is a's first write");
    assert!(
        key.seen.contains(&dot),
        "the write has been seen; seen is {}",
        key.seen
    );
}

fn what_the_writer_has_read_is_replaced() {
    let mut key = state(&[('a', 3), ('b', 2)], &[('a', 3, "milk"), ('b', 2, "eggs")]);
    let context = key.read().1;
    key.write(&'a', &context, "milk, eggs");
    assert_eq!(
        values(&key),
        ["milk, eggs"],
        "the client has read both values and writes one instead"
    );
}

fn what_the_writer_has_not_read_stays() {
    let mut key = state(&[('a', 3), ('b', 2)], &[('a', 3, "milk"), ('b', 2, "eggs")]);
    key.write(&'a', &version(&[('a', 3)]), "milk, bread");
    assert_eq!(
        values(&key),
        ["eggs", "milk, bread"],
        "the client has read \"milk\" before \"eggs\" came; only \"milk\" is replaced"
    );
    let mut key = state(&[('a', 1)], &[('a', 1, "milk")]);
    key.write(&'a', &VersionVector::new(), "beer");
    assert_eq!(
        values(&key),
        ["beer", "milk"],
        "who has read nothing replaces nothing"
    );
}

fn two_who_have_read_the_same_are_siblings() {
    let mut key = state(&[('a', 1)], &[('a', 1, "milk")]);
    let (_, context) = key.read();
    key.write(&'a', &context, "milk, eggs");
    key.write(&'a', &context, "milk, bread");
    assert_eq!(
        values(&key),
        ["milk, bread", "milk, eggs"],
        "two clients have read \"milk\", and both write through replica a: neither knows of the other"
    );
}

fn every_write_has_a_dot_of_its_own() {
    let mut key = state(&[('a', 5), ('b', 9)], &[('b', 9, "milk")]);
    let context = version(&[('a', 7)]);
    let dots = [
        key.write(&'a', &context, "one"),
        key.write(&'a', &VersionVector::new(), "two"),
        key.write(&'b', &VersionVector::new(), "three"),
    ];
    let distinct: BTreeSet<&Dot<char>> = dots.iter().collect();
    assert_eq!(distinct.len(), 3, "two writes have the same dot: {dots:?}");
    assert!(
        dots[0].replica == 'a' && dots[0].counter > 7,
        "the client has seen a's seventh write, so this one is a later one of a's; its dot is {:?}",
        dots[0]
    );
    assert_eq!(
        values(&key),
        ["milk", "one", "three", "two"],
        "none of these has overwritten another one"
    );
}

fn a_context_from_elsewhere_counts_as_seen() {
    let mut key = Key::new();
    key.write(&'a', &version(&[('b', 2)]), "milk, eggs");
    assert!(
        has_seen(&key, &[('b', 2)]),
        "the client has read b's second write, which is replaced; seen is {}",
        key.seen
    );
    key.merge(&state(&[('b', 2)], &[('b', 2, "milk")]));
    assert_eq!(
        values(&key),
        ["milk, eggs"],
        "when b's state arrives, what the client had read there does not come back"
    );
}

fn a_delete_takes_what_was_read() {
    let mut key = state(&[('a', 3), ('b', 2)], &[('a', 3, "milk"), ('b', 2, "eggs")]);
    key.delete(&version(&[('a', 3), ('c', 1)]));
    assert_eq!(
        values(&key),
        ["eggs"],
        "\"milk\" was read and deleted; \"eggs\" was not read"
    );
    assert!(
        has_seen(&key, &[('a', 3), ('b', 2), ('c', 1)]),
        "what was seen stays seen, and what the client has read elsewhere is seen too; seen is {}",
        key.seen
    );
}

fn concurrent_writes_of_two_replicas_stay() {
    let here = state(&[('a', 2)], &[('a', 2, "bread")]);
    let there = state(&[('a', 1), ('b', 1)], &[('b', 1, "eggs")]);
    for both in [merged(&here, &there), merged(&there, &here)] {
        assert_eq!(
            values(&both),
            ["bread", "eggs"],
            "each side has a value that the other one has never seen"
        );
        assert_eq!(both.seen, version(&[('a', 2), ('b', 1)]));
    }
}

fn what_the_other_side_has_overwritten_goes() {
    let old = state(&[('a', 1)], &[('a', 1, "milk")]);
    let new = state(&[('a', 1), ('b', 1)], &[('b', 1, "milk, eggs")]);
    assert_eq!(
        values(&merged(&old, &new)),
        ["milk, eggs"],
        "b has seen \"milk\" and does not have it any more: somebody has overwritten it"
    );
    assert_eq!(
        values(&merged(&new, &old)),
        ["milk, eggs"],
        "the same, seen from b"
    );
    let shared = state(&[('a', 1), ('c', 1)], &[('a', 1, "milk"), ('c', 1, "beer")]);
    assert_eq!(
        values(&merged(&old, &shared)),
        ["beer", "milk"],
        "what both sides still have stays"
    );
}

fn an_old_state_brings_nothing_back() {
    let mut key = Key::new();
    key.write(&'a', &VersionVector::new(), "milk");
    let late = key.clone();
    let context = key.read().1;
    key.write(&'a', &context, "milk, eggs");
    key.merge(&late);
    assert_eq!(
        values(&key),
        ["milk, eggs"],
        "a message from before the second write arrives after it"
    );
}

fn what_was_deleted_does_not_come_back() {
    let there = state(&[('a', 1)], &[('a', 1, "milk")]);
    let mut here = there.clone();
    here.delete(&version(&[('a', 1)]));
    for both in [merged(&here, &there), merged(&there, &here)] {
        assert_eq!(
            values(&both),
            [""; 0],
            "the other replica has not heard of the delete yet; it must learn of it, and not undo it"
        );
    }
}

fn merging_twice_changes_nothing() {
    let here = state(
        &[('a', 3), ('b', 1)],
        &[('a', 3, "bread"), ('b', 1, "eggs")],
    );
    let there = state(&[('a', 2), ('b', 2)], &[('a', 2, "milk"), ('b', 2, "beer")]);
    let once = merged(&here, &there);
    assert_eq!(
        merged(&once, &there),
        once,
        "the network brings a message twice"
    );
    assert_eq!(merged(&once, &here), once, "or an old one of one's own");
    assert_eq!(merged(&once, &once), once);
}

fn two_who_write_in_turn_do_not_pile_up() {
    let mut key = Key::new();
    let mut contexts = [VersionVector::new(), VersionVector::new()];
    for turn in 0..100 {
        let client = turn % 2;
        // A client knows what was there when it wrote last, and its own write.
        let dot = key.write(&'a', &contexts[client], ["one", "other"][client]);
        contexts[client].insert(&dot);
        let count = key.values.len();
        assert!(
            count <= 2,
            "two clients write through one replica, each replacing what it wrote last: after {} writes there are {count} \
             siblings",
            turn + 1
        );
    }
}

/// What somebody does to one of three replicas.
#[derive(Clone, Debug)]
enum Op {
    /// A client reads here.
    Read { replica: usize, client: usize },
    /// A client writes here what it likes, or deletes.
    Write {
        replica: usize,
        client: usize,
        delete: bool,
    },
    /// The state of a replica as it is now arrives at another one.
    Merge { from: usize, to: usize },
    /// The state of a replica as it was at an earlier step arrives.
    Late {
        step: prop::sample::Index,
        from: usize,
        to: usize,
    },
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        (0..3usize, 0..3usize).prop_map(|(replica, client)| Op::Read { replica, client }),
        (0..3usize, 0..3usize, prop::bool::weighted(0.2)).prop_map(|(replica, client, delete)| {
            Op::Write {
                replica,
                client,
                delete,
            }
        }),
        (0..3usize, 0..3usize).prop_map(|(from, to)| Op::Merge { from, to }),
        (any::<prop::sample::Index>(), 0..3usize, 0..3usize)
            .prop_map(|(step, from, to)| Op::Late { step, from, to }),
    ];
    proptest::collection::vec(op, 1..40)
}

/// The plainest store that is right: every replica keeps all writes that it has ever heard of, and what each has overwritten.
#[derive(Clone, Debug, Default)]
struct Histories {
    known: BTreeSet<usize>,
}

impl Histories {
    fn values(&self, overwrites: &[(bool, BTreeSet<usize>)]) -> BTreeSet<usize> {
        let gone: BTreeSet<usize> = self
            .known
            .iter()
            .flat_map(|w| overwrites[*w].1.clone())
            .collect();
        let living = self
            .known
            .iter()
            .filter(|w| overwrites[**w].0 && !gone.contains(w));
        living.copied().collect()
    }
}

/// The real states beside the histories.
type Replicas = [(Siblings<usize, usize>, Histories); 3];

proptest! {
    #![proptest_config(autograder::property(300))]

    fn it_is_what_histories_say(ops in ops()) {
        let mut replicas: Replicas = Default::default();
        let mut past: Vec<Replicas> = vec![replicas.clone()];
        let mut clients: Vec<(VersionVector<usize>, BTreeSet<usize>)> = vec![Default::default(); 3];
        // Of each write whether it left a value, and what it has overwritten.
        let mut writes: Vec<(bool, BTreeSet<usize>)> = Vec::new();
        for op in &ops {
            match op {
                Op::Read { replica, client } => {
                    let (key, history) = &replicas[*replica];
                    clients[*client] = (key.read().1, history.known.clone());
                }
                Op::Write { replica, client, delete } => {
                    let (context, read) = &clients[*client];
                    let (key, history) = &mut replicas[*replica];
                    if *delete {
                        key.delete(context);
                    } else {
                        key.write(replica, context, writes.len());
                    }
                    history.known.extend(read);
                    history.known.insert(writes.len());
                    writes.push((!delete, read.clone()));
                }
                Op::Merge { from, to } => {
                    let (key, history) = replicas[*from].clone();
                    replicas[*to].0.merge(&key);
                    replicas[*to].1.known.extend(history.known);
                }
                Op::Late { step, from, to } => {
                    let (key, history) = step.get(&past)[*from].clone();
                    replicas[*to].0.merge(&key);
                    replicas[*to].1.known.extend(history.known);
                }
            }
            past.push(replicas.clone());
            for (at, (key, history)) in replicas.iter().enumerate() {
                let values = key.read().0;
                let distinct: BTreeSet<usize> = values.iter().copied().collect();
                prop_assert_eq!(distinct.len(), values.len(), "replica {} has a value twice", at);
                prop_assert_eq!(
                    distinct, history.values(&writes),
                    "replica {} should have exactly the writes that none known to it has overwritten, after {:?}", at, op
                );
            }
        }
    }
}
