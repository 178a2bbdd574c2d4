//! The first half of a rebalance: everyone joins, and a generation is made of those who did.

use autograder::{Test, tests};
use mini_kafka::error::ErrorCode;
use mini_kafka::group::{Member, State};

use crate::desk::{Desk, REBALANCE, SESSION, group, member, protocols, seconds, static_member};

pub(crate) const TESTS: &[Test] = tests![
    the_protocol_is_one_that_all_know,
    each_votes_for_the_first_that_all_know,
    a_first_generation_waits_for_more_members,
    all_are_told_of_one_generation,
    a_new_member_makes_all_join_again,
    who_does_not_come_back_is_out,
    the_longest_timeout_counts,
    a_leader_who_does_not_come_is_replaced,
    a_static_member_may_be_restarting,
    where_only_static_members_are_left_they_are_waited_for,
    when_the_last_one_leaves_that_is_a_generation_too,
    who_was_told_has_to_be_heard_of,
    any_order_of_joins,
];

fn selected(members: &[&[&str]]) -> Option<String> {
    let members = members.iter().enumerate().map(|(n, names)| {
        let mut member = Member::new(format!("m{n}"));
        member.protocols = protocols("m", names);
        member
    });
    group(State::PreparingRebalance, members.collect()).select_protocol()
}

fn the_protocol_is_one_that_all_know() {
    let found = selected(&[&["sticky", "range"], &["sticky", "range"], &["range"]]);
    assert_eq!(
        found.as_deref(),
        Some("range"),
        "two like sticky better, and the third does not know it"
    );
    let found = selected(&[&["sticky"], &["range"]]);
    assert_eq!(found, None, "they have nothing in common");
    assert_eq!(selected(&[]), None, "there is nobody");
}

fn each_votes_for_the_first_that_all_know() {
    let found = selected(&[&["a", "b"], &["b", "a"], &["b", "a"]]);
    assert_eq!(found.as_deref(), Some("b"), "two votes against one");
    let found = selected(&[&["b", "a"], &["a", "b"], &["a", "b"]]);
    assert_eq!(found.as_deref(), Some("a"), "two votes against one");
    let found = selected(&[&["x", "a", "b"], &["a", "b"], &["b", "a"]]);
    assert_eq!(
        found.as_deref(),
        Some("a"),
        "who likes best what others do not know votes for his next one"
    );
}

fn a_first_generation_waits_for_more_members() {
    let mut desk = Desk::new(group(State::Empty, Vec::new()));
    let a = desk.join(&member("a"), "");
    assert_eq!(desk.state(), State::PreparingRebalance, "a member has come");
    desk.wait(seconds(2));
    assert_eq!(
        desk.joined(a),
        None,
        "more may come within group.initial.rebalance.delay.ms, 3 s"
    );
    let b = desk.join(&member("b"), "");
    desk.wait(seconds(2));
    assert_eq!(desk.joined(a), None, "one has come, so it is put off");
    desk.wait(seconds(2));
    let (a, b) = (desk.generation(a), desk.generation(b));
    assert_eq!(
        (a.number, b.number),
        (6, 6),
        "the generation after the fifth"
    );
    assert_eq!(
        desk.state(),
        State::CompletingRebalance,
        "the assignment is awaited"
    );
}

fn all_are_told_of_one_generation() {
    let mut desk = Desk::new(group(State::Empty, Vec::new()));
    let tickets = ["a", "b", "c"].map(|id| desk.join(&member(id), ""));
    desk.wait(seconds(3));
    desk.wait(seconds(3));
    let told = tickets.map(|ticket| desk.generation(ticket));
    let leader = &told[0].leader;
    let mut ids: Vec<&String> = told.iter().map(|one| &one.me).collect();
    ids.sort();
    assert!(ids.contains(&leader), "the leader is one of them");
    for one in &told {
        assert_eq!(one.number, 6, "it is the same generation for all");
        assert_eq!(&one.leader, leader, "and the same leader");
        let named: Vec<&String> = one.members.keys().collect();
        if &one.me == leader {
            assert_eq!(named, ids, "the leader is told of everyone");
        } else {
            assert!(named.is_empty(), "and nobody else is, but {named:?}");
        }
    }
    let lead = told.iter().find(|one| &one.me == leader).unwrap();
    let said: Vec<&str> = lead.members.values().map(String::as_str).collect();
    let mut sorted = said.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        ["a as range", "b as range", "c as range"],
        "what each said for the protocol that was chosen"
    );
}

fn a_new_member_makes_all_join_again() {
    let mut desk = Desk::new(group(State::Stable, vec![member("a"), member("b")]));
    let c = desk.join(&member("c"), "");
    assert_eq!(desk.state(), State::PreparingRebalance, "a member has come");
    let group_now = desk.coordinator.group("g").unwrap();
    assert!(
        group_now.members.values().all(|m| m.assignment.is_empty()),
        "nobody owns anything before the next assignment"
    );
    let b = desk.join_again(&member("b"));
    desk.wait(seconds(1));
    assert_eq!(desk.joined(c), None, "a is waited for");
    let a = desk.join_again(&member("a"));
    let told = [a, b, c].map(|ticket| desk.generation(ticket));
    assert_eq!(
        told.each_ref().map(|one| one.number),
        [6; 3],
        "all are there, so nobody is waited for"
    );
    assert_eq!(told[0].leader, "a", "the leader stays");
    assert_eq!(told[0].members.len(), 3, "three are in the generation");
}

