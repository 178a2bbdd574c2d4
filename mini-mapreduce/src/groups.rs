//! Sorted pairs as groups, each with a key and values that are read when they are asked for; and groups written as fewer
//! pairs, by a combiner.

use crate::buffer::{SortBuffer, TOUCHED_MAX};
use crate::combine_check::Checked;
use crate::counters::Counters;
use crate::fold::{NeighbourFold, check_fold};
use crate::job::RecordError;
use crate::merge::Merge;
use crate::program::{Collect, Combine, Pair, RawFold, RawReducer, RawValues};
use crate::segment::SegmentWriter;
use crate::task::TaskError;

/// Pairs in the order of their keys.
pub(crate) trait SortedPairs {
    /// Goes on to the next one; false where there is none.
    fn advance(&mut self) -> Result<bool, Box<TaskError>>;

    /// The one that it stands at.
    fn current(&self) -> Pair<'_>;
}

/// A partition's pairs in the buffer, once that is sorted.
pub(crate) struct Buffered<'a> {
    pub(crate) buffer: &'a SortBuffer,
    /// The next one.
    pub(crate) next: usize,
    /// Behind the partition's last one.
    pub(crate) end: usize,
}

impl SortedPairs for Buffered<'_> {
    fn advance(&mut self) -> Result<bool, Box<TaskError>> {
        let is_there = self.next < self.end;
        if is_there && self.next.is_multiple_of(TOUCHED_MAX) {
            let end = self.end.min(self.next + TOUCHED_MAX);
            self.buffer.touch_sorted(self.next..end);
        }
        self.next += usize::from(is_there);
        Ok(is_there)
    }

    fn current(&self) -> Pair<'_> {
        self.buffer.get(self.next - 1).1
    }
}

/// What is merged, and whom to name when a part of it is bad.
pub(crate) struct Merged {
    merge: Merge,
    names: Vec<Name>,
}

/// Where a segment came from.
#[derive(Clone, Debug)]
pub(crate) enum Name {
    /// The output of a map.
    Map(String),
    /// The task's own file.
    Scratch(String),
}

impl Name {
    pub(crate) fn unreadable(&self, error: std::io::Error) -> Box<TaskError> {
        Box::new(match self.clone() {
            Name::Map(map) => TaskError::MapOutput { map, error },
            Name::Scratch(file) => TaskError::Scratch {
                what: "read",
                file,
                error,
            },
        })
    }
}

impl Merged {
    pub(crate) fn new(
        runs: Vec<(Name, crate::segment::SegmentReader)>,
    ) -> Result<Merged, Box<TaskError>> {
        let (names, readers): (Vec<Name>, Vec<_>) = runs.into_iter().unzip();
        let merge = Merge::new(readers).map_err(|bad| names[bad.source].unreadable(bad.error))?;
        Ok(Merged { merge, names })
    }
}

impl SortedPairs for Merged {
    fn advance(&mut self) -> Result<bool, Box<TaskError>> {
        let next = self.merge.advance();
        next.map_err(|bad| self.names[bad.source].unreadable(bad.error))
    }

    fn current(&self) -> Pair<'_> {
        self.merge.current()
    }
}

/// Sorted pairs, group by group.
pub(crate) struct Groups<'a> {
    pairs: &'a mut dyn SortedPairs,
    group_len: &'a dyn Fn(&[u8]) -> usize,
    /// The first key of the present group, of which so many bytes make the group.
    key: Vec<u8>,
    group: usize,
    at: At,
    pub(crate) values: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// The pair that comes next has to be fetched.
    Fetch,
    /// It is there, and nobody has had it.
    Ready,
    End,
}

