//! What is wrong is found where it is wrong, and nothing else is.

use proptest::prelude::*;
use vector_clocks::log::{
    Log, Wrong, check, concurrent, concurrent_with, count_concurrent, json, stamp,
};

fn log(text: &str) -> Log {
    let mut log = Log::default();
    json::read_into(&mut log, "log", text).unwrap();
    log
}

/// The line of each finding, and what it is.
fn findings(log: &Log) -> Vec<(usize, Wrong)> {
    let findings = check(log).into_iter();
    findings
        .map(|finding| (log.events[finding.event.0].line, finding.wrong))
        .collect()
}

#[test]
fn each_mistake_is_found_once() {
    let log = log(include_str!("../../logs/bad-clocks.jsonl"));
    let expected = [
        (2, Wrong::KnowsTooLittle),
        (3, Wrong::KnowsTooMuch),
        (4, Wrong::GoesBack),
        (5, Wrong::Gap),
        (5, Wrong::Forgets),
        (6, Wrong::NeverSent),
        (7, Wrong::NotCounted),
        (8, Wrong::SentTwice),
    ];
    assert_eq!(findings(&log), expected);
}

#[test]
fn a_receipt_before_its_send_is_a_circle() {
    let log = log(include_str!("../../logs/circle.jsonl"));
    let found = check(&log);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].wrong, Wrong::ReceivedBeforeSent);
    for label in ["ada:1", "ada:2", "bob:1", "bob:2"] {
        assert!(found[0].text.contains(label), "{}", found[0].text);
    }
    assert!(stamp(&log).is_err());
}

#[test]
fn clocks_of_machines_that_disagree_are_no_violation() {
    let log = log(include_str!("../../logs/chat.jsonl"));
    let found = check(&log);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].wrong, Wrong::TimeDisagrees);
    assert!(!found[0].wrong.is_violation());
}

#[test]
fn clocks_that_know_each_other_are_a_circle_without_messages_too() {
    let text = "{\"process\":\"ada\",\"clock\":{\"ada\":1,\"bob\":1}}\n{\"process\":\"bob\",\"clock\":{\"ada\":1,\"bob\":1}}\n";
    assert_eq!(findings(&log(text))[0].1, Wrong::ReceivedBeforeSent);
    let text = "{\"process\":\"ada\",\"clock\":{\"ada\":1,\"bob\":2}}\n{\"process\":\"bob\",\"clock\":{\"bob\":1}}\n";
    assert_eq!(
        findings(&log(text)),
        [(1, Wrong::KnowsTooMuch)],
        "bob has one event"
    );
    // cy has heard bob, who had heard ada, and does not know of ada.
    let text = "{\"process\":\"ada\",\"clock\":{\"ada\":1}}\n{\"process\":\"bob\",\"clock\":{\"ada\":1,\"bob\":1}}\n{\"process\":\"cy\",\"clock\":{\"bob\":1,\"cy\":1}}\n";
    assert_eq!(findings(&log(text)), [(3, Wrong::KnowsTooLittle)]);
}

/// A run of three processes: who acts, and whether he sends (to be received later), receives (which of those that are under way), or neither.
fn true_log(steps: &[(usize, u8, usize)]) -> Log {
    let mut log = Log::default();
    let mut sent = 0;
    for (process, kind, which) in steps {
        use vector_clocks::log::Kind;
        let kind = match kind {
            1 => {
                sent += 1;
                Kind::Send(sent.to_string())
            }
            2 if sent > 0 => Kind::Receive((1 + which % sent).to_string()),
            _ => Kind::Inner,
        };
        log.add(["ada", "bob", "cy"][*process], kind);
    }
    log
}

proptest! {
    #[test]
    fn a_true_log_with_its_stamps_is_without_findings(
        steps in prop::collection::vec((0..3_usize, 0..3_u8, 0..100_usize), 0..30)
    ) {
        let mut log = true_log(&steps);
        prop_assert_eq!(check(&log), vec![]);
        let clocks = stamp(&log).unwrap();
        for (event, clock) in log.events.iter_mut().zip(clocks) {
            event.clock = Some(clock);
        }
        prop_assert_eq!(check(&log), vec![]);
    }

    #[test]
    fn one_changed_count_is_found_where_it_is(
        steps in prop::collection::vec((0..3_usize, 0..3_u8, 0..100_usize), 1..30),
        at in any::<prop::sample::Index>(),
        process in 0..3_usize,
        by in prop::sample::select(vec![-1_i64, 1, 3]),
    ) {
        // Without any message id, a count that is too high would tell of a message.
        let mut log = true_log(&[&[(0, 1, 0)], steps.as_slice()].concat());
        let clocks = stamp(&log).unwrap();
        let names = log.processes.len();
        for (event, clock) in log.events.iter_mut().zip(clocks) {
            event.clock = Some(clock);
        }
        let at = at.index(log.events.len());
        let process = vector_clocks::log::ProcessId(process % names);
        let clock = log.events[at].clock.clone().unwrap();
        let count = clock.get(&process);
        let Some(changed) = count.checked_add_signed(by) else { return Ok(()) };
        let others = clock.iter().map(|(p, count)| (*p, count)).filter(|(p, _)| *p != process);
        log.events[at].clock = Some(others.chain([(process, changed)]).collect());
        let found = check(&log);
        prop_assert!(found.iter().any(|finding| finding.event.0 == at), "{:?}", found);
    }

    #[test]
    fn concurrent_pairs_are_those_without_a_chain_either_way(
        steps in prop::collection::vec((0..3_usize, 0..3_u8, 0..100_usize), 0..20)
    ) {
        let log = true_log(&steps);
        let (run, clocks) = (log.run(), stamp(&log).unwrap());
        let pairs: Vec<_> = concurrent(&log, &clocks).collect();
        prop_assert_eq!(count_concurrent(&clocks), pairs.len());
        for a in log.ids() {
            let is_pair = |b: &_| pairs.contains(&(a, *b)) || pairs.contains(&(*b, a));
            let others: Vec<_> = log.ids().filter(is_pair).collect();
            prop_assert_eq!(concurrent_with(&log, &clocks, a).collect::<Vec<_>>(), others);
        }
        for a in log.ids() {
            for b in log.ids().filter(|b| a < *b) {
                let is_ordered = run.chain(a, b).is_some() || run.chain(b, a).is_some();
                prop_assert_eq!(pairs.contains(&(a, b)), !is_ordered);
                prop_assert_eq!(run.chain(a, b).is_some(), clocks[a.0] < clocks[b.0]);
            }
        }
    }
}
