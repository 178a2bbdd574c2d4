//! Sort, spill, combine, merge, reduce: the output is the oracle's.

use std::collections::BTreeMap;

use mini_mapreduce::datum::Datum;
use mini_mapreduce::job::{Combiner, Emitter, Fold, Mapper, Record, RecordError, Reducer, Values};
use mini_mapreduce::jobs;
use mini_mapreduce::jobs::wordcount::{Sum, Words};
use mini_mapreduce::partition::{Partitioner, hash_partition};
use mini_mapreduce::program::Job;
use mini_mapreduce::segment::Compression;
use mini_mapreduce::task::TaskError;
use proptest::prelude::*;

use crate::bench::Bench;

fn text() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        4 => "[ab]{1,2}", 1 => "[a-z]{7,10}", 1 => "abcdefgh[ab]{0,3}", 1 => Just("\u{0}".to_owned())
    ];
    let line = prop::collection::vec(word, 0..9).prop_map(|words| words.join(" "));
    let lines = prop::collection::vec(line, 0..60);
    lines.prop_map(|lines| lines.join("\n").into_bytes())
}

fn count(text: &[u8]) -> BTreeMap<Vec<u8>, u64> {
    let mut counts = BTreeMap::new();
    for word in text
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
    {
        *counts.entry(word.to_vec()).or_default() += 1;
    }
    counts
}

/// The oracle's output, a file for each reduce.
fn expected(text: &[u8], reduces: u32) -> Vec<Vec<u8>> {
    let mut files = vec![Vec::new(); reduces as usize];
    for (word, count) in count(text) {
        let file = &mut files[hash_partition(&word, reduces) as usize];
        file.extend_from_slice(&word);
        file.extend_from_slice(format!("\t{count}\n").as_bytes());
    }
    files
}

/// The sum as a combiner that sees whole groups.
struct SumOfGroup;

impl Combiner for SumOfGroup {
    type Key = Vec<u8>;
    type Value = u64;

    fn combine(
        &mut self,
        key: &[u8],
        values: &mut Values<'_, Vec<u8>, u64>,
        out: &mut Emitter<'_, Vec<u8>, u64>,
    ) -> Result<(), RecordError> {
        let mut sum = 0;
        while let Some(value) = values.next_value()? {
            sum += value;
        }
        out.emit(key, sum)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn words_are_counted_whatever_the_splits_and_the_buffer(
        text in text(), block in 1_u64..200, reduces in 1_u32..5, buffer in 200_usize..2000, factor in 2_usize..5,
        compression in prop::sample::select(Compression::ALL), combine in 0..3,
    ) {
        let mut bench = Bench::new("wordcount", &[], reduces, block);
        bench.files.put("in", &text);
        bench.spill.buffer_bytes = buffer;
        bench.spill.factor = factor;
        bench.spill.compression = compression;
        let job = match combine {
            0 => Job::new(|_| Ok(Words), || Sum),
            1 => Job::new(|_| Ok(Words), || Sum).combiner(|| SumOfGroup),
            _ => jobs::wordcount::job(&bench.spec).unwrap(),
        };
        let (outputs, counters) = bench.run(&job).unwrap();
        prop_assert_eq!(outputs, expected(&text, reduces));
        let words: u64 = count(&text).values().sum();
        prop_assert_eq!(counters.get_task("MAP_OUTPUT_RECORDS"), words);
        prop_assert_eq!(counters.get_task("REDUCE_OUTPUT_RECORDS"), count(&text).len() as u64);
        if combine == 0 {
            prop_assert_eq!(counters.get_task("REDUCE_INPUT_RECORDS"), words);
        }
    }
}

/// Emits a line `HOST TIME PATH` under host and time.
struct Visits;

impl Mapper for Visits {
    type Key = (String, u64);
    type Value = String;