fn who_does_not_come_back_is_out() {
    let mut desk = Desk::new(group(State::Stable, vec![member("a"), member("b")]));
    let c = desk.join(&member("c"), "");
    let a = desk.join_again(&member("a"));
    desk.wait(REBALANCE - seconds(1));
    assert_eq!(desk.joined(a), None, "b has another second");
    desk.wait(seconds(1));
    let (a, c) = (desk.generation(a), desk.generation(c));
    assert_eq!((a.number, c.number), (6, 6), "b's time is up");
    assert_eq!(a.members.len(), 2, "the generation is without b");
    assert!(!desk.members().contains(&"b".to_owned()), "b is no member");
    let b = desk.join_again(&member("b"));
    let refused = desk.joined(b).map(|answer| answer.error);
    assert_eq!(
        refused,
        Some(ErrorCode::UnknownMemberId),
        "b has to join as a new one"
    );
}

fn the_longest_timeout_counts() {
    let slow = |id| {
        let mut member = member(id);
        member.rebalance_timeout = REBALANCE * 2;
        member
    };
    let mut desk = Desk::new(group(State::Stable, vec![member("a"), slow("b")]));
    let a = desk.join_again(&member("a"));
    desk.wait(REBALANCE + seconds(1));
    assert_eq!(
        desk.joined(a),
        None,
        "b said that it may take two minutes to come back"
    );
    desk.wait(REBALANCE);
    assert_eq!(desk.generation(a).number, 6, "they are over");
}

fn a_leader_who_does_not_come_is_replaced() {
    let members = ["a", "b", "c"].map(member);
    let mut desk = Desk::new(group(State::Stable, members.to_vec()));
    let d = desk.join(&member("d"), "");
    let tickets = ["b", "c"].map(|id| desk.join_again(&member(id)));
    desk.wait(REBALANCE);
    let told = [tickets[0], tickets[1], d].map(|ticket| desk.generation(ticket));
    let leader = told.iter().find(|one| one.me == one.leader);
    let leader = leader.expect("the leader is one of those who came");
    assert_eq!(leader.members.len(), 3, "who is told of all of them");
    assert!(!leader.members.contains_key("a"), "a is out");
}

fn a_static_member_may_be_restarting() {
    let members = vec![member("a"), static_member("s"), member("z")];
    let mut desk = Desk::new(group(State::Stable, members));
    let b = desk.join(&member("b"), "");
    let a = desk.join_again(&member("a"));
    desk.wait(REBALANCE);
    assert_eq!(desk.generation(b).number, 6, "time is up");
    let a = desk.generation(a);
    assert!(
        a.members.contains_key("s"),
        "a static member stays until its session ends, and gets a share"
    );
    assert!(!a.members.contains_key("z"), "a dynamic one does not");
}

fn where_only_static_members_are_left_they_are_waited_for() {
    let mut desk = Desk::new(group(State::Stable, vec![static_member("s")]));
    let a = desk.join(&member("a"), "");
    assert_eq!(desk.joined(a), None, "s is waited for");
    let ids = desk.members();
    let id = ids.iter().find(|id| *id != "s").unwrap();
    desk.leave(id);
    desk.wait(REBALANCE * 3);
    let generation = desk.coordinator.group("g").unwrap().generation;
    assert_eq!(generation, 5, "nobody came who could assign");
    assert_eq!(desk.members(), ["s"], "s may still come");
    let s = desk.join_again(&static_member("s"));
    assert_eq!(desk.generation(s).number, 6, "it has come");
}

fn when_the_last_one_leaves_that_is_a_generation_too() {
    let mut desk = Desk::new(group(State::Stable, vec![member("a")]));
    desk.leave("a");
    assert_eq!(desk.state(), State::Empty, "nobody is left");
    assert_eq!(
        desk.coordinator.group("g").unwrap().generation,
        6,
        "what a still commits is of an earlier generation"
    );
    assert_eq!(desk.records_on_their_way(), 1, "that is written down");
    let b = desk.join(&member("b"), "");
    desk.wait(seconds(6));
    assert_eq!(desk.generation(b).number, 7, "the count goes on");
}

fn who_was_told_has_to_be_heard_of() {
    let mut desk = Desk::new(group(State::Stable, vec![member("a"), member("b")]));
    let a = desk.join_again(&member("a"));
    desk.join_again(&member("b"));
    assert_eq!(desk.generation(a).number, 6, "both are there");
    desk.wait(SESSION - seconds(1));
    assert_eq!(desk.members().len(), 2, "their sessions are not over");
    desk.wait(seconds(1));
    assert_eq!(desk.members().len(), 0, "nobody was heard of since");
}

fn any_order_of_joins() {
    for seed in autograder::seeds(30) {
        let mut rng = node::Rng::new(seed);
        let all = ["a", "b", "c", "d", "e"].map(member);
        let mut desk = Desk::new(group(State::Stable, all.to_vec()));
        let mut waiting: Vec<usize> = (0..all.len()).collect();
        let mut came = Vec::new();
        // The first is the leader, whose join begins a rebalance.
        let absent = rng.index(all.len());
        while !waiting.is_empty() {
            let at = if came.is_empty() {
                0
            } else {
                rng.index(waiting.len())
            };
            let n = waiting.remove(at);
            if n != absent || n == 0 {
                came.push((n, desk.join_again(&all[n])));
            }
            desk.wait(seconds(rng.below(5)));
        }
        desk.wait(REBALANCE);
        let told: Vec<_> = came.iter().map(|(_, t)| desk.generation(*t)).collect();
        assert!(
            told.iter().all(|one| one.number == 6),
            "seed {seed}: all who came are in the sixth generation"
        );
        let leader = told.iter().find(|one| one.me == one.leader).unwrap();
        let named: Vec<&str> = leader.members.keys().map(String::as_str).collect();
        let mut expected: Vec<&str> = came.iter().map(|(n, _)| &*all[*n].id).collect();
        expected.sort_unstable();
        assert_eq!(named, expected, "seed {seed}: who is in the generation");
    }
}
