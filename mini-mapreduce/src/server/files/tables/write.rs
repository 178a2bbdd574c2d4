//! Lines that become a table. Parquet wants a row group column by column, so its rows gather in memory first.

use std::io::{self, Write};
use std::mem::take;
use std::str::FromStr;
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, Repetition, Type as Physical};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{Type, TypePtr};

use super::{COMPRESSION, FileWriter, JobError, JobSpec, ROW_GROUP, SCHEMA};

/// What a table of pairs is where nothing is said: key and value, as text.
const PAIRS: &str =
    "message pairs { optional binary key (STRING); optional binary value (STRING); }";

/// How much text becomes a row group where nothing is said. It is in memory until then, and takes several times as much there.
const ROW_GROUP_BYTES: usize = 16 << 20;

/// What a job's tables are.
struct Format {
    schema: TypePtr,
    compression: Compression,
    row_group: usize,
}

impl Format {
    fn of(spec: &JobSpec) -> Result<Format, JobError> {
        let wrong = |name: &str, expected| JobError::Setting {
            name: name.to_owned(),
            value: spec.settings.get(name).unwrap_or_default().to_owned(),
            expected,
        };
        let schema = spec.settings.get(SCHEMA).unwrap_or(PAIRS);
        let schema = parse_message_type(schema).ok().filter(is_plain);
        let schema = schema.ok_or_else(|| {
            wrong(
                SCHEMA,
                "a message of required or optional columns of boolean, int32, int64, float, double, binary, or binary NAME (STRING), \
                 as in: message counts { required binary word (STRING); required int64 count; }",
            )
        })?;
        let compression = match spec.settings.get(COMPRESSION).unwrap_or("snappy") {
            name if name.eq_ignore_ascii_case("uncompressed") => Compression::UNCOMPRESSED,
            name if name.eq_ignore_ascii_case("snappy") => Compression::SNAPPY,
            name if name.eq_ignore_ascii_case("gzip") => Compression::GZIP(Default::default()),
            name if name.eq_ignore_ascii_case("zstd") => Compression::ZSTD(Default::default()),
            _ => return Err(wrong(COMPRESSION, "uncompressed, snappy, gzip or zstd")),
        };
        Ok(Format {
            schema: Arc::new(schema),
            compression,
            row_group: spec.settings.parse(ROW_GROUP, ROW_GROUP_BYTES)?,
        })
    }
}

/// Whether lines can be taken for rows of this type.
fn is_plain(schema: &Type) -> bool {
    let mut fields = schema.get_fields().iter().peekable();
    fields.peek().is_some() && fields.all(|field| Column::of(field).is_some())
}

pub(super) fn check_settings(spec: &JobSpec) -> Result<(), JobError> {
    Format::of(spec).map(drop)
}

pub(super) fn table_writer(
    spec: &JobSpec,
    file: Box<dyn FileWriter>,
) -> io::Result<Box<dyn FileWriter>> {
    let format = Format::of(spec).map_err(io::Error::other)?;
    let properties = WriterProperties::builder()
        .set_created_by("mini-mapreduce".to_owned())
        .set_compression(format.compression)
        .build();
    let columns = format.schema.get_fields().iter();
    Ok(Box::new(TableWriter {
        columns: columns.filter_map(|field| Column::of(field)).collect(),
        table: SerializedFileWriter::new(file, format.schema, Arc::new(properties))
            .map_err(failed)?,
        row_group: format.row_group,
        line: Vec::new(),
        rows: 0,
        gathered: 0,
    }))
}

fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        error => io::Error::other(error),
    }
}

struct TableWriter {
    table: SerializedFileWriter<Box<dyn FileWriter>>,
    columns: Vec<Column>,
    row_group: usize,
    /// The beginning of a line whose end did not come yet.
    line: Vec<u8>,
    rows: u64,
    /// How many bytes of text are in `columns`.
    gathered: usize,
}

impl TableWriter {
    fn take_line(&mut self, line: &[u8]) -> io::Result<()> {
        let count = self.columns.len();
        let mut fields = line.splitn(count, |byte| *byte == b'\t');
        for column in &mut self.columns {
            let taken = match fields.next() {
                Some(field) => column.push(field),
                None => Err(format!(
                    "it has fewer fields than the table has columns, {count}; {SCHEMA} says which there are"
                )),
            };
            taken.map_err(|reason| {
                let text = String::from_utf8_lossy(line);
                let row = self.rows;
                io::Error::other(format!("row {row} of the table, {text:?}: {reason}"))
            })?;
        }
        self.rows += 1;
        self.gathered += line.len() + 1;
        if self.gathered >= self.row_group {
            self.write_row_group()?;
        }
        Ok(())
    }

    fn write_row_group(&mut self) -> io::Result<()> {
        self.gathered = 0;
        let mut group = self.table.next_row_group().map_err(failed)?;
        for column in &mut self.columns {
            let writer = group.next_column().map_err(failed)?;
            let mut writer = writer.ok_or_else(|| io::Error::other("a column is missing"))?;
            column.write(&mut writer).map_err(failed)?;
            writer.close().map_err(failed)?;
        }
        group.close().map_err(failed)?;
        Ok(())
    }
}

