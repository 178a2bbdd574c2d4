//! The command line.

pub(crate) mod progress;
pub(crate) mod run;

use std::io::Write;

use mini_mapreduce::jobs;

/// Prints what programs there are.
pub(crate) fn programs() {
    for (name, about) in jobs::programs() {
        // Whoever reads may have gone (`| head`).
        let _ = writeln!(std::io::stdout(), "{name:14} {about}");
    }
}
