//! A reduce-side join: of two inputs with lines `key TAB value`, each pair of values of a key, `key TAB left TAB right`. Maps
//! say from which side a value is, in the key, behind what groups are made by; so a reduce gets all of the right side of a key
//! first. It remembers those, and streams the left side past them: the right input should be the one with few values of a key,
//! such as a table in which keys are unique. Where that one is small, `-a broadcast` does without reduces.
//!
//! Where half of the left side has the same key, one reduce does half of the work, however many there are. The argument SALT divides each key into so
//! many: every left value goes to one of them, the right ones go to all, and the output is the same but for its order.

mod broadcast;

use std::borrow::Cow;

use xxhash_rust::xxh3::xxh3_64;

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
/// Where there are not two inputs, or the argument is none.
pub fn job(spec: &JobSpec) -> Result<Job, JobError> {
    if broadcast::is_asked_for(spec) {
        return broadcast::job(spec);
    }
    let [_, right] = spec.inputs.as_slice() else {
        return Err(two_inputs());
    };
    let salts = match spec.args.as_slice() {
        [] => None,
        args => Some(salts(args).ok_or_else(|| JobError::Arguments {
            program: "join",
            reason: format!(
                "its one argument is broadcast or SALT, into how many each key is divided, 1 to 1000, and not {:?}",
                args.join(" ")
            ),
        })?),
    };
    let right = right.trim_end_matches('/').to_owned();
    let side = move |split: &Split| {
        let below = split.path.strip_prefix(&right);
        let is_right = below.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '#']));
        if is_right { RIGHT } else { LEFT }
    };
    let job = match salts {
        None => Job::new(
            move |split: &Split| Ok(Sides { side: side(split) }),
            || Pairs,
        ),
        Some(salts) => {
            let mapper = move |split: &Split| {
                let key = Vec::new();
                let side = side(split);
                Ok(SaltedSides { side, salts, key })
            };
            Job::new(mapper, || SaltedPairs)
        }
    };
    let job = job.input(InputFormat::KeyValue);
    Ok(job.group_by_first::<Vec<u8>>())
}

fn salts(args: &[String]) -> Option<u16> {
    let [salts] = args else {
        return None;
    };
    salts
        .parse()
        .ok()
        .filter(|salts| (1..=1000).contains(salts))
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

/// A salt stands in front of the key, as so many bytes.
const SALT_BYTES: usize = size_of::<u16>();

struct SaltedSides {
    side: u64,
    salts: u16,
    key: Vec<u8>,
}

impl Mapper for SaltedSides {
    type Key = (Vec<u8>, u64);
    type Value = Vec<u8>;

    fn map(
        &mut self,
        record: &Record<'_>,
        out: &mut Emitter<'_, (Vec<u8>, u64), Vec<u8>>,
    ) -> Result<(), RecordError> {
        // By the value, not by luck: a second attempt has to emit the same.
        let drawn = xxh3_64(record.value) % u64::from(self.salts);
        for salt in 0..self.salts {
            if self.side == RIGHT || u64::from(salt) == drawn {
                self.key.clear();
                self.key.extend_from_slice(&salt.to_be_bytes());
                self.key.extend_from_slice(record.key);
                out.emit((self.key.as_slice().into(), self.side), record.value)?;
            }
        }
        Ok(())
    }
}

/// The same pairs, without the salt.
#[derive(Clone, Copy, Debug)]
struct SaltedPairs;

impl Reducer for SaltedPairs {
    type Key = (Vec<u8>, u64);
    type Value = Vec<u8>;
    type OutKey = Vec<u8>;
    type OutValue = Vec<u8>;

    fn reduce(
        &mut self,
        (key, side): (Cow<'_, [u8]>, u64),
        values: &mut Values<'_, (Vec<u8>, u64), Vec<u8>>,
        out: &mut Emitter<'_, Vec<u8>, Vec<u8>>,
    ) -> Result<(), RecordError> {
        let key = key.get(SALT_BYTES..).unwrap_or_default();
        Pairs.reduce((key.into(), side), values, out)
    }
}