impl Write for TableWriter {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let mut rest = text;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let mut line = take(&mut self.line);
            line.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            self.take_line(&line)?;
            line.clear();
            self.line = line;
        }
        self.line.extend_from_slice(rest);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl FileWriter for TableWriter {
    fn close(mut self: Box<Self>) -> io::Result<()> {
        if !self.line.is_empty() {
            let line = take(&mut self.line);
            self.take_line(&line)?;
        }
        if self.gathered > 0 {
            self.write_row_group()?;
        }
        self.table.into_inner().map_err(failed)?.close()
    }
}

/// What gathers of a column.
struct Column {
    name: String,
    is_optional: bool,
    is_text: bool,
    values: Values,
    /// Of an optional one: which rows have a value.
    present: Vec<i16>,
}

enum Values {
    Bools(Vec<bool>),
    Ints(Vec<i32>),
    Longs(Vec<i64>),
    Floats(Vec<f32>),
    Doubles(Vec<f64>),
    Bytes(Vec<ByteArray>),
}

impl Column {
    /// None, where text cannot become such values.
    fn of(field: &Type) -> Option<Column> {
        let info = field.get_basic_info();
        let is_text = info.converted_type() == ConvertedType::UTF8;
        let is_bare =
            info.converted_type() == ConvertedType::NONE && info.logical_type_ref().is_none();
        if field.is_group() || info.repetition() == Repetition::REPEATED || !(is_text || is_bare) {
            return None;
        }
        Some(Column {
            name: field.name().to_owned(),
            is_optional: info.repetition() == Repetition::OPTIONAL,
            is_text,
            values: match field.get_physical_type() {
                Physical::BOOLEAN => Values::Bools(Vec::new()),
                Physical::INT32 => Values::Ints(Vec::new()),
                Physical::INT64 => Values::Longs(Vec::new()),
                Physical::FLOAT => Values::Floats(Vec::new()),
                Physical::DOUBLE => Values::Doubles(Vec::new()),
                Physical::BYTE_ARRAY => Values::Bytes(Vec::new()),
                Physical::INT96 | Physical::FIXED_LEN_BYTE_ARRAY => return None,
            },
            present: Vec::new(),
        })
    }

    fn push(&mut self, field: &[u8]) -> Result<(), String> {
        let is_null = field == b"\\N";
        if self.is_optional {
            self.present.push(i16::from(!is_null));
        }
        if is_null {
            let name = &self.name;
            let missing = || format!("the column {name} is required, and this is a null");
            return self.is_optional.then_some(()).ok_or_else(missing);
        }
        let name = &self.name;
        match &mut self.values {
            Values::Bools(values) => values.push(parse(name, field)?),
            Values::Ints(values) => values.push(parse(name, field)?),
            Values::Longs(values) => values.push(parse(name, field)?),
            Values::Floats(values) => values.push(parse(name, field)?),
            Values::Doubles(values) => values.push(parse(name, field)?),
            Values::Bytes(values) => {
                let bytes = unescaped(field);
                if self.is_text && std::str::from_utf8(&bytes).is_err() {
                    return Err(format!(
                        "the column {name} is a STRING, and this is no UTF-8; declare it without (STRING)"
                    ));
                }
                values.push(bytes.into());
            }
        }
        Ok(())
    }

    fn write(&mut self, to: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let present = take(&mut self.present);
        let present = self.is_optional.then_some(present.as_slice());
        match &mut self.values {
            Values::Bools(values) => put::<BoolType>(to, values, present),
            Values::Ints(values) => put::<Int32Type>(to, values, present),
            Values::Longs(values) => put::<Int64Type>(to, values, present),
            Values::Floats(values) => put::<FloatType>(to, values, present),
            Values::Doubles(values) => put::<DoubleType>(to, values, present),
            Values::Bytes(values) => put::<ByteArrayType>(to, values, present),
        }
    }
}

fn put<T: DataType>(
    to: &mut SerializedColumnWriter<'_>,
    values: &mut Vec<T::T>,
    present: Option<&[i16]>,
) -> Result<(), ParquetError> {
    to.typed::<T>().write_batch(values, present, None)?;
    values.clear();
    Ok(())
}

fn parse<T: FromStr>(column: &str, field: &[u8]) -> Result<T, String> {
    let text = std::str::from_utf8(field).ok();
    let value = text.and_then(|text| text.parse().ok());
    value.ok_or_else(|| {
        let (text, kind) = (String::from_utf8_lossy(field), std::any::type_name::<T>());
        format!("the column {column} is of {kind}, and this is {text:?}")
    })
}

/// A string as it was before it was written as text.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        bytes.extend_from_slice(&rest[..at]);
        let (byte, length) = match rest.get(at + 1) {
            Some(b'\\') => (b'\\', 2),
            Some(b't') => (b'\t', 2),
            Some(b'n') => (b'\n', 2),
            Some(b'r') => (b'\r', 2),
            // Nobody has escaped it.
            _ => (b'\\', 1),
        };
        bytes.push(byte);
        rest = &rest[at + length..];
    }
    bytes.extend_from_slice(rest);
    bytes
}
