//! Tests as a student's workspace has them on some day: some green, some not begun, some broken.

#![allow(
    clippy::todo,
    clippy::print_stdout,
    reason = "as in a student's workspace"
)]

use autograder::{Group, Test, tests};

pub(crate) const GROUPS: &[Group] = &[
    Group {
        exercise: "sample/done",
        tests: done::TESTS,
    },
    Group {
        exercise: "sample/begun",
        tests: begun::TESTS,
    },
    Group {
        exercise: "sample/later",
        tests: later::TESTS,
    },
];

mod done {
    use super::*;

    pub(crate) const TESTS: &[Test] = tests![one_is_one, seeds_pass];

    fn one_is_one() {
        println!("a test may print");
        assert_eq!("1".parse(), Ok(1));
    }

    fn seeds_pass() {
        assert!(autograder::seeds(10).all(|seed| seed != 10));
    }
}

mod begun {
    use std::thread;

    use proptest::prelude::*;

    use super::*;

    pub(crate) const TESTS: &[Test] = tests![
        the_first_half,
        fails_with_a_sentence,
        never_ends,
        a_thread_panics_and_nobody_asks,
        fails_at_seed_7,
        fails_with_other_seeds,
        fails_as_a_property,
        a_caught_panic_is_no_failure,
        the_second_half,
    ];

    fn the_first_half() {}

    fn fails_with_a_sentence() {
        assert_eq!(1, 2, "the second replica should be on another rack");
    }

    fn never_ends() {
        loop {
            std::hint::spin_loop();
        }
    }

    fn a_thread_panics_and_nobody_asks() {
        let _ = thread::spawn(|| panic!("a lost thread")).join();
    }

    fn fails_at_seed_7() {
        for seed in autograder::seeds(10) {
            assert_ne!(seed, 7, "seven is wrong");
        }
    }

    fn fails_with_other_seeds() {
        assert!(autograder::seeds(10).all(|seed| seed < 10), "a large seed");
    }

    proptest! {
        #![proptest_config(autograder::property(64))]
        fn fails_as_a_property(number in 0..1000_u32) {
            check(number);
        }
    }

    fn check(number: u32) {
        assert!(number < 500, "{number} is too large");
    }

    fn a_caught_panic_is_no_failure() {
        let _ = std::panic::catch_unwind(|| panic!("caught"));
    }

    fn the_second_half() {
        todo!("sample/begun: the second half");
    }
}

mod later {
    use super::*;

    pub(crate) const TESTS: &[Test] = tests![needs_begun, not_begun, not_begun_either];

    fn needs_begun() {
        todo!("sample/begun: the second half");
    }

    fn not_begun() {
        todo!("sample/later: all of it");
    }

    fn not_begun_either() {
        todo!("sample/later: all of it");
    }
}
