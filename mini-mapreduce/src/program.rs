//! The form in which tasks run jobs: on bytes, whatever the types. [`Job`] makes it of a mapper and a reducer with types;
//! Hadoop Streaming (`server::streaming`) makes it of two child processes.

use std::sync::Arc;

use crate::datum::{Datum, DatumError, First};
use crate::input::{Files, InputFormat};
use crate::job::{
    Combiner, Emitter, Fold, JobError, Mapper, Record, RecordError, Reducer, Room, Split, Values,
};
use crate::output::OutputFormat;
use crate::partition::{HashPartitioner, Partitioner};
use crate::task::TaskError;

/// A job's code, for all of its tasks.
pub trait Program: Send + Sync {
    /// How its input is cut into records.
    fn input(&self) -> InputFormat;

    /// A mapper for a split.
    ///
    /// # Errors
    /// Where it cannot begin.
    fn mapper(&self, split: &Split) -> Result<Box<dyn RawMapper>, JobError>;

    /// What makes fewer pairs of many before they leave the map.
    ///
    /// # Errors
    /// Where it cannot begin.
    fn combine(&self) -> Result<Combine, JobError>;

    /// Which reduce gets a key.
    fn partitioner(&self) -> &dyn Partitioner;

    /// How many of a key's bytes, from the first one on, make its group and its partition: all, but for a secondary sort.
    fn group_len(&self, key: &[u8]) -> usize;

    /// A reducer for a partition.
    ///
    /// # Errors
    /// Where it cannot begin.
    fn reducer(&self) -> Result<Box<dyn RawReducer>, JobError>;

    /// How pairs become a file.
    fn output(&self) -> OutputFormat;

    /// Appends a pair, given as bytes, as a line of text with its end. (In a job without reduces, it is a mapper's.)
    ///
    /// # Errors
    /// Where the bytes are no such pair.
    fn line(&self, pair: Pair<'_>, out: &mut Vec<u8>) -> Result<(), DatumError>;
}

/// A key and a value, as bytes.
pub type Pair<'a> = (&'a [u8], &'a [u8]);

/// Takes pairs.
pub trait Collect {
    /// Takes one.
    ///
    /// # Errors
    /// Where it cannot be kept.
    fn collect(&mut self, key: &[u8], value: &[u8]) -> Result<(), RecordError>;

    /// A record has been mapped, or all have: what was only laid aside is taken now, so that what is wrong with it is wrong with that record.
    ///
    /// # Errors
    /// As [`Collect::collect`].
    fn end_of_record(&mut self) -> Result<(), RecordError> {
        Ok(())
    }

    /// Adds to a counter.
    fn count(&mut self, group: &str, name: &str, by: u64);
}

/// Values of a group, one at a time.
pub trait RawValues {
    /// The next one with its key, if there is one.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn next(&mut self) -> Result<Option<Pair<'_>>, Box<TaskError>>;
}

/// A [`Mapper`] on bytes.
pub trait RawMapper: Send {
    /// Before the first record.
    ///
    /// # Errors
    /// As [`Mapper::begin`].
    fn begin(&mut self, _files: &dyn Files) -> Result<(), JobError> {
        Ok(())
    }

    /// Takes one record.
    ///
    /// # Errors
    /// As [`Mapper::map`].
    fn map(&mut self, record: &Record<'_>, out: &mut dyn Collect) -> Result<(), RecordError>;

    /// After the last record.
    ///
    /// # Errors
    /// As [`Mapper::map`].
    fn finish(&mut self, out: &mut dyn Collect) -> Result<(), RecordError>;
}

/// A [`Reducer`] or [`Combiner`] on bytes.
pub trait RawReducer: Send {
    /// Takes one group.
    ///
    /// # Errors
    /// As [`Reducer::reduce`].
    fn reduce(
        &mut self,
        key: &[u8],
        values: &mut dyn RawValues,
        out: &mut dyn Collect,
    ) -> Result<(), RecordError>;

    /// After the last group.
    ///
    /// # Errors
    /// As [`Reducer::reduce`].
    fn finish(&mut self, out: &mut dyn Collect) -> Result<(), RecordError>;

