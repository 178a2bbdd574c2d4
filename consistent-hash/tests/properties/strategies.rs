//! The strategies under test, made alike, and keys for them.

use consistent_hash::{
    Anchor, Bounded, Jump, Lists, Maglev, Modulo, MultiProbe, Node, NodeId, Partitioner, Ranges,
    Rendezvous, Ring,
};

/// Makes a strategy without nodes, from a seed.
pub(crate) type Make = fn(u64) -> Box<dyn Partitioner>;

pub(crate) const MODULO: Make = |seed| Box::new(Modulo::new(seed));
pub(crate) const JUMP: Make = |seed| Box::new(Jump::new(seed));
pub(crate) const RENDEZVOUS: Make = |seed| Box::new(Rendezvous::new(seed));
pub(crate) const RING: Make = |seed| Box::new(Ring::new(20, seed));
pub(crate) const MAGLEV: Make = |seed| Box::new(Maglev::new(2_003, seed));
pub(crate) const ANCHOR: Make = |seed| Box::new(Anchor::new(64, seed));
pub(crate) const MULTI_PROBE: Make = |seed| Box::new(MultiProbe::new(21, seed));
pub(crate) const BOUNDED: Make = |seed| Box::new(Bounded::new(25, seed));
pub(crate) const RANGE: Make = |_| Box::new(Ranges::new());
pub(crate) const LIST: Make = |_| Box::new(Lists::new());

/// All of them.
pub(crate) const ALL: [Make; 10] = [
    MODULO,
    JUMP,
    RENDEZVOUS,
    RING,
    MAGLEV,
    ANCHOR,
    MULTI_PROBE,
    BOUNDED,
    RANGE,
    LIST,
];

/// Those that move no key that need not move, whoever comes and, except for jump, whoever goes.
pub(crate) const EXACT: [Make; 5] = [JUMP, RENDEZVOUS, RING, ANCHOR, MULTI_PROBE];

/// `count` keys, the same ones each time.
pub(crate) fn keys(count: u32) -> Vec<Vec<u8>> {
    (0..count)
        .map(|i| format!("key-{i}").into_bytes())
        .collect()
}

/// `n` nodes of weight 1.
pub(crate) fn nodes(n: u32) -> Vec<Node> {
    (0..n).map(Node::new).collect()
}

/// Where each key is.
pub(crate) fn places(strategy: &dyn Partitioner, keys: &[Vec<u8>]) -> Vec<Option<NodeId>> {
    keys.iter().map(|key| strategy.locate(key)).collect()
}

/// How many keys each of the nodes 0 to n − 1 has.
pub(crate) fn loads(strategy: &dyn Partitioner, keys: &[Vec<u8>], n: usize) -> Vec<f64> {
    let mut loads = vec![0.0; n];
    for place in places(strategy, keys).into_iter().flatten() {
        loads[place.0 as usize] += 1.0;
    }
    loads
}
