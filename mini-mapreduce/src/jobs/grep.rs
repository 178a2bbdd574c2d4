//! What a pattern matches, and how often each: Hadoop's `grep` example. A second job, [`top`](crate::jobs::top), sorts. Text
//! that is no UTF-8 may be matched too.

use regex::bytes::Regex;

use crate::job::{Emitter, JobError, JobSpec, Mapper, Record, RecordError, Split};
use crate::jobs::wordcount::Sum;
use crate::program::Job;

/// The job.
///
/// # Errors
/// Where there is no pattern, or it is none.
pub fn job(spec: &JobSpec) -> Result<Job, JobError> {
    let failed = |reason: String| JobError::Arguments {
        program: "grep",
        reason,
    };
    let [pattern] = spec.args.as_slice() else {
        return Err(failed("its argument is a PATTERN".to_owned()));
    };
    let pattern = Regex::new(pattern).map_err(|error| failed(error.to_string()))?;
    let mapper = move |_: &Split| {
        Ok(Matches {
            pattern: pattern.clone(),
        })
    };
    Ok(Job::new(mapper, || Sum).fold(Sum))
}

struct Matches {
    pattern: Regex,
}

impl Mapper for Matches {
    type Key = Vec<u8>;
    type Value = u64;

    fn map(
        &mut self,
        record: &Record<'_>,
        out: &mut Emitter<'_, Vec<u8>, u64>,
    ) -> Result<(), RecordError> {
        for found in self.pattern.find_iter(record.value) {
            out.emit(found.as_bytes(), 1)?;
        }
        Ok(())
    }
}
