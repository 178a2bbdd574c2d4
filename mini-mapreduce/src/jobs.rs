//! The jobs that come with this crate, by name. Each is a file that shows how a job is written.

use std::sync::Arc;

use crate::job::{JobError, JobSpec};
use crate::program::{Job, Program};

pub mod wordcount;

type Make = fn(&JobSpec) -> Result<Job, JobError>;

/// All of them: the name, what it does, how it is made.
const PROGRAMS: [(&str, &str, Make); 1] =
    [("wordcount", "how often each word is there", wordcount::job)];

/// Names, and what each does.
pub fn programs() -> impl Iterator<Item = (&'static str, &'static str)> {
    PROGRAMS.iter().map(|(name, about, _)| (*name, *about))
}

/// The program that a job runs.
///
/// # Errors
/// Where there is none of this name, or it does not take these arguments.
pub fn program(spec: &JobSpec) -> Result<Arc<dyn Program>, JobError> {
    let Some((_, _, make)) = PROGRAMS.iter().find(|(name, ..)| *name == spec.program) else {
        let known: Vec<&str> = programs().map(|(name, _)| name).collect();
        return Err(JobError::NoProgram {
            name: spec.program.clone(),
            known: known.join(", "),
        });
    };
    Ok(Arc::new(make(spec)?))
}
