//! How often each word is there: the job that every MapReduce begins with. A word is what stands between blanks, as bytes, so
//! that no encoding is wrong.

use crate::datum::Datum;
use crate::job::{Emitter, Fold, JobError, JobSpec, Mapper, Record, RecordError, Reducer, Values};
use crate::program::Job;

/// The job.
///
/// # Errors
/// None.
pub fn job(_: &JobSpec) -> Result<Job, JobError> {
    Ok(Job::new(|_| Ok(Words), || Sum).fold(Sum))
}

/// Emits each word with a one.
#[derive(Clone, Copy, Debug)]
pub struct Words;

impl Mapper for Words {
    type Key = Vec<u8>;
    type Value = u64;

    fn map(
        &mut self,
        record: &Record<'_>,
        out: &mut Emitter<'_, Vec<u8>, u64>,
    ) -> Result<(), RecordError> {
        let words = record.value.split(u8::is_ascii_whitespace);
        for word in words.filter(|word| !word.is_empty()) {
            out.emit(word, 1)?;
        }
        Ok(())
    }
}

/// Adds up, in the map and in the reduce.
#[derive(Clone, Copy, Debug)]
pub struct Sum;

impl Fold for Sum {
    type Value = u64;

    fn fold(&self, left: u64, right: u64, out: &mut Vec<u8>) -> Result<(), RecordError> {
        u64::encode(left.saturating_add(right), out);
        Ok(())
    }
}

impl Reducer for Sum {
    type Key = Vec<u8>;
    type Value = u64;
    type OutKey = Vec<u8>;
    type OutValue = u64;

    fn reduce(
        &mut self,
        word: &[u8],
        counts: &mut Values<'_, Vec<u8>, u64>,
        out: &mut Emitter<'_, Vec<u8>, u64>,
    ) -> Result<(), RecordError> {
        let mut sum = 0_u64;
        while let Some(count) = counts.next_value()? {
            sum = sum.saturating_add(count);
        }
        out.emit(word, sum)
    }
}
