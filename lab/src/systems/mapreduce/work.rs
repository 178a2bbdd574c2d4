//! What the lab has done by jobs, and what has to come of it: input that is the same each time, and sequential programs that say what a job
//! makes of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use mini_mapreduce::job::{JobSpec, Settings};
use node::Rng;

/// A record of TeraSort's, and of it the key.
const ROW_BYTES: usize = 100;
const KEY_BYTES: usize = 10;
const WORDS_PER_LINE: usize = 12;

/// What the output must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// These lines, sorted, in whichever order they are.
    Lines(Vec<Vec<u8>>),
    /// These bytes, part after part.
    Bytes(Vec<u8>),
}

/// A job, and what has to come of it.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) spec: JobSpec,
    pub(crate) expected: Expected,
}

/// A job's description.
pub(crate) fn spec(
    program: &str,
    args: &[&str],
    inputs: Vec<String>,
    output: &Path,
    reduces: u32,
) -> JobSpec {
    JobSpec {
        program: program.to_owned(),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        inputs,
        output: output.display().to_string(),
        reduces,
        settings: Settings(BTreeMap::new()),
    }
}

/// Text of so many bytes in which some words are far more frequent than others.
pub(crate) fn text(seed: u64, bytes: usize, words: u64) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let mut text = Vec::with_capacity(bytes + 100);
    while text.len() < bytes {
        for _ in 0..WORDS_PER_LINE {
            // The lowest of some draws: small numbers are frequent.
            let word = (0..3).map(|_| rng.below(words)).min().unwrap_or(0);
            text.extend(format!("word{word} ").bytes());
        }
        text.push(b'\n');
    }
    text.truncate(bytes.saturating_sub(1));
    text.push(b'\n');
    text
}

/// Records to be sorted.
pub(crate) fn rows(seed: u64, count: usize) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let mut rows = Vec::with_capacity(count * ROW_BYTES);
    for _ in 0..count {
        for _ in 0..ROW_BYTES - 1 {
            rows.push(b'!' + u8::try_from(rng.below(90)).unwrap_or(0));
        }
        rows.push(b'\n');
    }
    rows
}

/// A table for the left side of a join, of so many rows: of a hundred, `hot` have the same key.
pub(crate) fn left(seed: u64, count: usize, keys: u64, hot: u32) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let mut table = Vec::new();
    for row in 0..count {
        let key = match rng.percent(hot) {
            true => 0,
            false => rng.below(keys),
        };
        let filling = "abcdefghijklmnopqrstuvwxyz".repeat(3);
        table.extend(format!("key{key}\t{row} {filling}\n").bytes());
    }
    table
}

/// A table for the right side, with one row for each key.
pub(crate) fn right(keys: u64) -> Vec<u8> {
    let rows = (0..keys).map(|key| format!("key{key}\tvalue{key}\n"));
    rows.collect::<String>().into_bytes()
}

/// What word count makes of these files.
pub(crate) fn counted(files: &[Vec<u8>]) -> Expected {
    let mut counts: BTreeMap<&[u8], u64> = BTreeMap::new();
    for file in files {
        let words = file.split(u8::is_ascii_whitespace);
        for word in words.filter(|word| !word.is_empty()) {
            *counts.entry(word).or_default() += 1;
        }
    }
    let line = |(word, count): (&[u8], u64)| [word, format!("\t{count}").as_bytes()].concat();
    let mut lines: Vec<Vec<u8>> = counts.into_iter().map(line).collect();
    lines.sort_unstable();
    Expected::Lines(lines)
}

/// What TeraSort makes of these files.
pub(crate) fn sorted(files: &[Vec<u8>]) -> Expected {
    let all = files.concat();
    let mut rows: Vec<&[u8]> = all.chunks(ROW_BYTES).collect();
    rows.sort_by_key(|row| &row[..KEY_BYTES.min(row.len())]);
    Expected::Bytes(rows.concat())
}

