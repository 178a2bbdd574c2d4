//! Whether it matters who joined first. Two clients that know the same members agree without another word, if it does
//! not.

use consistent_hash::{Node, NodeId};
use proptest::prelude::*;

use crate::strategies::{
    ANCHOR, JUMP, MAGLEV, MODULO, MULTI_PROBE, Make, RENDEZVOUS, RING, keys, nodes, places,
};

/// Those whose tables are a function of the members alone.
const WITHOUT_HISTORY: [Make; 5] = [MODULO, RENDEZVOUS, RING, MAGLEV, MULTI_PROBE];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_order_of_joins_does_not_matter(
        order in Just((0..9u32).collect::<Vec<_>>()).prop_shuffle(),
        passing in 9..20u32,
        seed: u64,
    ) {
        let keys = keys(100);
        for make in WITHOUT_HISTORY {
            let mut sorted = make(seed);
            sorted.add_all(&nodes(9)).unwrap();
            let mut shuffled = make(seed);
            // Somebody who was there in between has left no trace either.
            shuffled.add(Node::new(passing)).unwrap();
            for id in &order {
                shuffled.add(Node::new(*id)).unwrap();
            }
            shuffled.remove(NodeId(passing)).unwrap();
            prop_assert_eq!(places(&*sorted, &keys), places(&*shuffled, &keys), "{}", sorted.name());
        }
    }
}

/// Jump's buckets are numbers, and AnchorHash's are given out as they become free: who gets which is a matter of
/// history. (So it is with ranges and lists, which are decisions; and with bounded loads, where who came first has the
/// place.)
#[test]
fn for_jump_and_anchor_it_does() {
    let keys = keys(100);
    for make in [JUMP, ANCHOR] {
        let [mut one, mut other] = [make(1), make(1)];
        let mut nodes = nodes(5);
        one.add_all(&nodes).unwrap();
        nodes.reverse();
        other.add_all(&nodes).unwrap();
        assert_ne!(
            places(&*one, &keys),
            places(&*other, &keys),
            "{}",
            one.name()
        );
    }
}
