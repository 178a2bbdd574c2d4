//! A checker of one's own: good histories, bad ones, and those in which a simple search gets lost.

use autograder::{Test, seeds, tests};
use node::Rng;
use raft_kv::linearizability::Action::{Read, Write};
use raft_kv::linearizability::{Action, INITIAL, Operation, is_linearizable};

pub(crate) const TESTS: &[Test] = tests![
    one_after_the_other,
    a_read_beside_a_write_sees_either,
    what_was_seen_is_not_unseen,
    an_answer_and_a_call_at_the_same_time_overlap,
    a_first_guess_may_be_wrong,
    an_unanswered_write_takes_effect_late_or_never,
    an_unanswered_write_takes_effect_once,
    an_unanswered_read_says_nothing,
    small_histories,
    what_a_register_made,
    many_at_once,
];

fn at(action: Action, called: u64, returned: u64) -> Operation {
    Operation {
        action,
        called,
        returned: Some(returned),
    }
}

fn lost(action: Action, called: u64) -> Operation {
    Operation {
        action,
        called,
        returned: None,
    }
}

#[track_caller]
fn good(history: &[Operation]) {
    assert!(is_linearizable(history), "an order explains {history:?}");
}

#[track_caller]
fn bad(history: &[Operation]) {
    assert!(!is_linearizable(history), "no order explains {history:?}");
}

fn one_after_the_other() {
    good(&[]);
    good(&[at(Read(INITIAL), 1, 2)]);
    good(&[at(Write(1), 1, 2), at(Read(1), 3, 4)]);
    good(&[at(Read(1), 3, 4), at(Write(1), 1, 2)]);
    bad(&[at(Write(1), 1, 2), at(Read(INITIAL), 3, 4)]);
    bad(&[at(Write(1), 1, 2), at(Write(2), 3, 4), at(Read(1), 5, 6)]);
    bad(&[at(Read(1), 1, 2), at(Write(1), 3, 4)]);
}

fn a_read_beside_a_write_sees_either() {
    good(&[at(Write(1), 1, 4), at(Read(INITIAL), 2, 3)]);
    good(&[at(Write(1), 1, 4), at(Read(1), 2, 3)]);
    bad(&[at(Write(1), 1, 4), at(Read(2), 2, 3)]);
}

fn what_was_seen_is_not_unseen() {
    good(&[
        at(Write(1), 1, 9),
        at(Read(INITIAL), 2, 3),
        at(Read(1), 4, 5),
    ]);
    bad(&[
        at(Write(1), 1, 9),
        at(Read(1), 2, 3),
        at(Read(INITIAL), 4, 5),
    ]);
}

fn an_answer_and_a_call_at_the_same_time_overlap() {
    good(&[at(Write(1), 1, 2), at(Read(INITIAL), 2, 3)]);
}

fn a_first_guess_may_be_wrong() {
    // Of two writes at once, the one that is called, listed and answered last may have been the first.
    for (first, second) in [(1, 2), (2, 1)] {
        good(&[
            at(Write(first), 1, 5),
            at(Write(second), 2, 6),
            at(Read(1), 7, 8),
        ]);
        good(&[
            at(Write(first), 1, 5),
            at(Write(second), 2, 6),
            at(Read(2), 7, 8),
        ]);
    }
    bad(&[
        at(Write(1), 1, 5),
        at(Write(2), 2, 6),
        at(Read(1), 7, 8),
        at(Read(2), 9, 10),
    ]);
}

fn an_unanswered_write_takes_effect_late_or_never() {
    good(&[
        lost(Write(1), 1),
        at(Read(INITIAL), 2, 3),
        at(Read(1), 8, 9),
    ]);
    good(&[lost(Write(1), 1), at(Read(INITIAL), 2, 3)]);
    good(&[lost(Write(1), 1), at(Write(2), 2, 3), at(Read(1), 8, 9)]);
    bad(&[at(Read(1), 1, 2), lost(Write(1), 3)]);
}

