//! Atomic commit: how the output of exactly one attempt of each partition becomes visible (`FileOutputCommitter`).
//!
//! An attempt writes to a place of its own, `_temporary/attempt_0001_r_000002_0/part-r-00002`, where nobody looks. When all of it is there the coordinator
//! chooses: the first attempt of a task to be done is its winner, for ever, for that is in the journal before anybody hears of it. When every
//! task has a winner, the coordinator *promotes* their files by renames, `part-r-00002`, removes `_temporary`, and writes `_SUCCESS` last.
//!
//! A rename is atomic, and moves a file of which there is one. So whatever a late attempt still writes, and however often the coordinator dies between two
//! steps and begins again, no other attempt's bytes can come to stand under a part's name. (Hadoop's algorithm 2 has each
//! worker rename its own: then a worker that was taken for dead may still rename long after another one did.)

use std::collections::BTreeSet;

use thiserror::Error;

use crate::output::{self, TEMPORARY};
use crate::protocol::{AttemptId, TaskKind};

/// The name of an attempt's part in a job's output: `part-r-00002`, of a job without reduces `part-m-00002`.
pub fn part_name(attempt: AttemptId) -> String {
    output::part_name(attempt.task.kind == TaskKind::Map, attempt.task.index)
}

/// Where an attempt writes its part, within the job's output.
pub fn temporary_name(attempt: AttemptId) -> String {
    format!("{TEMPORARY}/{attempt}/{}", part_name(attempt))
}

/// What of a commit that is given up may be visible, in the order in which it is to be removed: first what says that all is there.
pub fn undo(winners: &[AttemptId], files: &BTreeSet<String>) -> Vec<String> {
    let success = std::iter::once(output::SUCCESS.to_owned());
    let all = success.chain(winners.iter().map(|winner| part_name(*winner)));
    all.filter(|file| files.contains(file)).collect()
}

/// A step of the commit, with names within the job's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Rename a file.
    Rename {
        /// Its name.
        from: String,
        /// Its name from then on.
        to: String,
    },
    /// Remove `_temporary` with all that is left in it.
    RemoveTemporary,
    /// Write `_SUCCESS`.
    WriteSuccess,
}

/// The output cannot be made whole.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{part} is neither in the output nor where {attempt} wrote it: somebody has removed it; run the job again"
)]
pub struct MissingPart {
    /// The part.
    pub part: String,
    /// The attempt that made it.
    pub attempt: AttemptId,
}

/// What is still to be done, where `files` are there (all names within the job's output that are files, those below `_temporary` too). The
/// parts in the order of `winners`, then `_temporary` if anything is in it, then `_SUCCESS`, where it does not
/// stand already.
///
/// An earlier commit may have been cut off after any of its steps: what it has done is not done again.
///
/// # Errors
/// When a winner's part is in neither place. Then no step may be done.
pub fn plan(winners: &[AttemptId], files: &BTreeSet<String>) -> Result<Vec<Step>, MissingPart> {
    let _ = (winners, files);
    todo!(
        "mapreduce/commit: each winner's part into its place, once; what losers left goes; the sign that all is whole comes last."
    )
}
