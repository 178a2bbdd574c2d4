//! Merging is a join: in whichever order states meet, however often, the same comes of it, and it is the least that includes all of them.

use std::cmp::Ordering;

use proptest::prelude::*;
use vector_clocks::dotted::Siblings;
use vector_clocks::lamport::Stamp;
use vector_clocks::lww::LwwRegister;
use vector_clocks::vector_clock::{INLINE, VectorClock};
use vector_clocks::version_vector::VersionVector;

fn counts() -> impl Strategy<Value = Vec<(u8, u64)>> {
    proptest::collection::vec((0..14u8, 0..4u64), 0..14)
}

prop_compose! {
    fn vector_clocks()(counts in counts()) -> VectorClock<u8> {
        counts.into_iter().collect()
    }
}

prop_compose! {
    fn version_vectors()(counts in counts()) -> VersionVector<u8> {
        counts.into_iter().collect()
    }
}

/// States of three replicas that can come about: clients write, having read here or there, and replicas tell each other.
fn replicas() -> impl Strategy<Value = Vec<Siblings<usize, usize>>> {
    let step = (0..3usize, 0..3usize, 0..5u8);
    proptest::collection::vec(step, 0..25).prop_map(|steps| {
        let mut replicas = vec![Siblings::new(); 3];
        for (value, (at, other, what)) in steps.into_iter().enumerate() {
            let context = match what {
                0 => VersionVector::new(),
                _ => replicas[other].seen.clone(),
            };
            match what {
                0..=2 => drop(replicas[at].write(&at, &context, value)),
                3 => replicas[at].delete(&context),
                _ => {
                    let other = replicas[other].clone();
                    replicas[at].merge(&other);
                }
            }
        }
        replicas
    })
}

fn joined<T: Clone>(a: &T, b: &T, merge: impl Fn(&mut T, &T)) -> T {
    let mut joined = a.clone();
    merge(&mut joined, b);
    joined
}

proptest! {
    #[test]
    fn of_vector_clocks(a in vector_clocks(), b in vector_clocks(), c in vector_clocks()) {
        let join = |a: &VectorClock<u8>, b: &VectorClock<u8>| joined(a, b, VectorClock::merge);
        prop_assert_eq!(join(&a, &b), join(&b, &a));
        prop_assert_eq!(join(&join(&a, &b), &c), join(&a, &join(&b, &c)));
        prop_assert_eq!(join(&a, &a), a.clone());
        let ab = join(&a, &b);
        prop_assert!(a <= ab && b <= ab, "{} and {} are not below {}", a, b, ab);
        if a <= c && b <= c {
            prop_assert!(ab <= c, "{} is not the least above {} and {}: {} is too", ab, a, b, c);
        }
        // The order and the join say the same.
        prop_assert_eq!(a <= b, join(&a, &b) == b);
        prop_assert_eq!(a.compare(&b).map(Ordering::reverse), b.compare(&a));
        prop_assert_eq!(a == b, a.compare(&b) == Some(Ordering::Equal));
        prop_assert!(ab.is_inline() || ab.len() > INLINE, "{} was allocated", ab);
    }

    #[test]
    fn a_clock_of_any_counts_has_the_highest_of_each_process(counts in counts()) {
        let clock: VectorClock<u8> = counts.iter().copied().collect();
        let mut listed = 0;
        for process in 0..14u8 {
            let of_process = counts.iter().filter(|(p, _)| *p == process);
            let highest = of_process.map(|(_, count)| *count).max().unwrap_or(0);
            prop_assert_eq!(clock.get(&process), highest, "{} of {:?}", process, counts);
            listed += usize::from(highest > 0);
        }
        prop_assert_eq!(clock.len(), listed, "{} of {:?}", clock, counts);
    }

    #[test]
    fn counting_makes_a_clock_later(mut a in vector_clocks(), process in 0..14u8) {
        let before = a.clone();
        let count = a.tick(&process);
        prop_assert_eq!(count, before.get(&process) + 1);
        prop_assert!(before < a);
        let listed: Vec<u8> = a.iter().map(|(process, _)| *process).collect();
        prop_assert!(listed.is_sorted_by(|a, b| a < b), "{}", a);
    }

    #[test]
    fn of_version_vectors(a in version_vectors(), b in version_vectors(), c in version_vectors()) {
        let join = |a: &VersionVector<u8>, b: &VersionVector<u8>| joined(a, b, VersionVector::merge);
        prop_assert_eq!(join(&a, &b), join(&b, &a));
        prop_assert_eq!(join(&join(&a, &b), &c), join(&a, &join(&b, &c)));
        prop_assert_eq!(join(&a, &a), a.clone());
        prop_assert!(join(&a, &b).includes(&a));
        prop_assert!(!(c.includes(&a) && c.includes(&b)) || c.includes(&join(&a, &b)));
    }

    #[test]
    fn of_siblings(replicas in replicas()) {
        type Key = Siblings<usize, usize>;
        let join = |a: &Key, b: &Key| joined(a, b, Key::merge);
        let [a, b, c] = &replicas[..] else { unreachable!("there are three") };
        prop_assert_eq!(join(a, b), join(b, a));
        prop_assert_eq!(join(&join(a, b), c), join(a, &join(b, c)));
        prop_assert_eq!(&join(a, a), a);
        prop_assert_eq!(join(&join(a, b), b), join(a, b));
        for state in &replicas {
            prop_assert!(state.values.keys().all(|dot| state.seen.contains(dot)), "{:?}", state);
            prop_assert!(state.seen.len() <= 3, "three replicas took all writes: {:?}", state);
        }
    }

    #[test]
    fn of_registers(writes in proptest::collection::vec((0..9u64, 0..3u8), 3)) {
        let register = |i: usize| {
            let mut register = LwwRegister::new();
            let (time, process) = writes[i];
            // The value follows from the stamp, since two values never have the same.
            register.write(Stamp { time, process }, (time, process));
            register
        };
        type Register = LwwRegister<u8, (u64, u8)>;
        let join = |a: &Register, b: &Register| joined(a, b, Register::merge);
        let (a, b, c) = (register(0), register(1), register(2));
        prop_assert_eq!(join(&a, &b), join(&b, &a));
        prop_assert_eq!(join(&join(&a, &b), &c), join(&a, &join(&b, &c)));
        prop_assert_eq!(join(&a, &a), a);
    }
}
