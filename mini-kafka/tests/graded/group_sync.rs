//! The second half of a rebalance: the assignment; and the heartbeats of those who have one.

use autograder::{Test, tests};
use mini_kafka::error::ErrorCode;
use mini_kafka::group::{Group, MemberRef, State};

use crate::desk::{Desk, NOW, SESSION, by, group, member, seconds, static_member};

pub(crate) const TESTS: &[Test] = tests![
    in_a_stable_group_everyone_has_an_assignment,
    who_asks_early_waits_for_the_leader,
    nobody_is_told_before_it_is_in_the_log,
    who_asks_late_is_told_at_once,
    who_waits_is_alive,
    who_asks_again_waits_once,
    while_members_are_gathered_there_is_no_assignment,
    a_heartbeat_keeps_a_member_alive,
    a_heartbeat_tells_who_has_to_join_again,
    a_heartbeat_is_refused_to_strangers,
    what_could_not_be_stored_is_nobodys,
    an_assignment_of_an_earlier_generation_is_void,
];

const REBALANCING: Option<Result<String, ErrorCode>> = Some(Err(ErrorCode::RebalanceInProgress));

/// Three members who know of their generation and await its assignment, which `a` decides.
fn awaiting() -> Desk {
    let members = ["a", "b", "c"].map(member);
    Desk::new(group(State::CompletingRebalance, members.to_vec()))
}

const DECISION: [(&str, &str); 3] = [("a", "0,1"), ("b", "2"), ("c", "3")];

fn told(what: &str) -> Option<Result<String, ErrorCode>> {
    Some(Ok(what.to_owned()))
}

fn in_a_stable_group_everyone_has_an_assignment() {
    let mut desk = Desk::new(group(State::Stable, vec![member("a"), member("b")]));
    for id in ["b", "a"] {
        let asked = desk.sync(by(id), &[("a", "all")]);
        assert_eq!(
            desk.synced(asked),
            told(&format!("p of {id}")),
            "{id} may only have lost the answer"
        );
    }
    assert_eq!(
        desk.records_on_their_way(),
        0,
        "the assignment stands, whatever the leader brings"
    );
}

fn who_asks_early_waits_for_the_leader() {
    let mut desk = awaiting();
    let b = desk.sync(by("b"), &[]);
    assert_eq!(desk.synced(b), None, "the leader has not decided");
    assert_eq!(desk.records_on_their_way(), 0, "there is nothing to store");
    let c = desk.sync(by("c"), &[("b", "all"), ("c", "none")]);
    assert_eq!(desk.synced(c), None, "c does not lead, whatever it brings");
    assert_eq!(desk.records_on_their_way(), 0, "and decides nothing");
}

fn nobody_is_told_before_it_is_in_the_log() {
    let mut desk = awaiting();
    let b = desk.sync(by("b"), &[]);
    let a = desk.sync(by("a"), &DECISION);
    assert_eq!(
        desk.records_on_their_way(),
        1,
        "the decision is to be stored"
    );
    let c = desk.sync(by("c"), &[]);
    assert_eq!(
        [a, b, c].map(|ticket| desk.synced(ticket)),
        [None, None, None],
        "a crash could still take it back"
    );
    assert_eq!(desk.state(), State::CompletingRebalance, "as long as that");
    desk.store(Ok(()));
    assert_eq!(desk.synced(a), told("0,1"), "the leader has its own share");
    assert_eq!(desk.synced(b), told("2"), "and so has everyone who waited");
    assert_eq!(desk.state(), State::Stable, "the rebalance is over");
}

fn who_asks_late_is_told_at_once() {
    let mut desk = awaiting();
    desk.sync(by("a"), &DECISION);
    desk.store(Ok(()));
    let c = desk.sync(by("c"), &[]);
    assert_eq!(desk.synced(c), told("3"), "it is known by now");
}

fn who_waits_is_alive() {
    let mut desk = awaiting();
    assert_eq!(desk.coordinator.heartbeat(&by("b"), NOW), Ok(()), "b lives");
    let b = desk.sync(by("b"), &[]);
    desk.wait(SESSION * 3);
    assert_eq!(
        desk.synced(b),
        None,
        "b waits, and cannot say that it lives"
    );
    let a = desk.sync(by("a"), &DECISION);
    desk.store(Ok(()));
    assert_eq!(desk.synced(b), told("2"), "so it is not taken for dead");
    assert_eq!(desk.synced(a), told("0,1"), "the leader too");
    assert_eq!(
        desk.coordinator.next_deadline(),
        Some(desk.now + SESSION),
        "from its answer on each has to be heard of"
    );
}

fn who_asks_again_waits_once() {
    let mut desk = awaiting();
    let first = desk.sync(by("b"), &[]);
    let second = desk.sync(by("b"), &[]);
    assert_eq!(
        desk.synced(first),
        REBALANCING,
        "nobody listens to the first one's answer, but it has one"
    );
    desk.sync(by("a"), &DECISION);
    desk.store(Ok(()));
    assert_eq!(desk.synced(second), told("2"), "the second one counts");
}

