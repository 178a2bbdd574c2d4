//! The capstone: whatever a replica is like inside, these are the rules that clients can see it keep. First a few short stories;
//! then replicas in the simulator, with all that a network can do, for many seeds, and a judge that looks at every read.

mod judge;
mod world;

use autograder::{Test, tests};
use vector_clocks::capstone::replica::replica;
use vector_clocks::capstone::{Context, Field, Message, Replica, ReplicaId};

use judge::Rule;
use world::chaos;

pub(crate) const TESTS: &[Test] = tests![
    what_was_written_is_read,
    what_was_read_is_replaced,
    two_who_have_read_the_same_are_siblings,
    both_sides_of_a_partition_take_writes,
    one_write_can_replace_both_siblings,
    what_was_read_elsewhere_does_not_come_back,
    a_deleted_value_does_not_come_back,
    keys_have_nothing_to_do_with_each_other,
    nonsense_is_ignored,
    no_write_drops_another,
    what_a_client_has_read_it_replaces,
    no_message_drops_a_write,
    messages_bring_values_and_take_them,
    nothing_comes_back,
    each_value_is_read_once,
    contexts_stay_small,
    messages_stay_small,
    in_the_end_all_read_the_same,
];

/// Seeds in an ordinary run.
const SEEDS: u64 = 40;

/// Runs many seeds and looks at these rules. A replica that never tells what it was told breaks few of them, but has shown nothing.
fn judge_chaos(rules: &[Rule]) {
    let mut shown = 0;
    for seed in autograder::seeds(SEEDS) {
        let outcome = chaos(seed);
        shown += outcome.shown;
        for rule in rules {
            if let Some(breach) = outcome.breaches.get(rule) {
                panic!("seed {seed:#x}: rule {}: {breach}", *rule as usize);
            }
        }
    }
    assert!(
        shown > 0,
        "in all of these runs no replica ever read right what another one had taken"
    );
}

type Store = Box<dyn Replica>;

/// Three replicas that have heard nothing.
fn three() -> [Store; 3] {
    let ids = [ReplicaId(0), ReplicaId(1), ReplicaId(2)];
    ids.map(|id| replica(id, &ids))
}

fn read(store: &Store, key: &str) -> Vec<String> {
    let mut values = store.read(key).0;
    values.sort_unstable();
    values
}

/// A client that has read all that is there writes.
fn update(store: &mut Store, key: &str, value: Option<&str>) {
    let context = store.read(key).1;
    store.write(key, &context, value);
}

fn tell(from: &Store, to: &mut Store) {
    to.receive(&from.gossip());
}

fn what_was_written_is_read() {
    let [mut a, ..] = three();
    assert_eq!(read(&a, "cart"), [""; 0], "nobody has written yet");
    a.write("cart", &Context::default(), Some("milk"));
    assert_eq!(read(&a, "cart"), ["milk"], "what was taken is read at once");
}

fn what_was_read_is_replaced() {
    let [mut a, ..] = three();
    update(&mut a, "cart", Some("milk"));
    update(&mut a, "cart", Some("milk, eggs"));
    assert_eq!(
        read(&a, "cart"),
        ["milk, eggs"],
        "the client had read \"milk\""
    );
    update(&mut a, "cart", None);
    assert_eq!(read(&a, "cart"), [""; 0], "what was read is deleted");
    update(&mut a, "cart", Some("beer"));
    assert_eq!(read(&a, "cart"), ["beer"], "and the key can be used again");
}

fn two_who_have_read_the_same_are_siblings() {
    let [mut a, ..] = three();
    update(&mut a, "cart", Some("milk"));
    let context = a.read("cart").1;
    a.write("cart", &context, Some("milk, eggs"));
    a.write("cart", &context, Some("milk, bread"));
    assert_eq!(
        read(&a, "cart"),
        ["milk, bread", "milk, eggs"],
        "two clients have read \"milk\" and write through the same replica: neither knows of the other"
    );
}

fn both_sides_of_a_partition_take_writes() {
    let [mut a, mut b, mut c] = three();
    update(&mut a, "cart", Some("milk"));
    tell(&a, &mut b);
    assert_eq!(read(&b, "cart"), ["milk"], "b has heard of it");
    update(&mut a, "cart", Some("milk, eggs"));
    update(&mut b, "cart", Some("milk, bread"));
    tell(&a, &mut c);
    tell(&b, &mut c);
    let both = ["milk, bread", "milk, eggs"];
    assert_eq!(read(&c, "cart"), both, "c has heard both sides");
    tell(&c, &mut a);
    tell(&c, &mut b);
    assert_eq!(
        [read(&a, "cart"), read(&b, "cart")],
        [both, both],
        "and told both"
    );
}

