//! The command line.

pub(crate) mod jobs;
pub(crate) mod progress;
pub(crate) mod run;
pub(crate) mod streaming;

use std::io::Write;

use anyhow::Result;

/// Prints what programs there are.
pub(crate) fn programs() {
    for (name, about) in mini_mapreduce::jobs::programs() {
        // Whoever reads may have gone (`| head`).
        let _ = writeln!(std::io::stdout(), "{name:14} {about}");
    }
}

/// Runs what waits for others, to its end.
pub(crate) fn block_on<T>(command: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(command)
}
