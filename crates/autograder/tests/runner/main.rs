//! The runner on a sample of everything that a student's tests do, run as a process of its own.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

mod runs;
mod sample;

use std::env;
use std::process::ExitCode;

/// Set for the process that runs the sample.
const SAMPLE: &str = "AUTOGRADER_SAMPLE";

fn main() -> ExitCode {
    let groups = if env::var_os(SAMPLE).is_some() {
        sample::GROUPS
    } else {
        const {
            &[autograder::Group {
                exercise: "autograder/runs",
                tests: runs::TESTS,
            }]
        }
    };
    autograder::run(&autograder::Suite {
        package: "autograder",
        target: "runner",
        groups,
    })
}
