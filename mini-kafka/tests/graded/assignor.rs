//! A sticky assignor.

use std::collections::BTreeSet;

use autograder::{Test, tests};
use mini_kafka::assignor::{Assignment, Subscriber, TopicPartition, Topics, sticky};
use node::Rng;

pub(crate) const TESTS: &[Test] = tests![
    one_member_gets_everything,
    shares_are_even,
    who_is_new_gets_his_share_and_the_others_keep_theirs,
    what_a_member_leaves_behind_is_shared_and_nothing_else_moves,
    of_two_owners_the_later_is_right,
    what_is_gone_or_not_wanted_is_not_kept,
    nothing_moves_without_need,
    every_partition_has_one_owner_who_wants_it,
];

fn member(id: &str, topics: &[&str], owned: &[TopicPartition]) -> Subscriber {
    Subscriber {
        member_id: id.to_owned(),
        topics: topics.iter().map(|t| (*t).to_owned()).collect(),
        owned: owned.to_vec(),
        generation: 5,
        ..Subscriber::default()
    }
}

fn part(topic: &str, partitions: impl IntoIterator<Item = i32>) -> Vec<TopicPartition> {
    let partitions = partitions.into_iter();
    partitions
        .map(|partition| (topic.to_owned(), partition))
        .collect()
}

fn topics(counts: &[(&str, i32)]) -> Topics {
    counts.iter().map(|(t, n)| ((*t).to_owned(), *n)).collect()
}

/// How many partitions each has, the fewest first.
fn sizes(assignment: &Assignment) -> Vec<usize> {
    let mut sizes: Vec<usize> = assignment.values().map(Vec::len).collect();
    sizes.sort_unstable();
    sizes
}

/// Of what a member had, what he still has.
fn kept(before: &[TopicPartition], assignment: &Assignment, member: &str) -> usize {
    let now = &assignment[member];
    before
        .iter()
        .filter(|partition| now.contains(partition))
        .count()
}

fn one_member_gets_everything() {
    let assignment = sticky(&[member("a", &["t"], &[])], &topics(&[("t", 3)]));
    assert_eq!(
        assignment["a"],
        part("t", 0..3),
        "in order, since a share is a list in order"
    );
    let assignment = sticky(&[], &topics(&[("t", 3)]));
    assert_eq!(assignment.len(), 0, "nobody is there");
    let assignment = sticky(&[member("a", &["t"], &[])], &topics(&[]));
    assert_eq!(
        assignment["a"],
        [],
        "a member without anything stands in the assignment too"
    );
}

fn shares_are_even() {
    let members = [
        member("a", &["t", "u"], &[]),
        member("b", &["t", "u"], &[]),
        member("c", &["t", "u"], &[]),
    ];
    let assignment = sticky(&members, &topics(&[("t", 4), ("u", 4)]));
    assert_eq!(
        sizes(&assignment),
        [2, 3, 3],
        "eight partitions of two topics, three members"
    );
    // Only c wants u: it has to leave t to the others.
    let members = [
        member("a", &["t"], &[]),
        member("b", &["t"], &[]),
        member("c", &["t", "u"], &[]),
    ];
    let assignment = sticky(&members, &topics(&[("t", 4), ("u", 2)]));
    assert_eq!(
        sizes(&assignment),
        [2, 2, 2],
        "c gets both of u, a and b two of t each"
    );
}

fn who_is_new_gets_his_share_and_the_others_keep_theirs() {
    let own = [part("t", 0..3), part("t", 3..6)];
    let members = [
        member("a", &["t"], &own[0]),
        member("b", &["t"], &own[1]),
        member("c", &["t"], &[]),
    ];
    let assignment = sticky(&members, &topics(&[("t", 6)]));
    assert_eq!(
        sizes(&assignment),
        [2, 2, 2],
        "six partitions, three members"
    );
    for (name, own) in ["a", "b"].iter().zip(&own) {
        assert_eq!(
            kept(own, &assignment, name),
            2,
            "{name} gives one away, and takes none"
        );
    }
}

fn what_a_member_leaves_behind_is_shared_and_nothing_else_moves() {
    let own = [part("t", [0, 4]), part("t", [1, 5])];
    let members = [member("a", &["t"], &own[0]), member("b", &["t"], &own[1])];
    let assignment = sticky(&members, &topics(&[("t", 6)]));
    assert_eq!(
        sizes(&assignment),
        [3, 3],
        "t-2 and t-3 were somebody's who is gone"
    );
    for (name, own) in ["a", "b"].iter().zip(&own) {
        assert_eq!(kept(own, &assignment, name), 2, "{name} keeps what it had");
    }
}

