//! What simpler versions get wrong, each by the shortest story that shows it, with dotted version vectors beside them.

use vector_clocks::dotted::Siblings;
use vector_clocks::lamport::Stamp;
use vector_clocks::lww::LwwRegister;
use vector_clocks::version_vector::{Dot, VersionVector, Versioned, reconcile};

type Version = VersionVector<&'static str>;

/// A key whose values have plain version vectors.
#[derive(Default)]
struct Plain {
    values: Vec<Versioned<&'static str, &'static str>>,
}

impl Plain {
    /// What the key has seen: all versions together. It is the context of a read.
    fn context(&self) -> Version {
        let mut all = Version::new();
        self.values
            .iter()
            .for_each(|value| all.merge(&value.version));
        all
    }

    /// The version of a write is its context, and one write more of `id`: of the client, or of the replica that takes it.
    fn write(&mut self, context: &Version, dot: &Dot<&'static str>, value: &'static str) {
        let mut version = context.clone();
        version.insert(dot);
        self.values.push(Versioned { version, value });
        self.values = reconcile(&self.values);
    }

    fn read(&self) -> Vec<&'static str> {
        self.values.iter().map(|value| value.value).collect()
    }
}

/// Two clients read "milk" and write through the same replica.
fn two_clients_of_one_replica(
    next: impl Fn(&Plain, &Version) -> Dot<&'static str>,
) -> Vec<&'static str> {
    let mut key = Plain::default();
    let nothing = Version::new();
    key.write(&nothing, &next(&key, &nothing), "milk");
    let context = key.context();
    key.write(&context, &next(&key, &context), "milk, eggs");
    key.write(&context, &next(&key, &context), "milk, bread");
    key.read()
}

#[test]
fn counts_of_replicas_lose_a_concurrent_write() {
    // Counted on from what the client has read: both writes get {a: 2}, and one is taken for a copy of the other.
    let of_the_context = two_clients_of_one_replica(|_, context| context.next(&"a"));
    assert_eq!(of_the_context, ["milk, eggs"], "\"milk, bread\" is lost");
    // Counted on from what the replica has seen: {a: 3} looks as if its client had read {a: 2}.
    let of_the_replica = two_clients_of_one_replica(|key, _| key.context().next(&"a"));
    assert_eq!(of_the_replica, ["milk, bread"], "\"milk, eggs\" is lost");
}

#[test]
fn dots_keep_it() {
    let mut key = Siblings::new();
    key.write(&"a", &Version::new(), "milk");
    let (_, context) = key.read();
    key.write(&"a", &context, "milk, eggs");
    key.write(&"a", &context, "milk, bread");
    assert_eq!(key.read().0, ["milk, eggs", "milk, bread"]);
}

/// What Riak did before 2.0: one vector for all siblings, and a write whose context is older than it becomes one more sibling.
#[derive(Default)]
struct OneVector {
    seen: Version,
    values: Vec<usize>,
}

impl OneVector {
    fn write(&mut self, context: &Version, value: usize) {
        if context.includes(&self.seen) {
            self.values.clear();
        }
        self.values.push(value);
        self.seen.merge(context);
        let next = self.seen.next(&"a");
        self.seen.insert(&next);
    }
}

#[test]
fn one_vector_for_all_siblings_explodes() {
    // Two clients take turns. Each has read the key right after its own last write, and so knows what it replaces.
    let (mut one_vector, mut dotted) = (OneVector::default(), Siblings::new());
    let mut contexts = [
        (Version::new(), Version::new()),
        (Version::new(), Version::new()),
    ];
    for turn in 0..100 {
        let (plain, precise) = &mut contexts[turn % 2];
        one_vector.write(plain, turn);
        dotted.write(&"a", precise, turn);
        // What each client has read: everything that was there before the other one's next write.
        *plain = one_vector.seen.clone();
        *precise = dotted.read().1;
    }
    assert_eq!(
        one_vector.values.len(),
        100,
        "no context ever includes all that was seen, so nothing is ever replaced"
    );
    assert_eq!(
        dotted.values.len(),
        2,
        "with dots the last write of each client is left"
    );
}

#[test]
fn counts_of_clients_grow_with_every_client() {
    let names: Vec<&'static str> = (0..1_000).map(|i| &*format!("client{i}").leak()).collect();
    let (mut by_client, mut dotted) = (Plain::default(), Siblings::new());
    for name in &names {
        let context = by_client.context();
        by_client.write(&context, &context.next(name), "one more");
        let context = dotted.read().1;
        dotted.write(&"a", &context, "one more");
    }
    assert_eq!(by_client.context().len(), 1_000, "exact, but at what price");
    assert_eq!(dotted.seen.len(), 1, "one replica took them all");
}

#[test]
fn pruned_counts_make_siblings_of_what_was_overwritten() {
    // Dynamo drops the oldest entries of a long vector (§4.4). What is left of the new version no longer includes the old one.
    let counts = |counts: &[(&'static str, u64)]| counts.iter().copied().collect::<Version>();
    let old = Versioned {
        version: counts(&[("ada", 1), ("bob", 1)]),
        value: "milk",
    };
    let pruned = Versioned {
        version: counts(&[("bob", 1), ("cy", 1)]),
        value: "milk, eggs",
    };
    assert_eq!(
        reconcile(&[old, pruned]).len(),
        2,
        "cy had replaced \"milk\""
    );
}

#[test]
fn the_last_writer_wins_and_the_other_is_not_told() {
    let mut left = LwwRegister::new();
    let mut right = LwwRegister::new();
    let stamp = |time, process| Stamp { time, process };
    assert!(left.write(stamp(7, "left"), "milk, eggs"), "it was taken");
    assert!(right.write(stamp(7, "right"), "milk, bread"), "so was this");
    left.merge(&right);
    right.merge(&left);
    assert_eq!(left, right, "they agree");
    assert_eq!(
        left.read(),
        Some(&"milk, bread"),
        "and the eggs are gone, though nobody has overwritten them"
    );
}

#[test]
fn a_slow_clock_loses_to_what_it_replaces() {
    // The second client has read "milk" and replaces it, by a clock that is behind.
    let mut register = LwwRegister::new();
    let stamp = |time, process| Stamp { time, process };
    register.write(stamp(900, "fast"), "milk");
    assert!(!register.write(stamp(400, "slow"), "milk, eggs"));
    assert_eq!(register.read(), Some(&"milk"), "what was replaced has won");
}
