//! A reduce-side join: of two inputs with lines `key TAB value`, each pair of values of a key, `key TAB left TAB right`. Maps
//! say from which side a value is, in the key, behind what groups are made by; so a reduce gets all of the right side of a key
//! first. It remembers those, and streams the left side past them: the right input should be the one with few values of a key,
//! such as a table in which keys are unique. Where that one is small, `-a broadcast` does without reduces.

mod broadcast;

use std::borrow::Cow;

use crate::input::{Files, InputFormat};
use crate::job::{Emitter, JobError, JobSpec, Mapper, Record, RecordError, Reducer, Split, Values};
use crate::program::Job;

/// What stands behind the key: the right side sorts first.
pub const RIGHT: u64 = 0;
/// See [`RIGHT`].
pub const LEFT: u64 = 1;

/// The job.
///
/// # Errors
/// Where there are not two inputs.
pub fn job(spec: &JobSpec) -> Result<Job, JobError> {
    if broadcast::is_asked_for(spec) {
        return broadcast::job(spec);
    }
    let [_, right] = spec.inputs.as_slice() else {
        return Err(two_inputs());
    };
    let right = right.trim_end_matches('/').to_owned();
    let mapper = move |split: &Split| {
        let below = split.path.strip_prefix(&right);
        let is_right = below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        Ok(Sides {
            side: if is_right { RIGHT } else { LEFT },
        })
    };
    let job = Job::new(mapper, || Pairs).input(InputFormat::KeyValue);
    Ok(job.group_by_first::<Vec<u8>>())
}

fn two_inputs() -> JobError {
    JobError::Arguments {
        program: "join",
        reason: "it takes two inputs, the left and the right one".to_owned(),
    }
}

/// What is to be done before tasks can begin: see [`crate::jobs::prepare`].
pub(super) fn prepare(spec: &mut JobSpec, files: &dyn Files) -> Result<(), JobError> {
    if broadcast::is_asked_for(spec) {
        broadcast::prepare(spec, files)?;
    }
    Ok(())
}

struct Sides {
    side: u64,
}

impl Mapper for Sides {
    type Key = (Vec<u8>, u64);
    type Value = Vec<u8>;

    fn map(
        &mut self,
        record: &Record<'_>,
        out: &mut Emitter<'_, (Vec<u8>, u64), Vec<u8>>,
    ) -> Result<(), RecordError> {
        out.emit((record.key.into(), self.side), record.value)
    }
}

/// Pairs of values of a key: each left one with each right one, `left TAB right`.
#[derive(Clone, Copy, Debug)]
pub struct Pairs;

impl Reducer for Pairs {
    type Key = (Vec<u8>, u64);
    type Value = Vec<u8>;
    type OutKey = Vec<u8>;
    type OutValue = Vec<u8>;

    fn reduce(
        &mut self,
        (key, _): (Cow<'_, [u8]>, u64),
        values: &mut Values<'_, (Vec<u8>, u64), Vec<u8>>,
        out: &mut Emitter<'_, Vec<u8>, Vec<u8>>,
    ) -> Result<(), RecordError> {
        let _ = (key, values, out);
        todo!(
            "mapreduce/join: remember the right side of the key, and stream the left side past it."
        )
    }
}
