//! Long polling: a fetch that waits.

use autograder::{Test, tests};
use mini_kafka::fetch::purgatory::{PartitionKey, Purgatory, Verdict, WaitId, decide};
use node::Time;

pub(crate) const TESTS: &[Test] = tests![
    enough_is_answered_and_too_little_waits,
    when_time_is_up_what_there_is_is_answered,
    what_cannot_get_better_is_answered_at_once,
    growth_wakes_those_who_wait_for_it_and_nobody_else,
    who_waits_for_several_is_woken_once,
    who_has_gone_is_not_woken,
    nothing_stays_of_waits_that_ended,
    any_order_of_events,
];

const NOW: Time = Time::from_millis(1_000);
const LATER: Time = Time::from_millis(1_500);

fn key(partition: i32) -> PartitionKey {
    ("t".to_owned(), partition)
}

fn woken(purgatory: &mut Purgatory, partition: i32) -> Vec<WaitId> {
    let mut woken = purgatory.wake(&key(partition));
    woken.sort_unstable();
    woken
}

fn enough_is_answered_and_too_little_waits() {
    for (found, expected) in [
        (0, Verdict::WaitUntil(LATER)),
        (9, Verdict::WaitUntil(LATER)),
        (10, Verdict::Answer),
        (11, Verdict::Answer),
    ] {
        let verdict = decide(found, 10, false, false, LATER, NOW);
        assert_eq!(verdict, expected, "{found} bytes, of at least 10");
    }
    let verdict = decide(0, 0, false, false, LATER, NOW);
    assert_eq!(verdict, Verdict::Answer, "who asks for 0 bytes has enough");
}

fn when_time_is_up_what_there_is_is_answered() {
    for (deadline, now) in [(NOW, NOW), (NOW, LATER)] {
        let verdict = decide(3, 10, false, false, deadline, now);
        assert_eq!(verdict, Verdict::Answer, "now {now}, deadline {deadline}");
    }
}

fn what_cannot_get_better_is_answered_at_once() {
    let verdict = decide(0, 10, true, false, LATER, NOW);
    assert_eq!(verdict, Verdict::Answer, "an error is told at once");
    let verdict = decide(0, 10, false, true, LATER, NOW);
    assert_eq!(
        verdict,
        Verdict::Answer,
        "a fetch of no partition has nothing to wait for"
    );
}

fn growth_wakes_those_who_wait_for_it_and_nobody_else() {
    let mut purgatory = Purgatory::default();
    let (a, b) = (purgatory.wait(vec![key(0)]), purgatory.wait(vec![key(0)]));
    let c = purgatory.wait(vec![key(1)]);
    assert!(
        a != b && b != c && a != c,
        "everyone who waits is known by an id of his own"
    );
    assert_eq!(purgatory.len(), 3, "three wait");
    let mut both = vec![a, b];
    both.sort_unstable();
    assert_eq!(woken(&mut purgatory, 0), both, "two wait for t-0");
    assert_eq!(purgatory.len(), 1, "who was woken no longer waits");
    assert_eq!(woken(&mut purgatory, 2), [], "nobody waits for t-2");
    assert_eq!(woken(&mut purgatory, 1), [c], "one waits for t-1");
}

fn who_waits_for_several_is_woken_once() {
    let mut purgatory = Purgatory::default();
    let id = purgatory.wait(vec![key(0), key(1), key(2)]);
    assert_eq!(woken(&mut purgatory, 1), [id], "t-1 has grown");
    for partition in 0..3 {
        assert_eq!(
            woken(&mut purgatory, partition),
            [],
            "he was woken already, and is answered"
        );
    }
    let id = purgatory.wait(vec![key(0), key(0)]);
    assert_eq!(
        woken(&mut purgatory, 0),
        [id],
        "a partition that was named twice"
    );
}

fn who_has_gone_is_not_woken() {
    let mut purgatory = Purgatory::default();
    let (gone, stays) = (
        purgatory.wait(vec![key(0), key(1)]),
        purgatory.wait(vec![key(1)]),
    );
    purgatory.cancel(gone);
    assert_eq!(woken(&mut purgatory, 0), [], "his time was up");
    assert_eq!(
        woken(&mut purgatory, 1),
        [stays],
        "the other one still waits"
    );
    purgatory.cancel(gone);
    purgatory.cancel(stays);
    assert_eq!(
        purgatory.len(),
        0,
        "to cancel what has ended changes nothing"
    );
}

fn nothing_stays_of_waits_that_ended() {
    let mut purgatory = Purgatory::default();
    for n in 0..100 {
        let id = purgatory.wait(vec![key(n), key(n + 1), key(n + 2)]);
        if n % 2 == 0 {
            purgatory.cancel(id);
        } else {
            purgatory.wake(&key(n + 1));
        }
    }
    assert_eq!(purgatory.len(), 0, "nobody waits");
    assert!(
        purgatory.is_empty(),
        "and no partition keeps a list of those who did"
    );
}

fn any_order_of_events() {
    for seed in autograder::seeds(30) {
        let mut rng = node::Rng::new(seed);
        let mut purgatory = Purgatory::default();
        let mut waiting: Vec<(WaitId, Vec<i32>)> = Vec::new();
        for _ in 0..200 {
            match rng.below(3) {
                0 => {
                    let count = 1 + rng.index(3);
                    let partitions: Vec<i32> = (0..count)
                        .map(|_| i32::try_from(rng.below(5)).unwrap())
                        .collect();
                    let id = purgatory.wait(partitions.iter().copied().map(key).collect());
                    waiting.push((id, partitions));
                }
                1 if !waiting.is_empty() => {
                    let (id, _) = waiting.remove(rng.index(waiting.len()));
                    purgatory.cancel(id);
                }
                _ => {
                    let grown = i32::try_from(rng.below(5)).unwrap();
                    let waits = |(_, partitions): &&(WaitId, Vec<i32>)| partitions.contains(&grown);
                    let mut expected: Vec<WaitId> =
                        waiting.iter().filter(waits).map(|(id, _)| *id).collect();
                    expected.sort_unstable();
                    assert_eq!(
                        woken(&mut purgatory, grown),
                        expected,
                        "seed {seed}: t-{grown} has grown"
                    );
                    waiting.retain(|(id, _)| !expected.contains(id));
                }
            }
            assert_eq!(purgatory.len(), waiting.len(), "seed {seed}: how many wait");
        }
    }
}