/// What a join makes of a left table in files and a right one with unique keys.
pub(crate) fn joined(left: &[Vec<u8>], right: &[u8]) -> Expected {
    let rows = |table: &[u8]| -> Vec<(Vec<u8>, Vec<u8>)> {
        let lines = table.split(|byte| *byte == b'\n');
        let row = |line: &[u8]| {
            let tab = line.iter().position(|byte| *byte == b'\t')?;
            Some((line[..tab].to_vec(), line[tab + 1..].to_vec()))
        };
        lines.filter_map(row).collect()
    };
    let right: BTreeMap<Vec<u8>, Vec<u8>> = rows(right).into_iter().collect();
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for (key, value) in left.iter().flat_map(|table| rows(table)) {
        if let Some(other) = right.get(&key) {
            lines.push([&key[..], &value, other].join(&b'\t'));
        }
    }
    lines.sort_unstable();
    Expected::Lines(lines)
}

/// Looks at an output that is complete: whether each part is there once, and all of it is what it must be. How many lines each part has.
///
/// # Errors
/// In words, what is wrong with it.
pub(crate) fn check(work: &Work) -> Result<Vec<u64>> {
    let output = Path::new(&work.spec.output);
    let unreadable = || format!("the output {} cannot be read", output.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(output).with_context(unreadable)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    let parts = (0..work.spec.reduces).map(|part| format!("part-r-{part:05}"));
    let wanted: Vec<String> = ["_SUCCESS".to_owned()].into_iter().chain(parts).collect();
    ensure!(
        names == wanted,
        "the output holds {names:?}, and should hold {wanted:?}"
    );
    let read = |name: &String| fs::read(output.join(name)).with_context(unreadable);
    let parts: Vec<Vec<u8>> = wanted[1..].iter().map(read).collect::<Result<_>>()?;
    match &work.expected {
        Expected::Bytes(expected) => ensure!(
            parts.concat() == *expected,
            "the output is not what a sequential program makes of the input"
        ),
        Expected::Lines(expected) => {
            let all = parts.concat();
            let mut lines: Vec<&[u8]> = all.split_inclusive(|byte| *byte == b'\n').collect();
            lines.sort_unstable();
            let lines: Vec<&[u8]> = lines.iter().map(|line| line.trim_ascii_end()).collect();
            let other = lines
                .iter()
                .zip(expected)
                .find(|(line, other)| line[..] != other[..]);
            ensure!(
                other.is_none() && lines.len() == expected.len(),
                "the output has {} lines, and should have {}; the first that differs is {:?}",
                lines.len(),
                expected.len(),
                other.map(|(line, _)| String::from_utf8_lossy(line))
            );
        }
    }
    let count = |part: &Vec<u8>| part.iter().filter(|byte| **byte == b'\n').count() as u64;
    Ok(parts.iter().map(count).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_right_only_if_all_of_it_is_there_once() {
        let dir = tempfile::tempdir().unwrap();
        let output = dir.path().join("out");
        fs::create_dir(&output).unwrap();
        let files = [b"b a\na".to_vec()];
        let work = Work {
            spec: spec("wordcount", &[], Vec::new(), &output, 2),
            expected: counted(&files),
        };
        let put = |name: &str, text: &str| fs::write(output.join(name), text).unwrap();
        let wrong = || check(&work).unwrap_err().to_string();
        put("part-r-00000", "a\t2\n");
        put("part-r-00001", "b\t1\n");
        assert!(wrong().contains("should hold"), "{}", wrong());
        put("_SUCCESS", "");
        assert_eq!(check(&work).unwrap(), [1, 1]);
        put("part-r-00001", "b\t1\nb\t1\n");
        assert!(
            wrong().contains("3 lines, and should have 2"),
            "{}",
            wrong()
        );
        put("part-r-00001", "b\t2\n");
        assert!(wrong().contains("b\\t2"), "{}", wrong());
    }

    #[test]
    fn sequential_programs_say_what_comes_of_it() {
        let expected = |lines: &[&str]| {
            Expected::Lines(lines.iter().map(|line| line.as_bytes().to_vec()).collect())
        };
        let left = [b"k\tx\nl\ty\n".to_vec(), b"k\tz\n".to_vec()];
        assert_eq!(joined(&left, b"k\t1\n"), expected(&["k\tx\t1", "k\tz\t1"]));
        assert_eq!(text(1, 1000, 10).len(), 1000);
        assert_eq!(rows(1, 7).len(), 700);
        let Expected::Bytes(sorted) = sorted(&[rows(1, 7)]) else {
            panic!("rows are bytes");
        };
        assert!(sorted.chunks(100).is_sorted());
    }
}
