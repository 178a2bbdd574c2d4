//! Bad input: an error that says what to do, or an answer that is as good as can be; never a panic, and nothing half done.

use consistent_hash::{
    Anchor, Bounded, Jump, Lists, Maglev, MembershipError, MultiProbe, Node, NodeId, Partitioner,
    Ranges, Ring,
};

use crate::strategies::{ALL, keys, nodes, places};

#[test]
fn without_nodes_nobody_has_a_key() {
    for make in ALL {
        let mut strategy = make(1);
        for _ in 0..2 {
            assert_eq!(strategy.locate(b"key"), None, "{}", strategy.name());
            assert_eq!(strategy.replicas(b"key", 3), [], "{}", strategy.name());
            assert_eq!(strategy.nodes(), []);
            // The same again when the last one has gone.
            strategy.add(Node::new(4)).unwrap();
            strategy.remove(NodeId(4)).unwrap();
        }
    }
}

#[test]
fn odd_keys_and_odd_numbers_of_replicas_have_answers() {
    for make in ALL {
        let mut strategy = make(1);
        strategy.add_all(&nodes(3)).unwrap();
        let long = vec![7; 100_000];
        for key in [&b""[..], b"\0", &[0xff; 300], &long] {
            let one = strategy.locate(key);
            assert_eq!(
                one.is_some(),
                strategy.name() != "list",
                "{}",
                strategy.name()
            );
            assert_eq!(strategy.replicas(key, 0), [], "{}", strategy.name());
            let all = strategy.replicas(key, usize::MAX);
            assert_eq!(
                all.len(),
                if one.is_some() { 3 } else { 0 },
                "{}",
                strategy.name()
            );
        }
    }
}

#[test]
fn a_membership_that_cannot_be_stays_as_it_was() {
    let keys = keys(50);
    let heavy = |id, weight| Node {
        weight,
        ..Node::new(id)
    };
    for make in ALL {
        let mut strategy = make(1);
        strategy.add_all(&nodes(3)).unwrap();
        let (members, before) = (strategy.nodes(), places(&*strategy, &keys));
        let name = strategy.name();
        assert_eq!(
            strategy.add(Node::new(1)),
            Err(MembershipError::AlreadyMember(NodeId(1))),
            "{name}"
        );
        assert_eq!(
            strategy.add_all(&[Node::new(8), Node::new(9), Node::new(8)]),
            Err(MembershipError::AlreadyMember(NodeId(8))),
            "{name}"
        );
        assert_eq!(
            strategy.remove(NodeId(7)),
            Err(MembershipError::NotMember(NodeId(7))),
            "{name}"
        );
        let weightless = strategy.add_all(&[Node::new(8), heavy(9, 0)]).unwrap_err();
        assert!(
            weightless.to_string().contains("weight of at least 1"),
            "{name}: {weightless}"
        );
        assert_eq!(
            (strategy.nodes(), places(&*strategy, &keys)),
            (members, before),
            "{name}"
        );
    }
}

#[test]
fn huge_weights_are_taken_or_refused_and_allocate_nothing() {
    for make in ALL {
        let mut strategy = make(1);
        strategy.add(Node::new(0)).unwrap();
        let huge = Node {
            weight: u32::MAX,
            ..Node::new(1)
        };
        match strategy.add(huge) {
            Ok(()) => assert!(strategy.locate(b"key").is_some() || strategy.name() == "list"),
            Err(error) => assert_eq!(strategy.nodes().len(), 1, "{error}"),
        }
        assert!(strategy.memory_bytes() < 100_000, "{}", strategy.name());
    }
}

/// Two of all weights that there can be: shares in proportion still.
#[test]
fn the_largest_weights_do_not_overflow_where_they_are_taken() {
    let huge = |id| Node {
        weight: u32::MAX,
        ..Node::new(id)
    };
    for make in [crate::strategies::RENDEZVOUS, crate::strategies::MAGLEV] {
        let mut strategy = make(1);
        strategy.add_all(&[huge(0), huge(1), Node::new(2)]).unwrap();
        let loads = crate::strategies::loads(&*strategy, &keys(2_000), 3);
        assert!(
            (loads[0] - loads[1]).abs() < 250.0 && loads[2] < 10.0,
            "{loads:?}"
        );
    }
}

#[test]
fn odd_settings_are_brought_into_range() {
    let mut strategies: [Box<dyn Partitioner>; 7] = [
        Box::new(Ring::new(0, 1)),
        Box::new(MultiProbe::new(0, 1)),
        Box::new(Maglev::new(0, 1)),
        Box::new(Anchor::new(0, 1)),
        Box::new(Bounded::new(0, 1)),
        Box::new(Bounded::new(u32::MAX, 1)),
        Box::new(Ring::new(u32::MAX, 1)),
    ];
    for strategy in &mut strategies {
        match strategy.add(Node::new(5)) {
            Ok(()) => assert_eq!(
                strategy.locate(b"key"),
                Some(NodeId(5)),
                "{}",
                strategy.name()
            ),
            Err(error) => assert!(error.to_string().contains("16777216 entries"), "{error}"),
        }
    }
}