fn an_unanswered_write_takes_effect_once() {
    let twice = [
        lost(Write(1), 1),
        at(Read(1), 2, 3),
        at(Write(2), 4, 5),
        at(Read(2), 6, 7),
        at(Read(1), 8, 9),
    ];
    bad(&twice);
    good(&[
        lost(Write(1), 1),
        twice[0],
        twice[1],
        twice[2],
        twice[3],
        twice[4],
    ]);
}

fn an_unanswered_read_says_nothing() {
    good(&[
        at(Write(1), 1, 2),
        lost(Read(INITIAL), 3),
        at(Read(1), 4, 5),
    ]);
    good(&[lost(Read(9), 1)]);
}

/// Every order is tried.
fn by_trying_all(left: &[Operation], value: u64) -> bool {
    if left.iter().all(|operation| operation.returned.is_none()) {
        return true;
    }
    let first_answer = left.iter().filter_map(|operation| operation.returned).min();
    (0..left.len()).any(|place| {
        let mut rest = left.to_vec();
        let next = rest.remove(place);
        let in_time = first_answer.is_none_or(|answer| next.called <= answer);
        in_time
            && match (next.action, next.returned) {
                (Write(value), _) => by_trying_all(&rest, value),
                (Read(read), Some(_)) => read == value && by_trying_all(&rest, value),
                (Read(_), None) => by_trying_all(&rest, value),
            }
    })
}

fn small_histories() {
    for seed in seeds(2_000) {
        let rng = &mut Rng::new(seed);
        let count = 2 + rng.below(5);
        let history: Vec<Operation> = (0..count)
            .map(|_| {
                let value = rng.below(3);
                let action = if rng.percent(50) {
                    Write(value)
                } else {
                    Read(value)
                };
                let called = rng.below(10);
                let returned = (!rng.percent(15)).then(|| called + rng.below(6));
                Operation {
                    action,
                    called,
                    returned,
                }
            })
            .collect();
        assert_eq!(
            is_linearizable(&history),
            by_trying_all(&history, INITIAL),
            "seed {seed}: whether an order explains {history:?}"
        );
    }
}

/// What clients see of a register that does one thing after the other.
fn recorded(rng: &mut Rng, clients: usize, count: usize) -> Vec<Operation> {
    let mut history: Vec<Operation> = Vec::new();
    // Of each client: its operation, and whether it has taken effect.
    let mut running: Vec<Option<(usize, bool)>> = vec![None; clients];
    let (mut value, mut now) = (INITIAL, 0);
    while history.len() < count || running.iter().any(Option::is_some) {
        now += 1;
        let client = rng.index(clients);
        running[client] = match running[client] {
            None if history.len() < count => {
                let action = if rng.percent(50) {
                    Write(rng.below(4))
                } else {
                    Read(0)
                };
                history.push(lost(action, now));
                Some((history.len() - 1, false))
            }
            None => None,
            Some((place, false)) => {
                match &mut history[place].action {
                    Write(written) => value = *written,
                    Read(read) => *read = value,
                }
                Some((place, true))
            }
            Some((place, true)) => {
                history[place].returned = Some(now);
                None
            }
        };
    }
    history
}

fn what_a_register_made() {
    for seed in seeds(30) {
        let rng = &mut Rng::new(seed);
        let history = recorded(rng, 4, 60);
        assert!(
            is_linearizable(&history),
            "seed {seed}: a register made this: {history:?}"
        );
        // The last to come saw what was never written.
        let end = history
            .iter()
            .filter_map(|operation| operation.returned)
            .max()
            .unwrap_or(0);
        let broken = [history, vec![at(Read(77), end + 1, end + 2)]].concat();
        assert!(
            !is_linearizable(&broken),
            "seed {seed}: nobody has written 77"
        );
    }
}

/// Ten writes at once have 3,628,800 orders, and some thousand places to search from.
fn many_at_once() {
    let mut history: Vec<Operation> = (1..=10).map(|value| at(Write(value), value, 100)).collect();
    history.push(at(Read(5), 101, 102));
    good(&history);
    history.push(at(Read(6), 103, 104));
    bad(&history);
}
