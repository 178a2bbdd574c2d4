//! What a job is: its description ([`JobSpec`]), and the code in it. Whoever writes a job writes a [`Mapper`], a
//! [`Reducer`] and perhaps a [`Fold`] or a [`Combiner`], with typed keys and values; [`Job`](crate::program::Job) makes a
//! [`Program`](crate::program::Program) of them, the form in which tasks run all jobs: on bytes.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::datum::{Datum, DatumError};
use crate::input::Files;
use crate::program::{Collect, RawValues};
use crate::task::TaskError;

/// What to run, on what, whereto.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSpec {
    /// A name that [`crate::jobs::program`] knows.
    pub program: String,
    /// What the program makes of them is its own business: a pattern, a table's path.
    pub args: Vec<String>,
    /// Files, directories and globs.
    pub inputs: Vec<String>,
    /// A directory that is not there yet.
    pub output: String,
    /// How many reduces; with none, what maps emit is the output.
    pub reduces: u32,
    /// Settings under Hadoop's names.
    pub settings: Settings,
}

/// Settings under Hadoop's names, such as `mapreduce.task.io.sort.mb`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings(pub BTreeMap<String, String>);

impl Settings {
    /// As it was given.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A setting of another type.
    ///
    /// # Errors
    /// Where it is not of that type.
    pub fn parse<T: std::str::FromStr>(&self, name: &str, default: T) -> Result<T, JobError> {
        let Some(value) = self.get(name) else {
            return Ok(default);
        };
        value.trim().parse().map_err(|_| JobError::Setting {
            name: name.to_owned(),
            value: value.to_owned(),
            expected: match std::any::type_name::<T>() {
                "bool" => "true or false",
                "f64" => "a number",
                _ => "a whole number, not too large",
            },
        })
    }
}

/// How many maps, and how many reduces, a job may have (`mapreduce.jobtracker.maxtasks.perjob`): each is remembered by the coordinator, and each map has a segment
/// for each reduce.
pub const TASKS_MAX: u32 = 100_000;

/// A part of a file, for one map. A record belongs to the split in which its first byte lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Split {
    /// Which file.
    pub path: String,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// How many bytes.
    pub length: u64,
    /// Where those bytes are near: hosts with a replica of their block.
    pub hosts: Vec<String>,
    /// The racks of those hosts, as far as the file system knows them.
    pub racks: Vec<String>,
}

/// Why a job cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Nobody knows such a program.
    #[error("there is no program {name:?}; there are {known}")]
    NoProgram {
        /// As asked for.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// Its arguments are not what the program takes.
    #[error("{program}: {reason}")]
    Arguments {
        /// Which program.
        program: &'static str,
        /// What is wrong, and what it takes.
        reason: String,
    },
    /// A setting is not what it has to be.
    #[error("the setting {name}={value} has to be {expected}")]
    Setting {
        /// Which.
        name: String,
        /// As given.
        value: String,
        /// What it has to be.
        expected: &'static str,
    },
    /// It would have more tasks than anybody could keep in mind.
    #[error("{what}, and {TASKS_MAX} is the most: {advice}")]
    TooMany {
        /// How many of what there would be.
        what: String,
        /// What to set.
        advice: &'static str,
    },
    /// Its input cannot be read, or is none.
    #[error("{path}: {reason}")]
    Input {
        /// What was asked for.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Why a record could not be dealt with.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The record is bad. The task fails, naming the record's place, unless it was asked to skip some.
    #[error("{0}")]
    Bad(String),
    /// Not the record's fault.
    #[error(transparent)]
    Task(#[from] Box<TaskError>),
}

impl RecordError {
    /// A bad record.
    pub fn bad(reason: impl Into<String>) -> RecordError {
        RecordError::Bad(reason.into())
    }
}

impl From<DatumError> for RecordError {
    fn from(error: DatumError) -> RecordError {
        RecordError::Bad(error.0)
    }
}

/// What a map is given: a line, or a record of another format.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Where it begins in its file, in bytes; in a compressed one, in what was compressed.
    pub position: u64,
    /// What stands before the first tab in a file of keys and values, else nothing.
    pub key: &'a [u8],
    /// The line without its end, what is behind the tab, or the whole record.
    pub value: &'a [u8],
}

impl<'a> Record<'a> {
    /// The value as text.
    ///
    /// # Errors
    /// Where it is no UTF-8.
    pub fn text(&self) -> Result<&'a str, RecordError> {
        std::str::from_utf8(self.value).map_err(|error| {
            let at = error.valid_up_to();
            RecordError::bad(format!("byte {at} of it is no UTF-8"))
        })
    }
}

/// Takes records to pairs. One is made for each split.
pub trait Mapper: Send {
    /// What it emits, and what partitions and groups are made by.
    type Key: Datum;
    /// What belongs to a key.
    type Value: Datum;

    /// Before the first record: Hadoop's `setup`. What the mapper needs besides its split is in `files`.
    ///
    /// # Errors
    /// Where it cannot begin.
    fn begin(&mut self, _files: &dyn Files) -> Result<(), JobError> {
        Ok(())
    }

    /// Takes one record.
    ///
    /// # Errors
    /// Where the record is bad, or what it emits could not be kept.
    fn map(
        &mut self,
        record: &Record<'_>,
        out: &mut Emitter<'_, Self::Key, Self::Value>,
    ) -> Result<(), RecordError>;

