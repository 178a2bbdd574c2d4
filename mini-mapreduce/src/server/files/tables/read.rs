//! A table's row groups, and their rows as lines.

use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::{ReadOptionsBuilder, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use parquet::schema::types::Type;

use super::chunks::Chunks;
use super::{File, FileSystems};

/// How much text is made at a time, in bytes.
const TEXT_BYTES: usize = 64 << 10;

/// A table's row groups, each as a file, near to where its middle is.
pub(super) fn row_groups(
    files: &FileSystems,
    table: &File,
    columns: &str,
) -> io::Result<Vec<File>> {
    unless_panic(table, || row_groups_of(files, table, columns))
}

fn row_groups_of(files: &FileSystems, table: &File, columns: &str) -> io::Result<Vec<File>> {
    let reader = open(files, table, 1, None)?;
    let schema = selection(&reader, table, columns)?;
    let names: Vec<&str> = schema
        .get_fields()
        .iter()
        .map(|field| field.name())
        .collect();
    let mut found = Vec::new();
    for (number, group) in reader.metadata().row_groups().iter().enumerate() {
        let (start, length) = extent(group, &names)
            .filter(|(start, length)| start.saturating_add(*length) <= table.length)
            .ok_or_else(|| wrong(table, &format!("its row group {number} is not in it")))?;
        let block = (start + length / 2) / table.block.max(1);
        let place = usize::try_from(block)
            .ok()
            .and_then(|at| table.blocks.get(at));
        found.push(File {
            path: format!("{}#{columns}#{number}", table.path),
            length,
            block: length.max(1),
            blocks: place.into_iter().cloned().collect(),
        });
    }
    if found.is_empty() {
        // A file without anything in it, rather than none.
        found.push(File {
            path: format!("{}#{columns}#0", table.path),
            length: 0,
            ..table.clone()
        });
    }
    Ok(found)
}

/// The rows of a row group, as lines.
pub(super) fn rows(
    files: &FileSystems,
    table: &File,
    columns: &str,
    number: usize,
) -> io::Result<Box<dyn Read + Send>> {
    let (rows, nanoseconds) = unless_panic(table, || {
        let all = open(files, table, 1, None)?;
        let schema = selection(&all, table, columns)?;
        let reader = open(files, table, schema.get_fields().len(), Some(number))?;
        let nanoseconds = schema.get_fields().iter();
        let nanoseconds = nanoseconds.map(|field| of_nanoseconds(field)).collect();
        let rows = RowIter::from_file_into(Box::new(reader));
        let rows = rows.project(Some(schema));
        let rows = rows.map_err(|error| wrong(table, &error.to_string()))?;
        Ok((rows, nanoseconds))
    })?;
    Ok(Box::new(Lines {
        table: table.clone(),
        rows,
        nanoseconds,
        done: 0,
        text: Vec::with_capacity(TEXT_BYTES),
        taken: 0,
    }))
}

/// On some files that are damaged the library panics; to whoever reads them, that is an error like others.
fn unless_panic<T>(table: &File, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let done = catch_unwind(AssertUnwindSafe(work));
    done.unwrap_or_else(|_| Err(wrong(table, "it is damaged")))
}

/// A table, of which so many columns are read at once; with one of its row groups, or all.
fn open(
    files: &FileSystems,
    table: &File,
    columns: usize,
    number: Option<usize>,
) -> io::Result<SerializedFileReader<Chunks>> {
    let chunks = Chunks::new(files, table, columns + 1);
    let is_wanted = move |_: &RowGroupMetaData, at: usize| number.is_none_or(|number| number == at);
    let options = ReadOptionsBuilder::new().with_predicate(Box::new(is_wanted));
    let opened = SerializedFileReader::new_with_options(chunks, options.build());
    opened.map_err(|error| match error {
        ParquetError::External(error) => wrong(table, &error.to_string()),
        error => wrong(
            table,
            &format!("it is no Parquet file, or was cut off: {error}"),
        ),
    })
}

fn wrong(table: &File, reason: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{}: {reason}", table.path),
    )
}