impl<'a> Groups<'a> {
    pub(crate) fn new(
        pairs: &'a mut dyn SortedPairs,
        group_len: &'a dyn Fn(&[u8]) -> usize,
    ) -> Groups<'a> {
        Groups {
            pairs,
            group_len,
            key: Vec::new(),
            group: 0,
            at: At::Fetch,
            values: 0,
        }
    }

    /// Goes on to the next group, passing over what is left of this one; false where there is none.
    pub(crate) fn next_group(&mut self, is_first: bool) -> Result<bool, Box<TaskError>> {
        while !is_first && self.next()?.is_some() {}
        self.fetch()?;
        if self.at == At::End {
            return Ok(false);
        }
        let (key, _) = self.pairs.current();
        self.key.clear();
        self.key.extend_from_slice(key);
        self.group = (self.group_len)(key);
        Ok(true)
    }

    fn fetch(&mut self) -> Result<(), Box<TaskError>> {
        if self.at == At::Fetch {
            let is_there = self.pairs.advance()?;
            self.at = if is_there { At::Ready } else { At::End };
        }
        Ok(())
    }

    /// The first key of the present group.
    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }
}

impl RawValues for Groups<'_> {
    fn next(&mut self) -> Result<Option<Pair<'_>>, Box<TaskError>> {
        self.fetch()?;
        if self.at == At::End {
            return Ok(None);
        }
        let (key, value) = self.pairs.current();
        let group = &key[..(self.group_len)(key)];
        if group != &self.key[..self.group] {
            return Ok(None);
        }
        self.at = At::Fetch;
        self.values += 1;
        Ok(Some((key, value)))
    }
}

/// Runs a reducer, or a combiner, over all groups. How many groups there were, and how many values.
pub(crate) fn reduce_all(
    pairs: &mut dyn SortedPairs,
    group_len: &dyn Fn(&[u8]) -> usize,
    reducer: &mut dyn RawReducer,
    out: &mut dyn Collect,
    mut each: impl FnMut(u64) -> Result<(), Box<TaskError>>,
    bad: impl Fn(&[u8], RecordError) -> Box<TaskError>,
) -> Result<(u64, u64), Box<TaskError>> {
    let mut groups = Groups::new(pairs, group_len);
    let mut count = 0;
    let mut key = Vec::new();
    while groups.next_group(count == 0)? {
        count += 1;
        key.clear();
        key.extend_from_slice(groups.key());
        let reduced = reducer.reduce(&key, &mut groups, out);
        reduced.map_err(|error| bad(&key, error))?;
        each(groups.values)?;
    }
    let values = groups.values;
    reducer.finish(out).map_err(|error| bad(&key, error))?;
    Ok((count, values))
}

fn unwritable(file: &str, error: std::io::Error) -> Box<TaskError> {
    Box::new(TaskError::Scratch {
        what: "write",
        file: file.to_owned(),
        error,
    })
}

/// Writes sorted pairs as a segment, combined where the job can.
pub(crate) struct Combining<'a> {
    pub(crate) combine: &'a mut Combine,
    /// Whether a fold or a combiner is looked at, whether it is one.
    pub(crate) check: bool,
    pub(crate) group_len: &'a dyn Fn(&[u8]) -> usize,
    pub(crate) counters: &'a mut Counters,
    /// What is written to, for errors.
    pub(crate) file: &'a str,
}