    /// After the last record: Hadoop's `cleanup`.
    ///
    /// # Errors
    /// As [`Mapper::map`].
    fn finish(
        &mut self,
        _out: &mut Emitter<'_, Self::Key, Self::Value>,
    ) -> Result<(), RecordError> {
        Ok(())
    }
}

/// Takes a key with all its values to output. One is made for each partition.
pub trait Reducer: Send {
    /// The mapper's.
    type Key: Datum;
    /// The mapper's.
    type Value: Datum;
    /// What an output line begins with.
    type OutKey: Datum;
    /// What stands behind the tab.
    type OutValue: Datum;

    /// Takes one group. The values come one at a time and are never all in memory; what is not asked for is passed over.
    ///
    /// # Errors
    /// Where a value is bad, or what it emits could not be written.
    fn reduce(
        &mut self,
        key: <Self::Key as Datum>::Ref<'_>,
        values: &mut Values<'_, Self::Key, Self::Value>,
        out: &mut Emitter<'_, Self::OutKey, Self::OutValue>,
    ) -> Result<(), RecordError>;

    /// After the last group: Hadoop's `cleanup`.
    ///
    /// # Errors
    /// As [`Reducer::reduce`].
    fn finish(
        &mut self,
        _out: &mut Emitter<'_, Self::OutKey, Self::OutValue>,
    ) -> Result<(), RecordError> {
        Ok(())
    }
}

/// Makes one value of two, in the map as soon as they meet: a sum, a maximum. It has to be associative and to have
/// nothing against any order, since nobody says which values meet first.
pub trait Fold: Send + Sync {
    /// The mapper's.
    type Value: Datum;

    /// Appends the bytes of what two values are together.
    ///
    /// # Errors
    /// Where they are nothing together.
    fn fold(
        &self,
        left: <Self::Value as Datum>::Ref<'_>,
        right: <Self::Value as Datum>::Ref<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), RecordError>;
}

/// A reducer that runs in the map, whenever sorted pairs are written: what it emits has to be of the mapper's types, and
/// to mean the same to the reducer. Hadoop's combiner. Where a [`Fold`] will do it is quicker.
pub trait Combiner: Send {
    /// The mapper's.
    type Key: Datum;
    /// The mapper's.
    type Value: Datum;

    /// Takes some of a key's values to fewer.
    ///
    /// # Errors
    /// Where a value is bad.
    fn combine(
        &mut self,
        key: <Self::Key as Datum>::Ref<'_>,
        values: &mut Values<'_, Self::Key, Self::Value>,
        out: &mut Emitter<'_, Self::Key, Self::Value>,
    ) -> Result<(), RecordError>;
}

/// Where a mapper, combiner or reducer puts what it makes.
pub struct Emitter<'a, K, V> {
    to: &'a mut dyn Collect,
    room: &'a mut Room,
    types: PhantomData<fn(K, V)>,
}

/// Memory that emitters use again and again.
#[derive(Debug, Default)]
pub(crate) struct Room {
    key: Vec<u8>,
    value: Vec<u8>,
}

impl<'a, K: Datum, V: Datum> Emitter<'a, K, V> {
    pub(crate) fn new(to: &'a mut dyn Collect, room: &'a mut Room) -> Emitter<'a, K, V> {
        Emitter {
            to,
            room,
            types: PhantomData,
        }
    }

    /// Hands on a pair.
    ///
    /// # Errors
    /// Where it cannot be kept: a full disk.
    pub fn emit<'b>(&'b mut self, key: K::Ref<'b>, value: V::Ref<'b>) -> Result<(), RecordError> {
        let key = K::bytes(key, &mut self.room.key);
        self.to.collect(key, V::bytes(value, &mut self.room.value))
    }

    /// Adds to a counter of the job's own.
    pub fn count(&mut self, group: &str, name: &str, by: u64) {
        self.to.count(group, name, by);
    }
}

/// A key and a value, as they are handed over.
pub type PairOf<'a, K, V> = (<K as Datum>::Ref<'a>, <V as Datum>::Ref<'a>);

/// The values of a key, one at a time.
pub struct Values<'a, K, V> {
    from: &'a mut dyn RawValues,
    types: PhantomData<fn(K, V)>,
}

impl<'a, K: Datum, V: Datum> Values<'a, K, V> {
    pub(crate) fn new(from: &'a mut dyn RawValues) -> Values<'a, K, V> {
        Values {
            from,
            types: PhantomData,
        }
    }

    /// The next one, if there is one.
    ///
    /// # Errors
    /// Where it cannot be read, or is not of its type.
    pub fn next_value(&mut self) -> Result<Option<V::Ref<'_>>, RecordError> {
        match self.from.next()? {
            Some((_, value)) => Ok(Some(V::decode(value)?)),
            None => Ok(None),
        }
    }

    /// The next one, with its key. Within a group that is made by a part of the key, the keys differ: that is what a
    /// secondary sort is for.
    ///
    /// # Errors
    /// As [`Values::next_value`].
    pub fn next_pair(&mut self) -> Result<Option<PairOf<'_, K, V>>, RecordError> {
        match self.from.next()? {
            Some((key, value)) => Ok(Some((K::decode(key)?, V::decode(value)?))),
            None => Ok(None),
        }
    }
}