/// The columns that are wanted.
fn selection(
    reader: &SerializedFileReader<Chunks>,
    table: &File,
    columns: &str,
) -> io::Result<Type> {
    let root = reader
        .metadata()
        .file_metadata()
        .schema_descr()
        .root_schema();
    let all = root.get_fields();
    let mut fields = Vec::new();
    for name in columns.split('+').filter(|name| !name.is_empty()) {
        let field = all.iter().find(|field| field.name() == name);
        fields.push(field.cloned().ok_or_else(|| {
            let names: Vec<&str> = all.iter().map(|field| field.name()).collect();
            let names = names.join(", ");
            wrong(
                table,
                &format!("there is no column {name:?}; there are {names}"),
            )
        })?);
    }
    if fields.is_empty() {
        fields = all.to_vec();
    }
    for field in &fields {
        let info = field.get_basic_info();
        let is_nested = field.is_group() || info.repetition() == Repetition::REPEATED;
        if is_nested || info.converted_type() == ConvertedType::INTERVAL {
            let name = field.name();
            return Err(wrong(
                table,
                &format!("the column {name:?} is no plain value; name others: PATH#a+b"),
            ));
        }
    }
    let schema = Type::group_type_builder(root.name()).with_fields(fields);
    schema
        .build()
        .map_err(|error| wrong(table, &error.to_string()))
}

/// Where the columns of a row group begin, and how many bytes they have; none where that cannot be.
fn extent(group: &RowGroupMetaData, names: &[&str]) -> Option<(u64, u64)> {
    let (mut start, mut length) = (u64::MAX, 0_u64);
    for column in group.columns() {
        if names.contains(&column.column_path().parts().first()?.as_str()) {
            let dictionary = column.dictionary_page_offset();
            let begin = dictionary.unwrap_or(column.data_page_offset());
            start = start.min(begin.try_into().ok()?);
            length = length.checked_add(column.compressed_size().try_into().ok()?)?;
        }
    }
    Some((if start == u64::MAX { 0 } else { start }, length))
}

/// Rows, as lines.
struct Lines {
    table: File,
    rows: RowIter<'static>,
    /// By column.
    nanoseconds: Vec<Option<OfMicroseconds>>,
    /// How many rows were read.
    done: u64,
    text: Vec<u8>,
    taken: usize,
}

impl Lines {
    /// Takes the next lines, in place of those that were read.
    fn more(&mut self) -> io::Result<()> {
        self.taken = 0;
        self.text.clear();
        while self.text.len() < TEXT_BYTES {
            let Some(row) = self.rows.next() else { break };
            let row = row.map_err(|error| {
                let text = format!("row {} of the row group: {error}", self.done);
                wrong(&self.table, &text)
            })?;
            self.done += 1;
            line(&row, &self.nanoseconds, &mut self.text)?;
        }
        Ok(())
    }
}

impl Read for Lines {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.text.len() {
            let table = self.table.clone();
            unless_panic(&table, || self.more())?;
        }
        let rest = &self.text[self.taken..];
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        self.taken += length;
        Ok(length)
    }
}

/// What so many microseconds are.
type OfMicroseconds = fn(i64) -> Field;

/// Of a column of nanoseconds, which to the library are numbers: what its microseconds are.
fn of_nanoseconds(column: &Type) -> Option<OfMicroseconds> {
    match column.get_basic_info().logical_type_ref()? {
        LogicalType::Timestamp(of) if of.unit == TimeUnit::NANOS => Some(Field::TimestampMicros),
        LogicalType::Time(of) if of.unit == TimeUnit::NANOS => Some(Field::TimeMicros),
        _ => None,
    }
}

/// As of microseconds, with three more digits.
fn write_nanoseconds(value: i64, of: OfMicroseconds, out: &mut Vec<u8>) -> io::Result<()> {
    let text = of(value.div_euclid(1000)).to_string();
    let (micros, zone) = text.split_at(text.rfind(' ').unwrap_or(text.len()));
    write!(out, "{micros}{:03}{zone}", value.rem_euclid(1000))
}

fn line(row: &Row, nanoseconds: &[Option<OfMicroseconds>], out: &mut Vec<u8>) -> io::Result<()> {
    for (number, (_, field)) in row.get_column_iter().enumerate() {
        if number > 0 {
            out.push(b'\t');
        }
        if let (Field::Long(value), Some(Some(of))) = (field, nanoseconds.get(number)) {
            write_nanoseconds(*value, *of, out)?;
            continue;
        }
        match field {
            Field::Null => out.extend_from_slice(b"\\N"),
            Field::Str(text) => escape(text.as_bytes(), out),
            Field::Bytes(bytes) => escape(bytes.data(), out),
            // So that what is read of it is the same number again.
            Field::Float(number) => write!(out, "{number:?}")?,
            Field::Double(number) => write!(out, "{number:?}")?,
            other => write!(out, "{other}")?,
        }
    }
    out.push(b'\n');
    Ok(())
}

fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            byte => out.push(*byte),
        }
    }
}
