//! Whole jobs in this process: the coordinator's core, a worker's threads, the engine.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use mini_mapreduce::job::{JobSpec, Settings};
use mini_mapreduce::server::local;
use tempfile::TempDir;

fn spec(program: &str, dir: &Path, reduces: u32) -> JobSpec {
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let small = "mapreduce.input.fileinputformat.split.maxsize";
    JobSpec {
        program: program.to_owned(),
        args: Vec::new(),
        inputs: vec![path("in")],
        output: path("out"),
        reduces,
        settings: Settings(BTreeMap::from([(small.to_owned(), "500".to_owned())])),
    }
}

/// A line for each number, and how often each word is in all of them.
fn text(lines: u32) -> (String, BTreeMap<String, u64>) {
    let (mut text, mut counts) = (String::new(), BTreeMap::new());
    for number in 0..lines {
        for word in [number % 7, number % 11, number] {
            let word = format!("w{word}");
            text += &format!("{word} ");
            *counts.entry(word).or_default() += 1;
        }
        text.push('\n');
    }
    (text, counts)
}

/// The parts of an output, one after another.
fn output(dir: &Path) -> String {
    let mut parts: Vec<_> = fs::read_dir(dir.join("out"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    parts.sort();
    parts
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

#[test]
fn words_are_counted_on_many_threads_as_on_one() {
    let dir = TempDir::new().unwrap();
    let (text, expected) = text(1000);
    fs::write(dir.path().join("in"), text).unwrap();
    let mut seen = 0;
    let counters = local::run(&spec("wordcount", dir.path(), 3), 4, |_| seen += 1).unwrap();
    let counts: BTreeMap<String, u64> = output(dir.path())
        .lines()
        .map(|line| line.split_once('\t').unwrap())
        .map(|(word, count)| (word.to_owned(), count.parse().unwrap()))
        .collect();
    assert_eq!(counts, expected);
    assert_eq!(counters.get_task("MAP_INPUT_RECORDS"), 1000);
    assert!(seen > 0, "whoever watches was told nothing");
    let names = fs::read_dir(dir.path().join("out")).unwrap();
    assert_eq!(names.count(), 4, "three parts and _SUCCESS");

    let error = local::run(&spec("wordcount", dir.path(), 3), 4, |_| {}).unwrap_err();
    assert!(error.to_string().contains("is there already"), "{error}");
}

#[test]
fn jobs_in_a_row_leave_the_last_one_s_output_alone() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("in"), text(50).0).unwrap();
    let mut grep = spec("grep", dir.path(), 2);
    grep.args = vec!["w1[01]".to_owned()];
    local::run(&grep, 2, |_| {}).unwrap();
    let matches = output(dir.path());
    // 10 of 0..50 leave 10 when divided by 11 (10, 21, 32, 43), and 10 and 11 are there themselves.
    assert_eq!(matches.lines().count(), 2, "{matches}");
    let left = fs::read_dir(dir.path()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_bad_record_fails_the_job_with_its_place_and_nothing_is_left() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("in"), b"1\tgood\nbad\xff\n").unwrap();
    let error = local::run(&spec("top", dir.path(), 1), 2, |_| {})
        .unwrap_err()
        .to_string();
    assert!(error.contains("failed 4 times"), "{error}");
    assert!(error.contains("the record at byte"), "{error}");
    assert!(!dir.path().join("out").exists());
}

#[test]
fn a_job_without_reduces_has_a_part_of_each_map() {
    let dir = TempDir::new().unwrap();
    let mut teragen = spec("teragen", dir.path(), 0);
    teragen.inputs.clear();
    teragen.args = vec!["100".to_owned(), "7".to_owned()];
    local::run(&teragen, 2, |_| {}).unwrap();
    let mut parts = fs::read_dir(dir.path().join("out")).unwrap();
    assert!(parts.all(|entry| {
        let entry = entry.unwrap();
        let is_part = entry.file_name().to_str().unwrap().starts_with("part-m-");
        is_part == (entry.metadata().unwrap().len() == 5000)
    }));
}
