//! The jobs that come with this crate, by name.

use std::sync::Arc;

use crate::job::{JobError, JobSpec};
use crate::program::Program;

/// The program that a job runs.
///
/// # Errors
/// Where there is none of this name, or it does not take these arguments.
pub fn program(spec: &JobSpec) -> Result<Arc<dyn Program>, JobError> {
    Err(JobError::NoProgram {
        name: spec.program.clone(),
        known: String::new(),
    })
}