fn while_members_are_gathered_there_is_no_assignment() {
    let members = vec![member("a"), member("b")];
    let mut desk = Desk::new(group(State::PreparingRebalance, members));
    let b = desk.sync(by("b"), &[]);
    assert_eq!(desk.synced(b), REBALANCING, "b has to join again first");
    let a = desk.sync(by("a"), &DECISION);
    assert_eq!(desk.synced(a), REBALANCING, "the leader too");
    assert_eq!(
        desk.records_on_their_way(),
        0,
        "what it decided is of a generation that is over"
    );
}

fn a_heartbeat_keeps_a_member_alive() {
    let mut desk = Desk::new(group(State::Stable, vec![member("a")]));
    for _ in 0..3 {
        let now = desk.now;
        assert_eq!(desk.coordinator.heartbeat(&by("a"), now), Ok(()), "a lives");
        assert_eq!(
            desk.coordinator.next_deadline(),
            Some(now + SESSION),
            "until its session timeout from now"
        );
        desk.wait(SESSION - seconds(1));
    }
    assert_eq!(desk.members(), ["a"], "it was heard of each time");
}

fn a_heartbeat_tells_who_has_to_join_again() {
    let says = |state| {
        let mut desk = Desk::new(group(state, vec![member("a")]));
        let told = desk.coordinator.heartbeat(&by("a"), NOW);
        (told, desk.coordinator.next_deadline())
    };
    let alive = Some(NOW + SESSION);
    assert_eq!(says(State::Stable), (Ok(()), alive), "all is well");
    assert_eq!(
        says(State::CompletingRebalance),
        (Ok(()), alive),
        "it has joined, and its sync comes next"
    );
    assert_eq!(
        says(State::PreparingRebalance),
        (Err(ErrorCode::RebalanceInProgress), alive),
        "it is alive, and has to join again"
    );
}

fn a_heartbeat_is_refused_to_strangers() {
    let members = vec![member("a"), static_member("s")];
    let mut desk = Desk::new(group(State::Stable, members));
    let mut refused = |who: MemberRef, expected, why: &str| {
        let told = desk.coordinator.heartbeat(&who, NOW);
        assert_eq!(told, Err(expected), "{why}");
    };
    let of = |group: &str| MemberRef {
        group_id: group.to_owned(),
        ..by("a")
    };
    refused(of(""), ErrorCode::InvalidGroupId, "no name of a group");
    refused(of("h"), ErrorCode::UnknownMemberId, "no such group");
    refused(by("x"), ErrorCode::UnknownMemberId, "no such member");
    let late = MemberRef {
        generation: 4,
        ..by("a")
    };
    refused(late, ErrorCode::IllegalGeneration, "it was away meanwhile");
    let twin = MemberRef {
        instance_id: Some("name of s".to_owned()),
        ..by("a")
    };
    refused(
        twin,
        ErrorCode::FencedInstanceId,
        "another one has the name",
    );
    let mut desk = Desk::new(group(State::Empty, vec![member("a")]));
    let told = desk.coordinator.heartbeat(&by("a"), NOW);
    assert_eq!(told, Err(ErrorCode::UnknownMemberId), "nobody is in it");
}

fn what_could_not_be_stored_is_nobodys() {
    let mut desk = awaiting();
    let b = desk.sync(by("b"), &[]);
    let a = desk.sync(by("a"), &DECISION);
    desk.store(Err(ErrorCode::CoordinatorNotAvailable));
    let failed = Some(Err(ErrorCode::CoordinatorNotAvailable));
    assert_eq!(desk.synced(a), failed.clone(), "the leader hears why");
    assert_eq!(desk.synced(b), failed, "and so does everyone who waited");
    assert_eq!(desk.state(), State::PreparingRebalance, "all join again");
    let group: &Group = desk.coordinator.group("g").unwrap();
    assert!(
        group.members.values().all(|m| m.assignment.is_empty()),
        "nobody owns what is not in the log"
    );
}

fn an_assignment_of_an_earlier_generation_is_void() {
    let mut desk = awaiting();
    let b = desk.sync(by("b"), &[]);
    let a = desk.sync(by("a"), &DECISION);
    desk.leave("c");
    assert_eq!(
        (desk.synced(a), desk.synced(b)),
        (REBALANCING, REBALANCING),
        "c has left while the decision was being stored: it is void"
    );
    desk.store(Ok(()));
    assert_eq!(desk.state(), State::PreparingRebalance, "it stays void");
    let mut desk = awaiting();
    desk.sync(by("a"), &DECISION);
    desk.leave("c");
    let again = ["a", "b"].map(|id| desk.join_again(&member(id)));
    let number = desk.generation(again[0]).number;
    assert_eq!(number, 6, "the others have made a new generation");
    let b = MemberRef {
        generation: 6,
        ..by("b")
    };
    let b = desk.sync(b, &[]);
    desk.store(Ok(()));
    assert_eq!(
        (desk.synced(b), desk.state()),
        (None, State::CompletingRebalance),
        "what is in the log now is the fifth generation's"
    );
}