impl Combining<'_> {
    pub(crate) fn write(
        &mut self,
        pairs: &mut dyn SortedPairs,
        writer: &mut SegmentWriter<'_>,
    ) -> Result<(), Box<TaskError>> {
        match self.combine {
            Combine::None => {
                while pairs.advance()? {
                    let written = writer.write(pairs.current());
                    written.map_err(|error| unwritable(self.file, error))?;
                }
                Ok(())
            }
            Combine::Fold(fold) => {
                let fold = fold.clone();
                self.write_folded(pairs, writer, &*fold)
            }
            Combine::Groups(combiner) => {
                let mut out = InOrder {
                    writer,
                    file: self.file,
                    last: None,
                    written: 0,
                    counters: self.counters,
                };
                let bad = |key: &[u8], error: RecordError| match error {
                    RecordError::Task(error) => error,
                    RecordError::Bad(reason) => Box::new(TaskError::Combiner {
                        key: key.escape_ascii().to_string(),
                        reason,
                    }),
                };
                let mut checked;
                let combiner: &mut dyn RawReducer = if self.check && combiner.may_be_tried() {
                    checked = Checked(combiner.as_mut());
                    &mut checked
                } else {
                    combiner.as_mut()
                };
                let (_, read) =
                    reduce_all(pairs, self.group_len, combiner, &mut out, |_| Ok(()), bad)?;
                let written = out.written;
                self.counters.task("COMBINE_INPUT_RECORDS", read);
                self.counters.task("COMBINE_OUTPUT_RECORDS", written);
                Ok(())
            }
        }
    }

    fn write_folded(
        &mut self,
        pairs: &mut dyn SortedPairs,
        writer: &mut SegmentWriter<'_>,
        fold: &dyn RawFold,
    ) -> Result<(), Box<TaskError>> {
        let (mut read, mut written) = (0, 0);
        let mut last = Vec::new();
        let file = self.file;
        let mut out = |pair: Pair<'_>| {
            written += 1;
            writer
                .write(pair)
                .map_err(|error| unwritable(file, error).into())
        };
        let bad = |error, key: &[u8]| match error {
            RecordError::Task(error) => error,
            RecordError::Bad(reason) => Box::new(TaskError::Combiner {
                key: key.escape_ascii().to_string(),
                reason,
            }),
        };
        let mut folding = NeighbourFold::default();
        while pairs.advance()? {
            read += 1;
            let (key, value) = pairs.current();
            if self.check && read > 1 {
                check_fold(fold, [&last, value, value]).map_err(|error| bad(error, key))?;
            }
            let taken = folding.take(fold, (key, value), &mut out);
            taken.map_err(|error| bad(error, key))?;
            if self.check {
                last.clear();
                last.extend_from_slice(value);
            }
        }
        folding.finish(&mut out).map_err(|error| bad(error, &[]))?;
        self.counters.task("COMBINE_INPUT_RECORDS", read);
        self.counters.task("COMBINE_OUTPUT_RECORDS", written);
        Ok(())
    }
}

/// Writes what a combiner emits, which has to stay sorted.
struct InOrder<'a, 'w> {
    writer: &'a mut SegmentWriter<'w>,
    file: &'a str,
    last: Option<Vec<u8>>,
    written: u64,
    counters: &'a mut Counters,
}

impl Collect for InOrder<'_, '_> {
    fn collect(&mut self, key: &[u8], value: &[u8]) -> Result<(), RecordError> {
        match &mut self.last {
            Some(last) if key < last.as_slice() => {
                let (key, last) = (key.escape_ascii(), last.escape_ascii());
                return Err(RecordError::bad(format!(
                    "it emitted the key {key} behind {last}; a combiner has to emit the keys that it is given"
                )));
            }
            Some(last) => {
                last.clear();
                last.extend_from_slice(key);
            }
            None => self.last = Some(key.to_vec()),
        }
        self.written += 1;
        let written = self.writer.write((key, value));
        written.map_err(|error| unwritable(self.file, error).into())
    }

    fn count(&mut self, group: &str, name: &str, by: u64) {
        self.counters.add(group, name, by);
    }
}

/// Merges neighbours until there are at most `factor`, at least 2: `mapreduce.task.io.sort.factor`. No more is merged than has to
/// be, and what stood earlier stays earlier, so that pairs of one key keep their order.
pub(crate) fn narrow<T, E>(
    mut runs: Vec<T>,
    factor: usize,
    mut merge: impl FnMut(Vec<T>) -> Result<T, E>,
) -> Result<Vec<T>, E> {
    let mut at = 0;
    while runs.len() > factor {
        if at + 1 >= runs.len() {
            at = 0;
        }
        let count = factor.min(runs.len() - factor + 1).min(runs.len() - at);
        let batch = runs.drain(at..at + count).collect();
        runs.insert(at, merge(batch)?);
        at += 1;
    }
    Ok(runs)
}
