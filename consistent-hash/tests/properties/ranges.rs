//! Range partitioning as a whole: who is given what when it is filled, and when a node goes.

use consistent_hash::{Node, NodeId, Partitioner, Ranges};

fn ranges(nodes: &[Node]) -> Ranges {
    let mut ranges = Ranges::new();
    ranges.add_all(nodes).unwrap();
    ranges
}

#[test]
fn a_sample_in_any_order_is_cut_by_weight() {
    let heavy = Node {
        weight: 3,
        ..Node::new(2)
    };
    let mut ranges = ranges(&[Node::new(1), heavy]);
    let sample: Vec<Vec<u8>> = (0..400_u32)
        .rev()
        .map(|i| i.to_be_bytes().to_vec())
        .collect();
    ranges.distribute(&sample);
    let of_first = sample
        .iter()
        .filter(|key| ranges.locate(key) == Some(NodeId(1)));
    assert_eq!(of_first.count(), 100);
}

#[test]
fn whoever_joins_first_has_everything_until_it_is_split() {
    let mut ranges = ranges(&[Node::new(5), Node::new(2), Node::new(3)]);
    assert_eq!(ranges.locate(b"key"), Some(NodeId(5)));
    ranges.split(b"g", NodeId(2)).unwrap();
    ranges.split(b"m", NodeId(3)).unwrap();
    ranges.split(b"s", NodeId(2)).unwrap();
    assert_eq!(
        ranges.replicas(b"h", 2),
        [NodeId(2), NodeId(3)],
        "the tablet's, and the next one's"
    );
    // Each of its tablets goes to the node of the one before.
    ranges.remove(NodeId(2)).unwrap();
    let owners = [&b"a"[..], b"h", b"n", b"t"].map(|key| ranges.locate(key).map(|node| node.0));
    assert_eq!(owners, [Some(5), Some(5), Some(3), Some(3)]);
}
