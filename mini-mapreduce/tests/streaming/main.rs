//! Hadoop Streaming as its user runs it: the program, with commands of `sh`, `awk` and Python.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

mod cluster;
mod failures;
mod jobs;
mod python;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mini-mapreduce");

/// A directory to run jobs in.
struct Place {
    dir: TempDir,
    runs: u32,
}

/// How a job ended.
struct Ran {
    is_done: bool,
    /// What it said.
    text: String,
    output: PathBuf,
}

impl Place {
    fn new() -> Place {
        Place {
            dir: TempDir::new().unwrap(),
            runs: 0,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Runs a job with the input `in`, if no other is named, and an output of its own.
    fn run(&mut self, options: &[&str]) -> Ran {
        self.runs += 1;
        let output = self.path(&format!("out{}", self.runs));
        let mut command = Command::new(PROGRAM);
        command.arg("streaming").args(options);
        if !options.contains(&"-input") {
            command.args(["-input", "in"]);
        }
        command.arg("-output").arg(&output);
        command.env_remove("MINI_MAPREDUCE_COORDINATOR");
        let ran = command.current_dir(self.dir.path()).output().unwrap();
        Ran {
            is_done: ran.status.success(),
            text: String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned(),
            output,
        }
    }

    /// What a job writes, all parts one after another.
    fn output(&mut self, options: &[&str]) -> String {
        let ran = self.run(options);
        String::from_utf8(ran.bytes()).unwrap()
    }

    /// Why a job fails.
    fn error(&mut self, options: &[&str]) -> String {
        let ran = self.run(options);
        assert!(!ran.is_done, "it was done: {}", ran.text);
        assert!(!ran.output.exists(), "it left something");
        ran.text
    }
}

impl Ran {
    fn parts(&self) -> Vec<Vec<u8>> {
        assert!(self.is_done, "{}", self.text);
        assert!(self.output.join("_SUCCESS").exists());
        let entries = fs::read_dir(&self.output).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| !path.ends_with("_SUCCESS"));
        paths.sort();
        paths.iter().map(|path| fs::read(path).unwrap()).collect()
    }

    fn bytes(&self) -> Vec<u8> {
        self.parts().concat()
    }

    #[track_caller]
    fn says(&self, text: &str) {
        assert!(self.text.contains(text), "no {text:?} in: {}", self.text);
    }
}

/// Lines of words, and how often each word is there.
fn text(lines: u32) -> (String, BTreeMap<String, u64>) {
    let (mut text, mut counts) = (String::new(), BTreeMap::new());
    for number in 0..lines {
        for word in [number % 7, number % 1009, number % 13, number % 4001] {
            let word = format!("word{word}");
            text += &word;
            text.push(' ');
            *counts.entry(word).or_default() += 1;
        }
        text.push('\n');
    }
    (text, counts)
}

/// Lines of a key, a tab and a number.
fn numbers(text: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for line in text.lines() {
        let (word, count) = line.split_once('\t').unwrap();
        let before = counts.insert(word.to_owned(), count.parse().unwrap());
        assert_eq!(before, None, "{word} is in two lines");
    }
    counts
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

/// A mapper and a reducer that count words, of `awk`.
const WORDS: [&str; 4] = [
    "-mapper",
    "awk '{for (i = 1; i <= NF; i++) print $i \"\\t\" 1}'",
    "-reducer",
    "awk -F \\t '{sum[$1] += $2} END {for (word in sum) print word \"\\t\" sum[word]}'",
];

/// Where the examples are.
fn example(name: &str) -> String {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/streaming");
    dir.join(name).to_str().unwrap().to_owned()
}