    fn map(
        &mut self,
        record: &Record<'_>,
        out: &mut Emitter<'_, (String, u64), String>,
    ) -> Result<(), RecordError> {
        let mut fields = record.text()?.split(' ');
        let mut next = || {
            fields
                .next()
                .ok_or_else(|| RecordError::bad("three fields are expected"))
        };
        let (host, time, path) = (next()?, next()?, next()?);
        let time = time
            .parse()
            .map_err(|_| RecordError::bad(format!("{time} is no time")))?;
        out.emit((host.into(), time), path)
    }
}

/// The way that a host took: a line of `TIME:PATH`.
struct Way;

impl Reducer for Way {
    type Key = (String, u64);
    type Value = String;
    type OutKey = String;
    type OutValue = String;

    fn reduce(
        &mut self,
        (host, _): (std::borrow::Cow<'_, str>, u64),
        values: &mut Values<'_, (String, u64), String>,
        out: &mut Emitter<'_, String, String>,
    ) -> Result<(), RecordError> {
        let mut way = String::new();
        while let Some(((_, time), path)) = values.next_pair()? {
            way.push_str(&format!("{time}:{path} "));
        }
        out.emit(&host, way.trim_end())
    }
}

fn visits() -> Job {
    Job::new(|_| Ok(Visits), || Way).group_by_first::<String>()
}

fn one_file(outputs: &[Vec<u8>]) -> String {
    String::from_utf8(outputs.concat()).unwrap()
}

#[test]
fn a_secondary_sort_brings_values_in_order() {
    let mut bench = Bench::new("", &[], 2, 10);
    bench
        .files
        .put("in", b"b 300 /x\na 20 /y\nb 4 /z\na 100 /w\nb 300 /again\n");
    let (outputs, counters) = bench.run(&visits()).unwrap();
    let mut lines: Vec<&str> = std::str::from_utf8(&outputs[0]).unwrap().lines().collect();
    lines.extend(std::str::from_utf8(&outputs[1]).unwrap().lines());
    lines.sort_unstable();
    assert_eq!(lines, ["a\t20:/y 100:/w", "b\t4:/z 300:/x 300:/again"]);
    assert_eq!(counters.get_task("REDUCE_INPUT_GROUPS"), 2);
}

#[test]
fn a_bad_record_is_named_by_its_place_and_passed_over_when_asked() {
    let mut bench = Bench::new("", &[], 1, 1000);
    bench.files.put("in", b"a 1 /x\na soon /y\n\xff\na 2 /z\n");
    let error = bench.run(&visits()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "in: the record at byte 7 is bad: soon is no time (mapreduce.map.skip.maxrecords lets a map pass over so many)"
    );
    bench.set("mapreduce.map.skip.maxrecords", "1");
    let error = bench.run(&visits()).unwrap_err().to_string();
    assert!(
        error.starts_with("in: the record at byte 17 is bad: byte 0 of it is no UTF-8"),
        "{error}"
    );
    bench.set("mapreduce.map.skip.maxrecords", "2");
    let (outputs, counters) = bench.run(&visits()).unwrap();
    assert_eq!(one_file(&outputs), "a\t1:/x 2:/z\n");
    assert_eq!(counters.get_task("MAP_SKIPPED_RECORDS"), 2);
}

#[test]
fn without_reduces_what_maps_emit_is_the_output() {
    let mut bench = Bench::new("", &[], 0, 6);
    bench.files.put("in", b"b a\nb c\n");
    let (outputs, counters) = bench.run(&Job::identity(|_| Ok(Words))).unwrap();
    assert_eq!(one_file(&outputs), "b\t1\na\t1\nb\t1\nc\t1\n");
    assert_eq!(counters.get_task("MAP_OUTPUT_RECORDS"), 4);
}

/// No fold: the result hangs on what meets what first.
struct Difference;

impl Fold for Difference {
    type Value = u64;

    fn fold(&self, left: u64, right: u64, out: &mut Vec<u8>) -> Result<(), RecordError> {
        u64::encode(left.abs_diff(right), out);
        Ok(())
    }
}

/// Emits each number under one key.
struct Numbers;

impl Mapper for Numbers {
    type Key = Vec<u8>;
    type Value = u64;

