//! Local files as input, scratch and output.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

mod host;
mod jobs;
mod memory;

use std::fs;
use std::io::Write;

use mini_mapreduce::input::{Files, InputFormat, RecordReader, splits};
use mini_mapreduce::job::{JobSpec, Settings};
use mini_mapreduce::protocol::{AttemptId, JobId, TaskId, TaskKind};
use mini_mapreduce::server::files::{FileSystems, LocalFiles};
use mini_mapreduce::server::output::OutputDir;
use tempfile::TempDir;

fn names(files: &[mini_mapreduce::input::File]) -> Vec<&str> {
    let last = |path: &'_ str| path.rfind('/').map_or(0, |at| at + 1);
    files
        .iter()
        .map(|file| &file.path[last(&file.path)..])
        .collect()
}

#[test]
fn a_file_a_directory_and_a_glob_are_input() {
    let dir = TempDir::new().unwrap();
    for name in ["b.txt", "a.txt", "c.log", "_SUCCESS", ".hidden"] {
        fs::write(dir.path().join(name), "x\n").unwrap();
    }
    let root = dir.path().to_str().unwrap();
    let list = |path: &str| LocalFiles.list(&format!("{root}{path}"));
    assert_eq!(names(&list("").unwrap()), ["a.txt", "b.txt", "c.log"]);
    assert_eq!(names(&list("/*.txt").unwrap()), ["a.txt", "b.txt"]);
    assert_eq!(names(&list("/c.log").unwrap()), ["c.log"]);
    assert!(list("/none").is_err());
    assert_eq!(names(&list("/none*").unwrap()), [""; 0]);
    fs::create_dir(dir.path().join("inner")).unwrap();
    let error = list("").unwrap_err().to_string();
    assert!(
        error.contains("inner is a directory within a directory"),
        "{error}"
    );
}

#[test]
fn a_compressed_file_is_one_split_with_all_of_its_members() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("log.gz");
    let mut file = fs::File::create(&path).unwrap();
    for member in ["first\nsecond\n", "third\n"] {
        let mut encoder = flate2::write::GzEncoder::new(&mut file, flate2::Compression::fast());
        encoder.write_all(member.as_bytes()).unwrap();
        encoder.finish().unwrap();
    }
    let mut settings = Settings::default();
    let max = "mapreduce.input.fileinputformat.split.maxsize";
    settings.0.insert(max.to_owned(), "5".to_owned());
    let spec = JobSpec {
        program: String::new(),
        args: Vec::new(),
        inputs: vec![path.to_str().unwrap().to_owned()],
        output: String::new(),
        reduces: 1,
        settings,
    };
    let splits = splits(InputFormat::Lines, &spec, &LocalFiles).unwrap();
    assert_eq!(splits.len(), 1);
    let mut reader = RecordReader::open(InputFormat::Lines, &splits[0], 1000, &LocalFiles).unwrap();
    let mut lines = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        lines.push((record.position, record.text().unwrap().to_owned()));
    }
    let expected = [(0, "first"), (6, "second"), (13, "third")];
    assert_eq!(lines, expected.map(|(at, line)| (at, line.to_owned())));
}

#[test]
fn one_attempt_of_a_task_is_visible_and_success_comes_last() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("below/out");
    let create = || OutputDir::create(&FileSystems::default(), path.to_str().unwrap());
    let output = create().unwrap();
    let error = create().err().unwrap().to_string();
    assert!(error.contains("is there already; remove it"), "{error}");

    let attempt = |number| {
        let (job, kind, index) = (JobId(1), TaskKind::Reduce, 0);
        let task = TaskId { job, kind, index };
        AttemptId { task, number }
    };
    let (first, second) = (attempt(0), attempt(1));
    for (attempt, text) in [(first, "first"), (second, "second")] {
        let mut file = output.begin(attempt).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }
    let part = path.join("part-r-00000");
    assert!(!part.exists(), "nothing is visible before it is committed");
    output.commit(&[second]).unwrap();
    output.commit(&[second]).unwrap();
    output.abort_task(first).unwrap();
    output.abort_task(attempt(9)).unwrap();
    assert_eq!(fs::read_to_string(part).unwrap(), "second");
    assert!(path.join("_SUCCESS").exists() && !path.join("_temporary").exists());
}

#[test]
fn a_job_that_failed_leaves_nothing() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("out");
    let output = OutputDir::create(&FileSystems::default(), path.to_str().unwrap()).unwrap();
    let (job, kind, index) = (JobId(1), TaskKind::Map, 3);
    let task = TaskId { job, kind, index };
    output.begin(AttemptId { task, number: 0 }).unwrap();
    output.abort(&[]).unwrap();
    assert!(!path.exists());
    output.abort(&[]).unwrap();
}

#[test]
fn a_commit_that_was_given_up_in_the_middle_leaves_nothing() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("out");
    let output = OutputDir::create(&FileSystems::default(), path.to_str().unwrap()).unwrap();
    let attempts = [0, 1].map(|index| {
        let (job, kind) = (JobId(1), TaskKind::Map);
        let task = TaskId { job, kind, index };
        AttemptId { task, number: 0 }
    });
    output.begin(attempts[0]).unwrap();
    output.commit(&attempts[..1]).unwrap();
    output.begin(attempts[1]).unwrap();
    assert!(path.join("part-m-00000").exists() && path.join("_SUCCESS").exists());
    output.abort(&attempts).unwrap();
    assert!(!path.exists());
}

#[test]
fn an_attempt_that_is_late_leaves_nothing_in_an_output_that_is_whole() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("out");
    let output = OutputDir::create(&FileSystems::default(), path.to_str().unwrap()).unwrap();
    output.commit(&[]).unwrap();
    let (job, kind, index) = (JobId(1), TaskKind::Reduce, 0);
    let task = TaskId { job, kind, index };
    let late = AttemptId { task, number: 5 };
    output.begin(late).unwrap();
    output.abort_task(late).unwrap();
    let left: Vec<_> = fs::read_dir(&path)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left, ["_SUCCESS"]);
}