#[test]
fn what_has_no_room_says_so() {
    let mut anchor = Anchor::new(2, 1);
    let error = anchor.add_all(&nodes(3)).unwrap_err().to_string();
    assert!(
        error.contains("2 of 2 buckets") && error.contains("larger"),
        "{error}"
    );
    let mut maglev = Maglev::new(2, 1);
    let error = maglev.add_all(&nodes(3)).unwrap_err().to_string();
    assert!(
        error.contains("3 nodes") && error.contains("2 entries"),
        "{error}"
    );
    maglev.add_all(&nodes(2)).unwrap();
    assert_eq!(maglev.table().len(), 2);
}

/// A bucket in the middle has no place in jump hashing's argument.
#[test]
fn jump_does_without_its_last_node_only() {
    let mut jump = Jump::new(1);
    jump.add_all(&nodes(3)).unwrap();
    for middle in [0, 1] {
        let error = jump.remove(NodeId(middle)).unwrap_err().to_string();
        assert!(error.contains("the node that joined last, n2"), "{error}");
    }
    assert_eq!(jump.nodes(), nodes(3));
    for last in [2, 1, 0] {
        assert_eq!(jump.remove(NodeId(last)), Ok(()));
    }
}

#[test]
fn who_still_has_something_does_not_go() {
    let mut lists = Lists::new();
    lists.add_all(&nodes(2)).unwrap();
    assert_eq!(
        lists.assign(b"de", NodeId(7)),
        Err(MembershipError::NotMember(NodeId(7)))
    );
    assert_eq!(lists.assign(b"de", NodeId(1)), Ok(None));
    lists.set_default(Some(NodeId(0))).unwrap();
    assert!(
        lists
            .remove(NodeId(1))
            .unwrap_err()
            .to_string()
            .contains("de")
    );
    assert!(
        lists
            .remove(NodeId(0))
            .unwrap_err()
            .to_string()
            .contains("default")
    );
    assert_eq!(lists.locate(b"de"), Some(NodeId(1)));
    assert_eq!(lists.locate(b"fr"), Some(NodeId(0)));
    assert_eq!(lists.replicas(b"de", 2), [NodeId(1), NodeId(0)]);
    assert_eq!(lists.replicas(b"fr", 1), [NodeId(0)]);
    assert_eq!(lists.forget(b"de"), Some(NodeId(1)));
    assert_eq!(lists.remove(NodeId(1)), Ok(()));

    let mut bounded = Bounded::new(25, 1);
    assert_eq!(bounded.insert(b"key"), None, "there is no node to hold it");
    bounded.add(Node::new(1)).unwrap();
    assert_eq!(bounded.insert(b"key"), Some(NodeId(1)));
    assert!(
        bounded
            .remove(NodeId(1))
            .unwrap_err()
            .to_string()
            .contains("1 keys")
    );
    assert_eq!(
        (bounded.remove_key(b"key"), bounded.remove_key(b"key")),
        (Some(NodeId(1)), None)
    );
    assert_eq!(bounded.remove(NodeId(1)), Ok(()));
}

#[test]
fn a_sample_of_few_different_keys_gives_few_tablets() {
    let sample = |keys: &[&str]| -> Vec<Vec<u8>> {
        keys.iter().map(|key| key.as_bytes().to_vec()).collect()
    };
    for keys in [
        &[][..],
        &[""],
        &["a"],
        &["a", "a", "a", "a"],
        &["a", "a", "b", "a"],
    ] {
        let mut ranges = Ranges::new();
        ranges.add_all(&nodes(4)).unwrap();
        ranges.distribute(&sample(keys));
        let starts: Vec<&[u8]> = ranges
            .table()
            .tablets
            .iter()
            .map(|tablet| &tablet.start[..])
            .collect();
        assert_eq!(starts[0], b"", "of {keys:?}");
        assert!(starts.is_sorted_by(|a, b| a < b), "of {keys:?}: {starts:?}");
    }
    let mut nobody = Ranges::new();
    nobody.distribute(&sample(&["a"]));
    assert_eq!(nobody.locate(b"a"), None);
}

#[test]
fn ranges_fall_to_neighbours_when_their_node_goes() {
    let mut ranges = Ranges::new();
    ranges.add_all(&nodes(3)).unwrap();
    ranges.distribute(&keys(30));
    let [a, b, c] = [0, 1, 2].map(NodeId);
    let owners = |ranges: &Ranges| -> Vec<NodeId> {
        ranges
            .table()
            .tablets
            .iter()
            .map(|tablet| tablet.node)
            .collect()
    };
    assert_eq!(owners(&ranges), [a, b, c]);
    ranges.remove(b).unwrap();
    assert_eq!(owners(&ranges), [a, a, c], "the one before takes over");
    ranges.remove(a).unwrap();
    assert_eq!(
        owners(&ranges),
        [c, c, c],
        "before the first is none, so the one behind"
    );
    assert!(
        ranges.split(b"key-5", NodeId(9)).is_err(),
        "n9 is no member"
    );
    ranges.remove(c).unwrap();
    assert_eq!(owners(&ranges), []);
}
