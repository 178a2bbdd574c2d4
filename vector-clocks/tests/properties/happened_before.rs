//! Happened-before, by the graph of messages, and what each clock says of it.

use crate::gossip::{EPSILON_MS, Recorded, execution, reachable};

const SEEDS: u64 = 40;

/// Calls `check` with two events and whether a path leads from the first to the second, for all pairs of some executions.
fn for_all_pairs(check: impl Fn(&Recorded, &Recorded, bool, u64)) {
    for seed in 0..SEEDS {
        let events = execution(seed);
        let before = reachable(&events);
        for a in 0..events.len() {
            for b in 0..events.len() {
                if a != b {
                    check(&events[a], &events[b], before[b].contains(&a), seed);
                }
            }
        }
    }
}

#[test]
fn executions_have_what_they_are_made_for() {
    let (mut concurrent, mut messages, mut twice) = (0, 0, 0);
    for seed in 0..SEEDS {
        let events = execution(seed);
        let before = reachable(&events);
        for b in 0..events.len() {
            concurrent += (0..b).filter(|a| !before[b].contains(a)).count();
            messages += usize::from(events[b].sent_at.is_some());
            let same = |e: &&Recorded| e.node == events[b].node && e.sent_at == events[b].sent_at;
            let again = events[b].sent_at.is_some() && events[..b].iter().any(|e| same(&e));
            twice += usize::from(again);
        }
    }
    assert!(
        concurrent > 1_000 && messages > 1_000 && twice > 100,
        "{concurrent} concurrent pairs, {messages} messages, {twice} of them twice"
    );
    assert_eq!(execution(7), execution(7), "a seed means the same run");
}

#[test]
fn by_vector_clocks_it_is_a_strict_partial_order() {
    for seed in 0..20 {
        let mut events = execution(seed);
        events.truncate(120);
        let less: Vec<Vec<bool>> = events
            .iter()
            .map(|a| events.iter().map(|b| a.vector < b.vector).collect())
            .collect();
        for a in 0..events.len() {
            assert!(!less[a][a], "no event is before itself");
            for b in 0..events.len() {
                assert!(
                    !(less[a][b] && less[b][a]),
                    "of two events one is first at most"
                );
                for c in 0..events.len() {
                    assert!(
                        !(less[a][b] && less[b][c]) || less[a][c],
                        "it is transitive"
                    );
                }
            }
        }
    }
}

#[test]
fn vector_clocks_say_it_exactly() {
    for_all_pairs(|a, b, before, seed| {
        assert_eq!(a.vector < b.vector, before, "seed {seed}: {a:?} and {b:?}");
        assert_ne!(a.vector, b.vector, "seed {seed}: two events, one clock");
        let other_way = b.vector < a.vector;
        assert_eq!(a.vector.is_concurrent(&b.vector), !before && !other_way);
    });
}

#[test]
fn lamport_clocks_agree_with_it() {
    for_all_pairs(|a, b, before, seed| {
        if before {
            assert!(
                a.lamport.time < b.lamport.time,
                "seed {seed}: {a:?} and {b:?}"
            );
        }
        assert_ne!(a.lamport, b.lamport, "seed {seed}: two events, one stamp");
    });
}

#[test]
fn hybrid_clocks_agree_with_it_and_stay_near_the_time() {
    for_all_pairs(|a, b, before, seed| {
        if before {
            assert!(a.hybrid < b.hybrid, "seed {seed}: {a:?} and {b:?}");
        }
    });
    for seed in 0..SEEDS {
        for event in execution(seed) {
            let millis = event.hybrid.millis();
            let near = event.wall_ms <= millis && millis <= event.time_ms + EPSILON_MS;
            assert!(near, "seed {seed}: {event:?}");
        }
    }
}

/// What the other clocks cannot say.
#[test]
fn a_lower_number_does_not_mean_before() {
    let events = execution(3);
    let before = reachable(&events);
    let misleading = |a: usize, b: usize| {
        events[a].lamport < events[b].lamport
            && events[a].hybrid < events[b].hybrid
            && !before[b].contains(&a)
    };
    let found = (0..events.len()).any(|a| (0..events.len()).any(|b| misleading(a, b)));
    assert!(found, "two concurrent events have different stamps");
}