    /// Whether it may be given values only to see what it makes of them: it makes all of it at once, and nothing of it is remembered. A child process
    /// is not of that kind.
    fn may_be_tried(&self) -> bool {
        false
    }
}

/// A [`Fold`] on bytes.
pub trait RawFold: Send + Sync {
    /// Appends what two values are together.
    ///
    /// # Errors
    /// As [`Fold::fold`].
    fn fold(&self, left: &[u8], right: &[u8], out: &mut Vec<u8>) -> Result<(), RecordError>;
}

/// What makes fewer pairs of many before they leave the map.
pub enum Combine {
    /// Nothing.
    None,
    /// Two values become one as soon as they meet, already in the buffer.
    Fold(Arc<dyn RawFold>),
    /// Sorted groups become fewer pairs whenever they are written.
    Groups(Box<dyn RawReducer>),
}

type Make<T> = Box<dyn Fn() -> Result<T, JobError> + Send + Sync>;
type MakeMapper = Box<dyn Fn(&Split) -> Result<Box<dyn RawMapper>, JobError> + Send + Sync>;
type Line = fn(Pair<'_>, &mut Vec<u8>) -> Result<(), DatumError>;

/// A program made of a mapper and a reducer with types.
pub struct Job {
    input: InputFormat,
    output: OutputFormat,
    mapper: MakeMapper,
    combine: Make<Combine>,
    partitioner: Box<dyn Partitioner>,
    group_len: fn(&[u8]) -> usize,
    reducer: Make<Box<dyn RawReducer>>,
    line: Line,
}

impl Job {
    /// A job of a mapper, made for each split, and a reducer, made for each partition: lines in, text out, keys spread by
    /// their hash.
    pub fn new<M, R>(
        mapper: impl Fn(&Split) -> Result<M, JobError> + Send + Sync + 'static,
        reducer: impl Fn() -> R + Send + Sync + 'static,
    ) -> Job
    where
        M: Mapper + 'static,
        R: Reducer<Key = M::Key, Value = M::Value> + 'static,
    {
        let mut job = Job::identity(mapper);
        job.reducer = Box::new(move || Ok(Box::new(Typed::new(reducer()))));
        job.line = line::<R::OutKey, R::OutValue>;
        job
    }

    /// A job of a mapper alone: what it emits is the output, sorted by key if there are reduces.
    pub fn identity<M: Mapper + 'static>(
        mapper: impl Fn(&Split) -> Result<M, JobError> + Send + Sync + 'static,
    ) -> Job {
        Job {
            mapper: Box::new(move |split| Ok(Box::new(Typed::new(mapper(split)?)))),
            reducer: Box::new(|| Ok(Box::new(Identity))),
            combine: Box::new(|| Ok(Combine::None)),
            input: InputFormat::Lines,
            output: OutputFormat::Text,
            partitioner: Box::new(HashPartitioner),
            group_len: <[u8]>::len,
            line: line::<M::Key, M::Value>,
        }
    }

    /// With a fold of values, in the map.
    pub fn fold<F: Fold + 'static>(mut self, fold: F) -> Job {
        let fold: Arc<dyn RawFold> = Arc::new(Folded(fold));
        self.combine = Box::new(move || Ok(Combine::Fold(fold.clone())));
        self
    }

    /// With a combiner, in the map.
    pub fn combiner<C: Combiner + 'static>(
        mut self,
        combiner: impl Fn() -> C + Send + Sync + 'static,
    ) -> Job {
        self.combine = Box::new(move || {
            let combiner = Combining(Typed::new(combiner()));
            Ok(Combine::Groups(Box::new(combiner)))
        });
        self
    }

    /// With another partitioner.
    pub fn partitioner(mut self, partitioner: impl Partitioner + 'static) -> Job {
        self.partitioner = Box::new(partitioner);
        self
    }

    /// Groups and partitions by the first part of a pair, and sorts by both: a secondary sort.
    pub fn group_by_first<A: First>(mut self) -> Job {
        // A key that is no pair fails where it is decoded, with a reason.
        self.group_len = |key| A::closed_len(key).unwrap_or(key.len());
        self
    }

    /// With other input than lines.
    pub fn input(mut self, input: InputFormat) -> Job {
        self.input = input;
        self
    }

    /// With other output than text.
    pub fn output(mut self, output: OutputFormat) -> Job {
        self.output = output;
        self
    }
}

