//! Splits and readers: each record is in one split, whole, wherever the splits are cut.

use std::io::{self, Read};

use mini_mapreduce::input::{File, Files, InputFormat, Place, RecordReader, splits};
use mini_mapreduce::job::{JobSpec, Settings};
use mini_mapreduce::memory::MemoryFiles;
use proptest::prelude::*;

fn spec() -> JobSpec {
    JobSpec {
        program: String::new(),
        args: Vec::new(),
        inputs: vec!["in".to_owned()],
        output: String::new(),
        reduces: 1,
        settings: Settings::default(),
    }
}

/// Where a record begins, its key, its value.
type Found = (u64, Vec<u8>, Vec<u8>);

/// All records of all splits, in the order of the file.
fn records(bytes: &[u8], block: u64, format: InputFormat) -> std::io::Result<Vec<Found>> {
    let mut files = MemoryFiles::new(block);
    files.put("in", bytes);
    let mut records = Vec::new();
    let mut splits = splits(InputFormat::Lines, &spec(), &files).unwrap();
    splits.sort();
    let covered: u64 = splits.iter().map(|split| split.length).sum();
    assert_eq!(covered, bytes.len() as u64, "the splits are the file");
    for split in &splits {
        let mut reader = RecordReader::open(format, split, 1 << 20, &files)?;
        while let Some(record) = reader.next_record()? {
            let (key, value) = (record.key.to_vec(), record.value.to_vec());
            records.push((record.position, key, value));
        }
    }
    Ok(records)
}

/// What a loop over all of it says.
fn lines(bytes: &[u8]) -> Vec<Found> {
    let mut lines = Vec::new();
    let mut position = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        lines.push((position, Vec::new(), text.to_vec()));
        position += line.len() as u64;
    }
    lines
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => Just(b'a'), 2 => Just(b'\n'), 1 => Just(b'\r'), 1 => Just(b'\t'), 1 => any::<u8>()
    ];
    prop::collection::vec(byte, 0..200)
}

proptest! {
    #[test]
    fn each_line_is_in_one_split(bytes in text(), block in 1_u64..50) {
        prop_assert_eq!(records(&bytes, block, InputFormat::Lines).unwrap(), lines(&bytes));
    }

    #[test]
    fn keys_are_cut_at_the_first_tab(bytes in text(), block in 1_u64..50) {
        let expected: Vec<_> = lines(&bytes).into_iter().map(|(position, _, line)| {
            match line.iter().position(|byte| *byte == b'\t') {
                Some(tab) => (position, line[..tab].to_vec(), line[tab + 1..].to_vec()),
                None => (position, line, Vec::new()),
            }
        }).collect();
        prop_assert_eq!(records(&bytes, block, InputFormat::KeyValue).unwrap(), expected);
    }

    #[test]
    fn each_record_of_fixed_length_is_in_one_split(
        bytes in prop::collection::vec(any::<u8>(), 0..300), length in 1_u32..20, block in 1_u64..50,
    ) {
        let read = records(&bytes, block, InputFormat::Fixed(length));
        let (step, size) = (u64::from(length), length as usize);
        if bytes.len().is_multiple_of(size) {
            let expected: Vec<_> = (0..).zip(bytes.chunks(size))
                .map(|(i, chunk)| (i * step, Vec::new(), chunk.to_vec()))
                .collect();
            prop_assert_eq!(read.unwrap(), expected);
        } else {
            let error = read.unwrap_err().to_string();
            prop_assert!(error.contains("the file was cut off"), "{}", error);
        }
    }
}

#[test]
fn a_line_may_be_longer_than_splits_and_buffers() {
    let mut bytes = vec![b'x'; 900_000];
    bytes.extend_from_slice(b"\nshort\n");
    bytes.extend_from_slice(&vec![b'y'; 600_000]);
    let read = records(&bytes, 100_000, InputFormat::Lines).unwrap();
    assert!(read == lines(&bytes), "three lines, each of them whole");
}

#[test]
fn a_line_without_an_end_is_an_error_and_not_all_of_memory() {
    let bytes = vec![b'x'; 3 << 20];
    let error = records(&bytes, 10 << 20, InputFormat::Lines).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the line at byte 0 is longer than 1048576 bytes; is this text? \
         (mapreduce.input.linerecordreader.line.maxlength allows more)"
    );
}

/// The same files, on machines that differ.
struct Placed(MemoryFiles);

impl Files for Placed {
    fn list(&self, path: &str) -> io::Result<Vec<File>> {
        let mut files = self.0.list(path)?;
        for file in &mut files {
            file.blocks = vec![Place::default(); 4];
        }
        Ok(files)
    }

    fn open(&self, path: &str, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        self.0.open(path, offset)
    }
}

fn lengths(files: &dyn Files) -> Vec<u64> {
    let splits = splits(InputFormat::Lines, &spec(), files).unwrap();
    splits.iter().map(|split| split.length).collect()
}

#[test]
fn splits_are_blocks_and_the_last_may_be_a_tenth_longer() {
    let mut files = Placed(MemoryFiles::new(100));
    files.0.put("in", &[0; 310]);
    assert_eq!(lengths(&files), [110, 100, 100]);
    files.0.put("in", &[0; 311]);
    assert_eq!(lengths(&files), [100, 100, 100, 11]);
    files.0.put("in", &[]);
    assert_eq!(lengths(&files), [0_u64; 0], "an empty file needs no map");
}

#[test]
fn where_blocks_are_nowhere_splits_are_even() {
    let mut files = MemoryFiles::new(100);
    files.put("in", &[0; 310]);
    assert_eq!(lengths(&files), [104, 104, 102]);
    files.put("in", &[0; 311]);
    assert_eq!(lengths(&files), [78, 78, 78, 77]);
    files.put("in", &[]);
    assert_eq!(lengths(&files), [0_u64; 0]);
}
