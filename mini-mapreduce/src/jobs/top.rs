//! Lines of a key, a tab and a number, the largest first: what other jobs end with. One reduce sorts all.

use crate::input::InputFormat;
use crate::job::{Emitter, JobError, JobSpec, Mapper, Record, RecordError, Reducer, Values};
use crate::program::Job;

/// The job.
///
/// # Errors
/// None.
pub fn job(_: &JobSpec) -> Result<Job, JobError> {
    Ok(Job::new(|_| Ok(Turn), || TurnBack).input(InputFormat::KeyValue))
}

/// Emits the number in front, below zero, so that the largest sorts first; then the key, which sorts what is equal.
struct Turn;

impl Mapper for Turn {
    type Key = (f64, Vec<u8>);
    type Value = String;

    fn map(
        &mut self,
        record: &Record<'_>,
        out: &mut Emitter<'_, (f64, Vec<u8>), String>,
    ) -> Result<(), RecordError> {
        // Behind the number, there may be more.
        let number = record.text()?.split('\t').next().unwrap_or_default();
        let value: Result<f64, _> = number.parse();
        let value = value.map_err(|_| RecordError::bad(format!("{number:?} is no number")))?;
        out.emit((-value, record.key), number)
    }
}

struct TurnBack;

impl Reducer for TurnBack {
    type Key = (f64, Vec<u8>);
    type Value = String;
    type OutKey = Vec<u8>;
    type OutValue = String;

    fn reduce(
        &mut self,
        (_, key): (f64, &[u8]),
        numbers: &mut Values<'_, (f64, Vec<u8>), String>,
        out: &mut Emitter<'_, Vec<u8>, String>,
    ) -> Result<(), RecordError> {
        while let Some(number) = numbers.next_value()? {
            out.emit(key, number)?;
        }
        Ok(())
    }
}