fn one_write_can_replace_both_siblings() {
    let [mut a, mut b, mut c] = three();
    update(&mut a, "cart", Some("milk"));
    update(&mut b, "cart", Some("eggs"));
    tell(&a, &mut c);
    tell(&b, &mut c);
    update(&mut c, "cart", Some("milk, eggs"));
    for store in [&mut a, &mut b] {
        tell(&c, store);
        assert_eq!(
            read(store, "cart"),
            ["milk, eggs"],
            "the client at c had read both siblings"
        );
    }
}

fn what_was_read_elsewhere_does_not_come_back() {
    let [mut a, mut b, _] = three();
    update(&mut b, "cart", Some("milk"));
    let (late, context) = (b.gossip(), b.read("cart").1);
    // The client reads at b and writes at a, which has never heard of "milk".
    a.write("cart", &context, Some("milk, eggs"));
    assert_eq!(read(&a, "cart"), ["milk, eggs"]);
    a.receive(&late);
    assert_eq!(
        read(&a, "cart"),
        ["milk, eggs"],
        "\"milk\" arrives at a, where a client has replaced it already"
    );
    tell(&a, &mut b);
    assert_eq!(read(&b, "cart"), ["milk, eggs"], "and b hears of it");
}

fn a_deleted_value_does_not_come_back() {
    let [mut a, mut b, mut c] = three();
    update(&mut a, "cart", Some("milk"));
    tell(&a, &mut b);
    tell(&a, &mut c);
    update(&mut a, "cart", None);
    tell(&b, &mut a);
    assert_eq!(
        read(&a, "cart"),
        [""; 0],
        "b has not heard of the delete yet, and tells a what it has"
    );
    tell(&a, &mut b);
    assert_eq!(read(&b, "cart"), [""; 0], "b hears of the delete");
    tell(&c, &mut b);
    assert_eq!(read(&b, "cart"), [""; 0], "c has not, and tells b");
}

fn keys_have_nothing_to_do_with_each_other() {
    let [mut a, mut b, _] = three();
    update(&mut a, "cart", Some("milk"));
    update(&mut b, "list", Some("call mum"));
    tell(&a, &mut b);
    tell(&b, &mut a);
    for store in [&a, &b] {
        assert_eq!(read(store, "cart"), ["milk"]);
        assert_eq!(read(store, "list"), ["call mum"]);
    }
    update(&mut a, "cart", None);
    tell(&a, &mut b);
    assert_eq!(
        read(&b, "list"),
        ["call mum"],
        "\"cart\" was deleted, and \"list\" is another key"
    );
}

fn nonsense_is_ignored() {
    let [mut a, mut b, _] = three();
    update(&mut a, "cart", Some("milk"));
    let good = a.gossip();
    let cut = Message(good.0[..good.0.len().saturating_sub(1)].to_vec());
    let numbers = Message(vec![Field::Number(u64::MAX); 5]);
    let texts = Message(vec![Field::Text("cart".into()); 5]);
    let mut long = good.clone();
    long.0.push(Field::Number(u64::MAX));
    for message in [cut, numbers, texts, long] {
        b.receive(&message);
    }
    b.receive(&good);
    assert_eq!(
        read(&b, "cart"),
        ["milk"],
        "after messages that make no sense, one that does is understood"
    );
}

fn no_write_drops_another() {
    judge_chaos(&[Rule::WrittenIsRead, Rule::WriteDrops]);
}

fn what_a_client_has_read_it_replaces() {
    judge_chaos(&[Rule::WriteReplaces]);
}

fn no_message_drops_a_write() {
    judge_chaos(&[Rule::MessageDrops]);
}

fn messages_bring_values_and_take_them() {
    judge_chaos(&[Rule::MessageBrings, Rule::MessageReplaces]);
}

fn nothing_comes_back() {
    judge_chaos(&[Rule::BringsBack]);
}

fn each_value_is_read_once() {
    judge_chaos(&[Rule::Once]);
}

fn contexts_stay_small() {
    judge_chaos(&[Rule::SmallContext]);
}

fn messages_stay_small() {
    judge_chaos(&[Rule::SmallMessage]);
}

fn in_the_end_all_read_the_same() {
    judge_chaos(&[Rule::Converges]);
}
