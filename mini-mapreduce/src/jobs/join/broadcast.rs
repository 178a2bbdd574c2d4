//! The same join in the maps (a map-side join; Hive's map join, Spark's broadcast join): every map reads the whole right input into memory, and looks up
//! in it what belongs to each left line. There is no shuffle, no sort, no reduce, and so no bound on how frequent a key is. It pays where the right input is small;
//! how large it may be is a setting, since each map that runs has it in memory.

use crate::buffer::prefix;
use crate::input::{Files, InputFormat, RecordReader};
use crate::job::{Emitter, JobError, JobSpec, Mapper, Record, RecordError, Split};
use crate::program::Job;
use crate::task::line_max;

/// The argument that asks for it.
const NAME: &str = "broadcast";

/// How many megabytes of memory the right input may take in each map.
const MAX_MB: &str = "mapreduce.join.broadcast.max.mb";
const MAX_MB_DEFAULT: usize = 64;

/// Where the right input is: once a job is prepared, only the left one is its input.
const RIGHT_INPUT: &str = "mapreduce.join.broadcast.input";

pub(super) fn is_asked_for(spec: &JobSpec) -> bool {
    spec.args.first().is_some_and(|arg| arg == NAME)
}

/// Takes the right input out of those that maps are made for, and the reduces out of the job.
pub(super) fn prepare(spec: &mut JobSpec, files: &dyn Files) -> Result<(), JobError> {
    let [left, right] = spec.inputs.as_slice() else {
        return Err(super::two_inputs());
    };
    let found = files
        .list(right)
        .map_err(|error| unreadable(right, &error))?;
    let bytes = found.iter().map(|file| file.length).sum::<u64>();
    // Found out before the first map rather than in each; what is compressed, and what is not quite so large, is found out there.
    let max_mb = max_mb(spec)?;
    if bytes >> 20 >= max_mb as u64 {
        return Err(too_large(right, max_mb));
    }
    let (left, right) = (left.clone(), right.clone());
    spec.settings.0.insert(RIGHT_INPUT.to_owned(), right);
    spec.inputs = vec![left];
    spec.reduces = 0;
    Ok(())
}

/// The job, once it is prepared.
pub(super) fn job(spec: &JobSpec) -> Result<Job, JobError> {
    let right = spec
        .settings
        .get(RIGHT_INPUT)
        .ok_or_else(super::two_inputs)?;
    let (right, spec) = (right.to_owned(), spec.clone());
    let mapper = move |_: &Split| {
        Ok(Lookup {
            right: right.clone(),
            spec: spec.clone(),
            table: Table::default(),
            line: Vec::new(),
        })
    };
    Ok(Job::identity(mapper).input(InputFormat::KeyValue))
}

fn max_mb(spec: &JobSpec) -> Result<usize, JobError> {
    spec.settings.parse(MAX_MB, MAX_MB_DEFAULT)
}

fn too_large(right: &str, max_mb: usize) -> JobError {
    JobError::Input {
        path: right.to_owned(),
        reason: format!(
            "every map would keep it in memory, and it takes more than {max_mb} MB ({MAX_MB}); join in the reduce, without -a {NAME}"
        ),
    }
}

fn unreadable(path: &str, error: &std::io::Error) -> JobError {
    JobError::Input {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

struct Lookup {
    right: String,
    spec: JobSpec,
    table: Table,
    line: Vec<u8>,
}

impl Mapper for Lookup {
    type Key = Vec<u8>;
    type Value = Vec<u8>;

    fn begin(&mut self, files: &dyn Files) -> Result<(), JobError> {
        let max_mb = max_mb(&self.spec)?;
        let found = files.list(&self.right);
        for file in found.map_err(|error| unreadable(&self.right, &error))? {
            let split = Split {
                path: file.path,
                offset: 0,
                length: file.length,
                hosts: Vec::new(),
                racks: Vec::new(),
            };
            let failed = |error| unreadable(&split.path, &error);
            let line_max = line_max(&self.spec)?;
            let reader = RecordReader::open(InputFormat::KeyValue, &split, line_max, files);
            let mut reader = reader.map_err(failed)?;
            while let Some(record) = reader.next_record().map_err(failed)? {
                self.table.push(record.key, record.value);
                if self.table.size() >> 20 >= max_mb {
                    return Err(too_large(&self.right, max_mb));
                }
            }
        }
        self.table.sort();
        Ok(())
    }

    fn map(
        &mut self,
        record: &Record<'_>,
        out: &mut Emitter<'_, Vec<u8>, Vec<u8>>,
    ) -> Result<(), RecordError> {
        for right in self.table.values(record.key) {
            self.line.clear();
            self.line.extend_from_slice(record.value);
            self.line.push(b'\t');
            self.line.extend_from_slice(right);
            out.emit(record.key, &self.line)?;
        }
        Ok(())
    }
}

/// Keys and values, by key: all bytes in one piece, and where in it each row is.
#[derive(Default)]
struct Table {
    bytes: Vec<u8>,
    rows: Vec<Row>,
}

struct Row {
    /// Of its key: nearly always it tells two apart without looking into the bytes.
    prefix: u64,
    begin: usize,
    key_len: usize,
    value_len: usize,
}

impl Table {
    fn push(&mut self, key: &[u8], value: &[u8]) {
        self.rows.push(Row {
            prefix: prefix(key),
            begin: self.bytes.len(),
            key_len: key.len(),
            value_len: value.len(),
        });
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
    }

    /// In bytes.
    fn size(&self) -> usize {
        self.bytes.len() + self.rows.len() * size_of::<Row>()
    }

    fn sort(&mut self) {
        let mut rows = std::mem::take(&mut self.rows);
        // Values of a key stay in their order.
        rows.sort_by(|a, b| (a.prefix, self.key(a)).cmp(&(b.prefix, self.key(b))));
        self.rows = rows;
    }

    fn key(&self, row: &Row) -> &[u8] {
        &self.bytes[row.begin..][..row.key_len]
    }

    fn values(&self, key: &[u8]) -> impl Iterator<Item = &[u8]> {
        let wanted = (prefix(key), key);
        let first = (self.rows).partition_point(|row| (row.prefix, self.key(row)) < wanted);
        let of_key = self.rows[first..].iter();
        of_key
            .take_while(move |row| (row.prefix, self.key(row)) == wanted)
            .map(|row| &self.bytes[row.begin + row.key_len..][..row.value_len])
    }
}
