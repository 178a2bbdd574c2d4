//! Tables as input and output. Those in `data` were written by Polars and DuckDB; `make.py` there says how.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

mod output;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use mini_mapreduce::input::Files;
use mini_mapreduce::job::{JobSpec, Settings};
use mini_mapreduce::server::files::FileSystems;
use mini_mapreduce::server::local;
use tempfile::TempDir;

/// A table of `data`, and which columns.
fn data(name: &str) -> String {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parquet/data");
    dir.join(name).to_str().unwrap().to_owned()
}

/// The lines of each row group.
fn read(path: &str) -> io::Result<Vec<Vec<String>>> {
    let files = FileSystems::default();
    let mut groups = Vec::new();
    for file in files.list(path)? {
        let mut text = String::new();
        if file.length > 0 {
            files.open(&file.path, 0)?.read_to_string(&mut text)?;
        }
        groups.push(text.lines().map(str::to_owned).collect());
    }
    Ok(groups)
}

fn error(path: &str) -> String {
    read(path).unwrap_err().to_string()
}

fn spec(program: &str, inputs: &[&str], output: &Path) -> JobSpec {
    JobSpec {
        program: program.to_owned(),
        args: Vec::new(),
        inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
        output: output.to_str().unwrap().to_owned(),
        reduces: 1,
        settings: Settings::default(),
    }
}

fn set(spec: &mut JobSpec, name: &str, value: &str) {
    spec.settings.0.insert(name.to_owned(), value.to_owned());
}

#[test]
fn rows_are_lines_in_the_form_of_copy() {
    let groups = read(&data(
        "mixed.parquet#word+count+part+good+day+at+price+small",
    ))
    .unwrap();
    let counts: Vec<usize> = groups.iter().map(Vec::len).collect();
    assert_eq!(counts, [100, 100, 50], "a row group each");
    assert_eq!(
        groups[0][1],
        "w1\t1\t0.25\tfalse\t2024-01-02\t2024-01-01 12:00:00.000001 +00:00\t0.01\t1"
    );
    assert!(groups[0][7].starts_with("\\N\t7\t1.75\t"), "a null");
    assert!(groups[2][0].starts_with("w4\t200\t50.0\t"));
}

#[test]
fn nanoseconds_are_times_too() {
    let groups = read(&data("nanoseconds.parquet#at+time+n")).unwrap();
    let expected = [
        "1970-01-01 00:00:00.000000000 +00:00\t00:00:00.000000000\t0",
        "1970-01-01 00:00:00.000000001 +00:00\t00:00:00.000000001\t1",
        "1969-12-31 23:59:59.999999999 +00:00\t23:59:59.999999999\t2",
        "2024-01-01 12:00:00.000000123 +00:00\t00:00:00.000000005\t3",
        "\\N\t\\N\t4",
    ];
    assert_eq!(groups.concat(), expected);
}

#[test]
fn what_would_end_a_field_or_a_line_is_escaped() {
    let groups = read(&data("mixed.parquet#odd+count")).unwrap();
    let odd: Vec<&str> = groups[0][..6].iter().map(String::as_str).collect();
    let expected = [
        "tab\\there\t0",
        "line\\nhere\t1",
        "back\\\\slash\t2",
        "\\\\N\t3",
        "\t4",
        "é\t5",
    ];
    assert_eq!(odd, expected);
}

#[test]
fn columns_come_in_the_order_in_which_they_are_asked_for() {
    let groups = read(&data("words.parquet#half+id")).unwrap();
    assert_eq!((groups.len(), groups[0][3].as_str()), (3, "1.5\t3"));
    let groups = read(&data("words.parquet")).unwrap();
    assert_eq!(groups[2][903], "999\tw99\t2499.5");
    assert_eq!(groups.concat().len(), 5000);
}

