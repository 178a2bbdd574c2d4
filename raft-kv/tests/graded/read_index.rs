//! ReadIndex: a leader answers what it knows to be true now, not what was true while it led.

use autograder::{Test, seeds, tests};
use node::Rng;
use raft_kv::read_index::ReadIndex;

pub(crate) const TESTS: &[Test] = tests![
    a_majority_confirms_and_the_read_is_answered,
    nothing_is_answered_before_a_round,
    a_round_sent_before_the_read_says_nothing,
    the_leader_counts_itself_once,
    who_does_not_vote_does_not_confirm,
    a_leader_that_has_committed_nothing_in_its_term_does_not_answer,
    the_state_machine_has_to_catch_up,
    what_is_committed_later_need_not_be_applied,
    answers_come_late_and_out_of_order,
    one_round_serves_all_that_wait,
    a_leader_alone_needs_a_round_and_nobody,
    a_leader_that_was_replaced_answers_nothing,
];

/// Member 1 leads members 1 to `voters`; its term began at index 10.
fn leader(voters: u64) -> ReadIndex {
    ReadIndex::new(1, 1..=voters, 10)
}

/// One that was just asked (read 1, at index 12), and has sent a round.
fn asked(voters: u64) -> (ReadIndex, u64) {
    let mut leader = leader(voters);
    assert!(leader.ask(1, 12), "12 is of its term");
    let round = leader.send_round();
    (leader, round)
}

fn a_majority_confirms_and_the_read_is_answered() {
    let (mut leader, round) = asked(3);
    leader.answer(2, round);
    assert_eq!(
        leader.ready(12),
        [1],
        "1 and 2 are a majority of three, and 12 is applied"
    );
    assert_eq!(leader.ready(12), [0; 0], "it is answered once");
}

fn nothing_is_answered_before_a_round() {
    let mut leader = leader(3);
    leader.ask(1, 12);
    assert_eq!(leader.ready(12), [0; 0], "perhaps there is a newer leader");
}

fn a_round_sent_before_the_read_says_nothing() {
    let mut leader = leader(3);
    let before = leader.send_round();
    leader.ask(1, 12);
    leader.answer(2, before);
    leader.answer(3, before);
    assert_eq!(
        leader.ready(12),
        [0; 0],
        "both may have elected another one between that and the read"
    );
    let since = leader.send_round();
    leader.answer(3, since);
    assert_eq!(
        leader.ready(12),
        [1],
        "3 followed it after the read had come"
    );
}

fn the_leader_counts_itself_once() {
    let (mut leader, round) = asked(5);
    leader.answer(2, round);
    leader.answer(1, round);
    assert_eq!(leader.ready(12), [0; 0], "two of five");
    leader.answer(2, round);
    assert_eq!(leader.ready(12), [0; 0], "2 answers twice");
    leader.answer(5, round);
    assert_eq!(leader.ready(12), [1], "three of five");
}

fn who_does_not_vote_does_not_confirm() {
    let (mut leader, round) = asked(3);
    leader.answer(7, round);
    leader.answer(8, round);
    assert_eq!(
        leader.ready(12),
        [0; 0],
        "learners elect nobody, so they prove nothing"
    );
}

fn a_leader_that_has_committed_nothing_in_its_term_does_not_answer() {
    let mut leader = leader(3);
    assert!(
        !leader.ask(1, 9),
        "what the last leader committed may be above 9"
    );
    assert!(
        leader.ask(2, 10),
        "its own first entry is committed, and so is all before"
    );
    let round = leader.send_round();
    leader.answer(2, round);
    assert_eq!(leader.ready(20), [2], "the refused one does not wait");
}

fn the_state_machine_has_to_catch_up() {
    let (mut leader, round) = asked(3);
    leader.answer(2, round);
    assert_eq!(
        leader.ready(11),
        [0; 0],
        "12 was committed when the read came"
    );
    assert_eq!(leader.ready(12), [1], "now it is applied");
}

fn what_is_committed_later_need_not_be_applied() {
    let mut leader = leader(3);
    leader.ask(1, 12);
    leader.ask(2, 40);
    let round = leader.send_round();
    leader.answer(2, round);
    assert_eq!(
        leader.ready(12),
        [1],
        "it came before 40 was committed, and may be answered with what was before"
    );
    assert_eq!(leader.ready(40), [2], "the other one waits for 40");
}

fn answers_come_late_and_out_of_order() {
    let mut leader = leader(3);
    let first = leader.send_round();
    leader.ask(1, 12);
    let second = leader.send_round();
    leader.answer(2, second);
    leader.answer(2, first);
    assert_eq!(
        leader.ready(12),
        [1],
        "that 2 has answered the second round stays true"
    );
}

fn one_round_serves_all_that_wait() {
    let mut leader = leader(3);
    for id in 1..=100 {
        leader.ask(id, 12);
    }
    let round = leader.send_round();
    leader.ask(101, 12);
    leader.answer(2, round);
    assert_eq!(
        leader.ready(12),
        (1..=100).collect::<Vec<u64>>(),
        "in the order in which they came; 101 came after the round"
    );
    let round = leader.send_round();
    leader.answer(2, round);
    assert_eq!(leader.ready(12), [101], "the next round is for it");
}

fn a_leader_alone_needs_a_round_and_nobody() {
    let (mut leader, _) = asked(1);
    assert_eq!(leader.ready(12), [1], "one is a majority of one");
}

/// A leader and two others of whom some go over to a new leader at some time; the new one commits more. No read that came after
/// that may be answered by the old one.
fn a_leader_that_was_replaced_answers_nothing() {
    for seed in seeds(200) {
        let rng = &mut Rng::new(seed);
        let voters = 1 + 2 * (1 + rng.below(3));
        let mut old = leader(voters);
        let mut replaced_at = None;
        let mut on_the_way: Vec<(u64, u64)> = Vec::new();
        let mut left: Vec<u64> = Vec::new();
        for id in 0..60 {
            match rng.below(5) {
                0 => {
                    old.ask(id, 12);
                }
                1 | 2 => {
                    let round = old.send_round();
                    let follow = (2..=voters).filter(|member| !left.contains(member));
                    on_the_way.extend(follow.map(|member| (member, round)));
                    rng.shuffle(&mut on_the_way);
                }
                3 if !on_the_way.is_empty() => {
                    let (member, round) = on_the_way.swap_remove(0);
                    old.answer(member, round);
                }
                _ if rng.percent(20) => {
                    let member = 2 + rng.below(voters - 1);
                    if !left.contains(&member) {
                        left.push(member);
                    }
                    if left.len() as u64 > voters / 2 {
                        replaced_at.get_or_insert(id);
                    }
                }
                _ => {}
            }
            let answered = old.ready(100);
            let is_stale = |read: &u64| replaced_at.is_some_and(|at| *read > at);
            assert!(
                !answered.iter().any(is_stale),
                "seed {seed}: of {answered:?}, some came after {replaced_at:?}, when a majority had another leader"
            );
        }
    }
}