    fn map(
        &mut self,
        record: &Record<'_>,
        out: &mut Emitter<'_, Vec<u8>, u64>,
    ) -> Result<(), RecordError> {
        let number = record.text()?.parse();
        out.emit(b"n", number.map_err(|_| RecordError::bad("no number"))?)
    }
}

#[test]
fn a_fold_that_is_none_is_caught() {
    let mut bench = Bench::new("", &[], 1, 1000);
    bench.files.put("in", b"5\n3\n9\n");
    let job = Job::new(|_| Ok(Numbers), || Sum).fold(Difference);
    let error = bench.run(&job).unwrap_err().to_string();
    assert!(error.contains("the fold is not associative"), "{error}");
}

/// A combiner that turns keys around.
struct Backwards;

impl Combiner for Backwards {
    type Key = Vec<u8>;
    type Value = u64;

    fn combine(
        &mut self,
        key: &[u8],
        values: &mut Values<'_, Vec<u8>, u64>,
        out: &mut Emitter<'_, Vec<u8>, u64>,
    ) -> Result<(), RecordError> {
        let turned: Vec<u8> = key.iter().map(|byte| !byte).collect();
        match values.next_value()? {
            Some(value) => out.emit(&turned, value),
            None => Ok(()),
        }
    }
}

#[test]
fn a_combiner_that_changes_keys_is_caught() {
    let mut bench = Bench::new("", &[], 1, 1000);
    bench.files.put("in", b"a b");
    let job = Job::new(|_| Ok(Words), || Sum).combiner(|| Backwards);
    assert_eq!(
        bench.run(&job).unwrap_err().to_string(),
        "the combiner failed at the key b: it emitted the key \\x9d behind \\x9e; \
         a combiner has to emit the keys that it is given"
    );
}

/// A mean of means is no mean.
struct Mean;

impl Combiner for Mean {
    type Key = Vec<u8>;
    type Value = u64;

    fn combine(
        &mut self,
        key: &[u8],
        values: &mut Values<'_, Vec<u8>, u64>,
        out: &mut Emitter<'_, Vec<u8>, u64>,
    ) -> Result<(), RecordError> {
        let (mut sum, mut count) = (0, 0);
        while let Some(value) = values.next_value()? {
            (sum, count) = (sum + value, count + 1);
        }
        out.emit(key, sum / count)
    }
}

#[test]
fn a_combiner_that_is_not_associative_is_caught_when_asked_for() {
    let mut bench = Bench::new("", &[], 1, 1000);
    bench.files.put("in", b"5\n3\n10\n20\n");
    let job = Job::new(|_| Ok(Numbers), || Sum).combiner(|| Mean);
    assert_eq!(
        bench.run(&job).unwrap_err().to_string(),
        "the combiner failed at the key n: it is not associative: of three values it makes something else when two of them were combined before"
    );
    bench.spill.check = false;
    let (outputs, _) = bench.run(&job).unwrap();
    assert_eq!(one_file(&outputs), "n\t9\n", "that is what comes of it");
}

struct Nowhere;

impl Partitioner for Nowhere {
    fn partition(&self, _: &[u8], reduces: u32) -> u32 {
        reduces
    }
}

#[test]
fn a_partitioner_that_names_no_reduce_is_caught() {
    let mut bench = Bench::new("", &[], 3, 1000);
    bench.files.put("in", b"a b");
    let job = Job::new(|_| Ok(Words), || Sum).partitioner(Nowhere);
    assert!(matches!(bench.run(&job), Err(TaskError::Partitioner(3))));
}

#[test]
fn a_pair_larger_than_the_buffer_is_an_error() {
    let mut bench = Bench::new("", &[], 1, 1 << 20);
    bench.files.put("in", &[b'x'; 5000]);
    bench.spill.buffer_bytes = 4000;
    let error = bench
        .run(&Job::new(|_| Ok(Words), || Sum))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("a pair of 5002 bytes is larger than the buffer"),
        "{error}"
    );
}
