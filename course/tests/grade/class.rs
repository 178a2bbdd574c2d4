//! All submissions, graded in one run.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

use crate::tiny::{self, JOURNAL, JOURNAL_PATH, QUEUE, QUEUE_PATH, TOTAL, TOTAL_PATH};
use crate::{cheats, honest};

/// A submission: its name, and its files.
pub(crate) struct Submission {
    pub(crate) name: &'static str,
    pub(crate) files: Vec<(&'static str, Vec<u8>)>,
}

impl Submission {
    /// One in which everything is right.
    pub(crate) fn right(name: &'static str) -> Submission {
        let files = [
            (QUEUE_PATH, QUEUE),
            (JOURNAL_PATH, JOURNAL),
            (TOTAL_PATH, TOTAL),
        ];
        Submission {
            name,
            files: files.map(|(path, text)| (path, text.into())).into(),
        }
    }

    /// The same with another file.
    pub(crate) fn with(mut self, path: &'static str, contents: impl Into<Vec<u8>>) -> Submission {
        self.files.retain(|(other, _)| *other != path);
        self.files.push((path, contents.into()));
        self
    }

    fn lay(&self, class: &Path) -> PathBuf {
        let dir = class.join(self.name);
        fs::create_dir_all(&dir).unwrap();
        for (path, contents) in &self.files {
            tiny::write(&dir.join(path), contents);
        }
        dir
    }
}

/// The text with the body of `fn NAME` replaced.
pub(crate) fn with_body(text: &str, name: &str, body: &str) -> String {
    let start = text.find(&format!("fn {name}(")).unwrap();
    let open = start + text[start..].find("{\n").unwrap() + 2;
    let indent = &text[text[..start].rfind('\n').unwrap() + 1..start];
    let indent = &indent[..indent.len() - indent.trim_start().len()];
    let close = open + text[open..].find(&format!("\n{indent}}}\n")).unwrap();
    format!("{}{body}{}", &text[..open], &text[close..])
}

/// What a submission got.
pub(crate) struct Graded(&'static Value);

/// The results of a submission.
pub(crate) fn graded(name: &str) -> Graded {
    static CLASS: OnceLock<Result<Value, String>> = OnceLock::new();
    let class = CLASS.get_or_init(grade).as_ref().expect("all are graded");
    let mut submissions = class["submissions"].as_array().unwrap().iter();
    Graded(
        submissions
            .find(|submission| submission["name"] == name)
            .unwrap(),
    )
}

fn grade() -> Result<Value, String> {
    let class = tempfile::tempdir().unwrap();
    let mut submissions = honest::submissions();
    submissions.extend(cheats::submissions());
    let paths = submissions
        .iter()
        .map(|submission| submission.lay(class.path()));
    let mut args: Vec<String> = paths
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    cheats::touch(class.path());
    let json = class.path().join("class.json");
    args.extend(["--timeout", "3", "--json"].map(str::to_owned));
    args.push(json.to_string_lossy().into_owned());
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let output = tiny::grade(&args);
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&fs::read(json).unwrap()).unwrap())
}

impl Graded {
    /// The points of the exercise `tiny/ID`.
    pub(crate) fn points(&self, id: &str) -> f64 {
        self.exercise(id)["points"].as_f64().unwrap()
    }

    /// The points of the queue, the journal and the total.
    pub(crate) fn all(&self) -> [f64; 3] {
        ["queue", "journal", "total"].map(|id| self.points(id))
    }

    fn exercise(&self, id: &str) -> &Value {
        let mut exercises = self.0["exercises"].as_array().unwrap().iter();
        let id = format!("tiny/{id}");
        exercises
            .find(|exercise| exercise["id"] == id.as_str())
            .unwrap()
    }

    /// How each test of an exercise ended.
    pub(crate) fn statuses(&self, id: &str) -> Vec<&str> {
        let tests = self.exercise(id)["tests"].as_array().unwrap();
        tests
            .iter()
            .map(|test| test["status"].as_str().unwrap())
            .collect()
    }

    /// The messages of an exercise's tests.
    pub(crate) fn messages(&self, id: &str) -> Vec<&str> {
        let tests = self.exercise(id)["tests"].as_array().unwrap();
        tests
            .iter()
            .map(|test| test["message"].as_str().unwrap())
            .collect()
    }

    /// What became of a file, with the reasons and the remarks.
    pub(crate) fn fate(&self, path: &str) -> (&str, String) {
        let mut files = self.0["files"].as_array().unwrap().iter();
        let file = files.find(|file| file["path"] == path).unwrap();
        let lists = [&file["reasons"], &file["remarks"]];
        let lines = lists.iter().flat_map(|list| list.as_array().unwrap());
        let lines: Vec<&str> = lines.map(|line| line.as_str().unwrap()).collect();
        (file["fate"].as_str().unwrap(), lines.join("\n"))
    }

    /// What was not looked at.
    pub(crate) fn ignored(&self) -> Vec<&str> {
        let ignored = self.0["ignored"].as_array().unwrap();
        ignored.iter().map(|path| path.as_str().unwrap()).collect()
    }

    /// What the compiler said of a package.
    pub(crate) fn errors(&self, krate: &str) -> &str {
        let mut crates = self.0["crates"].as_array().unwrap().iter();
        crates.find(|found| found["name"] == krate).unwrap()["errors"]
            .as_str()
            .unwrap()
    }
}
