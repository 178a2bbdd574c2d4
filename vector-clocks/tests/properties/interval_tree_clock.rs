//! Interval tree clocks against what they stand for: sets of events. Whatever is forked, joined and done, one stamp is at most another if and
//! only if its set of known events is contained in the other's.

use std::collections::BTreeSet;

use proptest::prelude::*;
use vector_clocks::interval_tree_clock::Stamp;

#[derive(Clone, Debug)]
enum Step {
    Fork(usize),
    Event(usize),
    Join(usize, usize),
    Send(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let any = || 0..64_usize;
    prop_oneof![
        2 => any().prop_map(Step::Fork),
        4 => any().prop_map(Step::Event),
        1 => (any(), any()).prop_map(|(a, b)| Step::Join(a, b)),
        3 => (any(), any()).prop_map(|(a, b)| Step::Send(a, b)),
    ]
}

/// A process: its stamp, and every event that it knows of.
type Process = (Stamp, BTreeSet<usize>);

fn run(steps: &[Step]) -> Vec<Process> {
    let mut processes: Vec<Process> = vec![(Stamp::seed(), BTreeSet::new())];
    for (number, step) in steps.iter().enumerate() {
        let len = processes.len();
        match step {
            Step::Fork(at) if len < 12 => {
                let (stamp, known) = processes.swap_remove(at % len);
                let (one, other) = stamp.fork();
                processes.push((one, known.clone()));
                processes.push((other, known));
            }
            Step::Fork(at) | Step::Event(at) => {
                let (stamp, known) = &mut processes[at % len];
                stamp.event().unwrap();
                known.insert(number);
            }
            Step::Join(a, b) if a % len != b % len => {
                let (a, b) = ((a % len).max(b % len), (a % len).min(b % len));
                let (stamp, known) = processes.swap_remove(a);
                let (other, other_known) = processes.swap_remove(b);
                let joined = stamp.join(&other).unwrap();
                processes.push((joined, known.union(&other_known).copied().collect()));
            }
            Step::Join(..) => {}
            Step::Send(from, to) => {
                let (message, carried) = (
                    processes[from % len].0.anonymous(),
                    processes[from % len].1.clone(),
                );
                let (stamp, known) = &mut processes[to % len];
                *stamp = stamp.join(&message).unwrap();
                known.extend(carried);
            }
        }
    }
    processes
}

proptest! {
    #[test]
    fn stamps_order_as_causal_histories_do(steps in prop::collection::vec(step(), 0..60)) {
        let processes = run(&steps);
        for (a, known_a) in &processes {
            for (b, known_b) in &processes {
                prop_assert_eq!(a.leq(b), known_a.is_subset(known_b), "{} and {}", a, b);
            }
        }
    }

    #[test]
    fn all_processes_together_own_everything_and_nothing_twice(steps in prop::collection::vec(step(), 0..60)) {
        let processes = run(&steps);
        let mut all: Option<Stamp> = None;
        for (stamp, _) in &processes {
            all = Some(match all {
                None => stamp.clone(),
                // An overlap would be an error.
                Some(all) => all.join(stamp).unwrap(),
            });
        }
        let all = all.unwrap();
        prop_assert!(all.to_string().starts_with("(1, "), "{}", all);
        // Whoever owns all and fills it has one counter: normal form leaves nothing of the past.
        let mut filled = all.clone();
        filled.event().unwrap();
        prop_assert_eq!(filled.size(), 2, "{} becomes {}", all, filled);
    }

    #[test]
    fn an_event_is_new_to_everybody(steps in prop::collection::vec(step(), 0..60), at in 0..64_usize) {
        let mut processes = run(&steps);
        let at = at % processes.len();
        let before = processes[at].0.clone();
        processes[at].0.event().unwrap();
        let after = &processes[at].0;
        prop_assert!(before.leq(after) && !after.leq(&before));
        for (other, (stamp, _)) in processes.iter().enumerate() {
            prop_assert!(other == at || !after.leq(stamp), "{} is known to {}", after, stamp);
        }
    }

    #[test]
    fn a_join_is_the_least_that_knows_both(steps in prop::collection::vec(step(), 0..40)) {
        let processes = run(&steps);
        for (a, _) in &processes {
            let a = a.anonymous();
            for (b, _) in &processes {
                let b = b.anonymous();
                let both = a.join(&b).unwrap();
                prop_assert!(a.leq(&both) && b.leq(&both));
                prop_assert_eq!(&both, &b.join(&a).unwrap());
                prop_assert_eq!(&both.join(&a).unwrap(), &both);
                for (c, _) in &processes {
                    prop_assert!(!(a.leq(c) && b.leq(c)) || both.leq(c));
                }
            }
        }
    }
}

#[test]
fn an_event_makes_the_tree_no_larger_where_it_can() {
    // One who owns a part where nothing has happened, near the root, and farther down one where he has counted before.
    let (a, b) = Stamp::seed().fork();
    let ((_, near), (c, _)) = (a.fork(), b.fork());
    let (mut far, _) = c.fork();
    far.event().unwrap();
    let mut both = near.join(&far).unwrap();
    let size = both.size();
    both.event().unwrap();
    assert_eq!(both.size(), size, "{both}");
}