#[test]
fn a_table_without_rows_is_input_without_records() {
    assert!(read(&data("empty.parquet")).unwrap().concat().is_empty());
    let dir = TempDir::new().unwrap();
    let out = dir.path().join("out");
    local::run(
        &spec("wordcount", &[&data("empty.parquet")], &out),
        1,
        |_| {},
    )
    .unwrap();
    assert_eq!(fs::read(out.join("part-r-00000")).unwrap(), b"");
}

#[test]
fn what_is_no_table_or_has_no_such_columns_says_so() {
    let said = error(&data("words.parquet#id+name"));
    let expected = "there is no column \"name\"; there are id, word, half";
    assert!(said.contains(expected), "{said}");
    let said = error(&data("mixed.parquet"));
    let expected = "the column \"nested\" is no plain value; name others: PATH#a+b";
    assert!(said.contains(expected), "{said}");

    let dir = TempDir::new().unwrap();
    let path = dir.path().join("text.parquet");
    fs::write(&path, "no table at all\n").unwrap();
    let said = error(path.to_str().unwrap());
    assert!(
        said.contains("text.parquet: it is no Parquet file"),
        "{said}"
    );
    fs::write(&path, "").unwrap();
    assert!(error(path.to_str().unwrap()).contains("it is no Parquet file"));
}

#[test]
fn a_table_that_was_cut_off_or_damaged_is_an_error_and_no_panic() {
    let whole = fs::read(data("words.parquet")).unwrap();
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("words.parquet");
    for length in (0..whole.len()).step_by(97) {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(read(path.to_str().unwrap()).is_err(), "{length} bytes");
    }
    // Not every byte is covered by a checksum; what comes of those is no matter, as long as it is an answer.
    for at in (0..whole.len()).step_by(131) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        fs::write(&path, damaged).unwrap();
        let _ = read(path.to_str().unwrap());
    }
}

/// How often each word is in the second column.
fn words(table: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for line in read(table).unwrap().concat() {
        *counts.entry(line).or_default() += 1;
    }
    counts
}

#[test]
fn a_job_takes_a_table_for_input_and_each_row_group_is_a_map() {
    let dir = TempDir::new().unwrap();
    let out = dir.path().join("out");
    let input = data("words.parquet#word");
    let job = spec("wordcount", &[&input], &out);
    let counters = local::run(&job, 2, |job| assert!(job.maps.len() <= 3)).unwrap();
    assert_eq!(counters.get_task("MAP_INPUT_RECORDS"), 5000);
    let counted = fs::read_to_string(out.join("part-r-00000")).unwrap();
    let expected = words(&input);
    let expected: String = (expected
        .iter()
        .map(|(word, count)| format!("{word}\t{count}\n")))
    .collect();
    assert_eq!(counted, expected);
}

#[test]
fn the_right_side_of_a_join_may_be_a_table() {
    let dir = TempDir::new().unwrap();
    let (left, out) = (dir.path().join("left"), dir.path().join("out"));
    fs::write(&left, "w3\tthree\nnone\tno\n").unwrap();
    let mut job = spec(
        "join",
        &[left.to_str().unwrap(), &data("words.parquet#word+id")],
        &out,
    );
    local::run(&job, 2, |_| {}).unwrap();
    let joined = fs::read_to_string(out.join("part-r-00000")).unwrap();
    assert_eq!(joined.lines().count(), 50);
    assert!(
        joined.lines().all(|line| line.starts_with("w3\tthree\t")),
        "{joined}"
    );
    job.args = vec!["broadcast".to_owned()];
    job.output += "2";
    local::run(&job, 2, |_| {}).unwrap();
    let again = fs::read_to_string(dir.path().join("out2/part-m-00000")).unwrap();
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(sorted(&again), sorted(&joined));
}

/// The only part of an output.
fn part(out: &Path) -> PathBuf {
    let entries = fs::read_dir(out)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut parts: Vec<PathBuf> = entries.filter(|path| !path.ends_with("_SUCCESS")).collect();
    assert_eq!(parts.len(), 1, "{parts:?}");
    parts.remove(0)
}