fn of_two_owners_the_later_is_right() {
    let own = part("t", 0..2);
    for (late, early) in [("a", "b"), ("b", "a")] {
        let mut members = [
            member("a", &["t", "u"], &own),
            member("b", &["t", "u"], &own),
        ];
        for member in &mut members {
            member.generation = if member.member_id == late { 7 } else { 6 };
        }
        let assignment = sticky(&members, &topics(&[("t", 2), ("u", 2)]));
        assert_eq!(
            kept(&own, &assignment, late),
            2,
            "{late} was given them in generation 7"
        );
        assert_eq!(
            kept(&own, &assignment, early),
            0,
            "{early} was away meanwhile"
        );
    }
}

fn what_is_gone_or_not_wanted_is_not_kept() {
    let own = [part("t", 0..2), part("u", 0..2), part("gone", 0..3)].concat();
    let members = [
        member("a", &["t", "gone"], &own),
        member("b", &["t", "u"], &[]),
    ];
    let assignment = sticky(&members, &topics(&[("t", 1), ("u", 2)]));
    let mut all: Vec<&TopicPartition> = assignment.values().flatten().collect();
    all.sort_unstable();
    let expected = [part("t", 0..1), part("u", 0..2)].concat();
    assert_eq!(
        all,
        expected.iter().collect::<Vec<_>>(),
        "t has one partition now, and 'gone' none"
    );
    assert_eq!(
        kept(&part("u", 0..2), &assignment, "b"),
        2,
        "a does not want u any more"
    );
}

/// A group at random: with what each owns, if there was an assignment before.
fn group(rng: &mut Rng) -> (Vec<Subscriber>, Topics) {
    let topics: Topics = ["t", "u", "v"]
        .into_iter()
        .map(|topic| (topic.to_owned(), i32::try_from(rng.below(7)).unwrap()))
        .collect();
    let members = (0..1 + rng.index(5)).map(|n| {
        let mut wanted: Vec<&str> = ["t", "u", "v"]
            .into_iter()
            .filter(|_| rng.percent(70))
            .collect();
        if wanted.is_empty() {
            wanted.push("t");
        }
        member(&format!("m{n}"), &wanted, &[])
    });
    (members.collect(), topics)
}

fn nothing_moves_without_need() {
    for seed in autograder::seeds(40) {
        let (mut members, topics) = group(&mut Rng::new(seed));
        let first = sticky(&members, &topics);
        for member in &mut members {
            member.owned.clone_from(&first[&member.member_id]);
        }
        let second = sticky(&members, &topics);
        assert_eq!(
            second, first,
            "seed {seed}: the same members and topics, each owns what he was given"
        );
    }
}

fn every_partition_has_one_owner_who_wants_it() {
    for seed in autograder::seeds(40) {
        let mut rng = Rng::new(seed);
        let (mut members, topics) = group(&mut rng);
        let before = sticky(&members, &topics);
        for member in &mut members {
            // Some have just started.
            if rng.percent(60) {
                member.owned.clone_from(&before[&member.member_id]);
            }
        }
        let assignment = sticky(&members, &topics);
        let mut seen = BTreeSet::new();
        for member in &members {
            for partition in &assignment[&member.member_id] {
                let wants = member.topics.contains(&partition.0);
                assert!(
                    wants,
                    "seed {seed}: {} does not want {partition:?}",
                    member.member_id
                );
                assert!(
                    seen.insert(partition.clone()),
                    "seed {seed}: {partition:?} has two owners"
                );
            }
        }
        for (topic, count) in &topics {
            for partition in part(topic, 0..*count) {
                let wanted = members.iter().any(|member| member.topics.contains(topic));
                assert_eq!(
                    seen.contains(&partition),
                    wanted,
                    "seed {seed}: {partition:?} has an owner if anybody wants it"
                );
            }
        }
        for from in &members {
            for to in &members {
                let (more, less) = (&assignment[&from.member_id], &assignment[&to.member_id]);
                let could = more.iter().any(|(topic, _)| to.topics.contains(topic));
                assert!(
                    !could || more.len() < less.len() + 2,
                    "seed {seed}: {} has {}, {} has {} and wants one of them",
                    from.member_id,
                    more.len(),
                    to.member_id,
                    less.len()
                );
            }
        }
    }
}