impl Program for Job {
    fn input(&self) -> InputFormat {
        self.input
    }

    fn mapper(&self, split: &Split) -> Result<Box<dyn RawMapper>, JobError> {
        (self.mapper)(split)
    }

    fn combine(&self) -> Result<Combine, JobError> {
        (self.combine)()
    }

    fn partitioner(&self) -> &dyn Partitioner {
        &*self.partitioner
    }

    fn group_len(&self, key: &[u8]) -> usize {
        (self.group_len)(key)
    }

    fn reducer(&self) -> Result<Box<dyn RawReducer>, JobError> {
        (self.reducer)()
    }

    fn output(&self) -> OutputFormat {
        self.output
    }

    fn line(&self, pair: Pair<'_>, out: &mut Vec<u8>) -> Result<(), DatumError> {
        (self.line)(pair, out)
    }
}

/// A pair as `TextOutputFormat` writes it.
fn line<K: Datum, V: Datum>((key, value): Pair<'_>, out: &mut Vec<u8>) -> Result<(), DatumError> {
    K::text(key, out)?;
    if !K::IS_NOTHING && !V::IS_NOTHING {
        out.push(b'\t');
    }
    V::text(value, out)?;
    out.push(b'\n');
    Ok(())
}

/// Something typed, with the memory that its emitter needs.
struct Typed<T> {
    inner: T,
    room: Room,
}

impl<T> Typed<T> {
    fn new(inner: T) -> Typed<T> {
        let room = Room::default();
        Typed { inner, room }
    }
}

impl<M: Mapper> RawMapper for Typed<M> {
    fn begin(&mut self, files: &dyn Files) -> Result<(), JobError> {
        self.inner.begin(files)
    }

    fn map(&mut self, record: &Record<'_>, out: &mut dyn Collect) -> Result<(), RecordError> {
        let mut out = Emitter::new(out, &mut self.room);
        self.inner.map(record, &mut out)
    }

    fn finish(&mut self, out: &mut dyn Collect) -> Result<(), RecordError> {
        self.inner.finish(&mut Emitter::new(out, &mut self.room))
    }
}

impl<R: Reducer> RawReducer for Typed<R> {
    fn reduce(
        &mut self,
        key: &[u8],
        values: &mut dyn RawValues,
        out: &mut dyn Collect,
    ) -> Result<(), RecordError> {
        let mut out = Emitter::new(out, &mut self.room);
        let key = R::Key::decode(key)?;
        self.inner.reduce(key, &mut Values::new(values), &mut out)
    }

    fn finish(&mut self, out: &mut dyn Collect) -> Result<(), RecordError> {
        self.inner.finish(&mut Emitter::new(out, &mut self.room))
    }
}

struct Combining<C>(Typed<C>);

impl<C: Combiner> RawReducer for Combining<C> {
    fn reduce(
        &mut self,
        key: &[u8],
        values: &mut dyn RawValues,
        out: &mut dyn Collect,
    ) -> Result<(), RecordError> {
        let mut out = Emitter::new(out, &mut self.0.room);
        let key = C::Key::decode(key)?;
        (self.0.inner).combine(key, &mut Values::new(values), &mut out)
    }

    fn finish(&mut self, _: &mut dyn Collect) -> Result<(), RecordError> {
        Ok(())
    }

    fn may_be_tried(&self) -> bool {
        true
    }
}

struct Folded<F>(F);

impl<F: Fold> RawFold for Folded<F> {
    fn fold(&self, left: &[u8], right: &[u8], out: &mut Vec<u8>) -> Result<(), RecordError> {
        let (left, right) = (F::Value::decode(left)?, F::Value::decode(right)?);
        self.0.fold(left, right, out)
    }
}

/// The reducer of a job that has no need of one: hands on what it gets.
struct Identity;

impl RawReducer for Identity {
    fn reduce(
        &mut self,
        _: &[u8],
        values: &mut dyn RawValues,
        out: &mut dyn Collect,
    ) -> Result<(), RecordError> {
        while let Some((key, value)) = values.next()? {
            out.collect(key, value)?;
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut dyn Collect) -> Result<(), RecordError> {
        Ok(())
    }
}
