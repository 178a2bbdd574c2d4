//! The program of a job: one of those that come with this crate, or commands.

use std::sync::Arc;

use super::streaming::{self, Streaming, Task};
use crate::job::{JobError, JobSpec};
use crate::jobs;
use crate::program::Program;

/// The program that a job runs; where an attempt will run it, `task` says which.
pub(super) fn program(
    spec: &JobSpec,
    task: impl FnOnce() -> Option<Task>,
) -> Result<Arc<dyn Program>, JobError> {
    if spec.program == streaming::PROGRAM {
        return Ok(Arc::new(Streaming::new(spec, task())?));
    }
    jobs::program(spec)
}
