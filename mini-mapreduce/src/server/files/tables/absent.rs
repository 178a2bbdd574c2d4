//! What a program that was built without Parquet says of tables.

use std::io::{self, Read};

use super::{File, FileSystems, FileWriter, JobError, JobSpec};

const REASON: &str = "this program was built without the feature parquet";

fn no(path: &str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, format!("{path}: {REASON}"))
}

pub(super) fn row_groups(_: &FileSystems, table: &File, _: &str) -> io::Result<Vec<File>> {
    Err(no(&table.path))
}

pub(super) fn rows(
    _: &FileSystems,
    table: &File,
    _: &str,
    _: usize,
) -> io::Result<Box<dyn Read + Send>> {
    Err(no(&table.path))
}

pub(super) fn check_settings(spec: &JobSpec) -> Result<(), JobError> {
    Err(JobError::Input {
        path: spec.output.clone(),
        reason: REASON.to_owned(),
    })
}

pub(super) fn table_writer(
    spec: &JobSpec,
    _: Box<dyn FileWriter>,
) -> io::Result<Box<dyn FileWriter>> {
    Err(no(&spec.output))
}
