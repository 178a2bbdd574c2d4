//! Tables: Parquet files, to jobs of text. A row is a line, its columns between tabs, as in PostgreSQL's `COPY … (FORMAT text)`: `\N` is a null, and within a
//! string a tab is `\t`, a line's end `\n` or `\r`, a backslash `\\`. So any program takes a table for input, and leaves one, and does not know.
//!
//! - A file is a table where it, or its directory, is called `….parquet`. `PATH#a+b` means two of its columns, in this order.
//! - A row group, compressed and described by itself, is what can be read by itself: each is listed as a file of lines, and so becomes a split.
//! - A job whose output directory is called so leaves tables, with the columns of [`SCHEMA`].

#[cfg(not(feature = "parquet"))]
mod absent;
#[cfg(feature = "parquet")]
mod chunks;
#[cfg(feature = "parquet")]
mod read;
#[cfg(feature = "parquet")]
mod write;

use std::io::{self, Read};

#[cfg(not(feature = "parquet"))]
use absent::{check_settings, row_groups, rows, table_writer};
#[cfg(feature = "parquet")]
use {
    read::{row_groups, rows},
    write::{check_settings, table_writer},
};

use super::{FileSystems, FileWriter};
use crate::input::{File, is_table, row_group};
use crate::job::{JobError, JobSpec};
use crate::output::OutputFormat;

/// The setting that says which columns an output has, in Parquet's own language (`ExampleOutputFormat`'s).
pub const SCHEMA: &str = "parquet.example.schema";

/// The setting that says how an output is compressed (`ParquetOutputFormat`'s, like the next one).
pub const COMPRESSION: &str = "parquet.compression";

/// The setting that says how many bytes of text become a row group.
pub const ROW_GROUP: &str = "parquet.block.size";

impl FileSystems {
    /// What a path means, with each row group of a table as a file of its own.
    pub(super) fn list_as_text(&self, path: &str) -> io::Result<Vec<File>> {
        let (path, columns) = match path.rsplit_once('#') {
            Some((table, columns)) if is_table(table) => (table, columns),
            _ => (path, ""),
        };
        let mut files = Vec::new();
        for file in self.stored(path)?.list(path)? {
            if is_table(&file.path) {
                files.extend(row_groups(self, &file, columns)?);
            } else {
                files.push(file);
            }
        }
        Ok(files)
    }

    /// The lines of what was listed, from a byte on; of a row group, from its beginning.
    pub(super) fn open_as_text(&self, path: &str, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let Some((table, columns, number)) = row_group(path) else {
            return self.stored(path)?.open(path, offset);
        };
        let files = self.stored(table)?.list(table)?;
        let table = files.first().ok_or(io::ErrorKind::NotFound)?;
        rows(self, table, columns, number)
    }
}

fn leaves_tables(spec: &JobSpec) -> bool {
    spec.output.ends_with(".parquet")
}

/// Finds out before a job begins what each of its tasks would fail for.
///
/// # Errors
/// Where what it writes cannot become a table.
pub(in crate::server) fn check(spec: &JobSpec, output: OutputFormat) -> Result<(), JobError> {
    if !leaves_tables(spec) {
        return Ok(());
    }
    if output == OutputFormat::Plain {
        return Err(JobError::Input {
            path: spec.output.clone(),
            reason: format!("{} writes no lines, so no table", spec.program),
        });
    }
    check_settings(spec)
}

/// What a task of the job writes its lines to: the file, or the table that this becomes.
///
/// # Errors
/// Where the file cannot be written.
pub(in crate::server) fn writer(
    spec: &JobSpec,
    file: Box<dyn FileWriter>,
) -> io::Result<Box<dyn FileWriter>> {
    if leaves_tables(spec) {
        table_writer(spec, file)
    } else {
        Ok(file)
    }
}
