//! The workspace in miniature, as it is graded from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The queue, solved.
pub(crate) const QUEUE: &str = include_str!("../fixtures/tiny/queue/src/bounded.rs");
/// The checksum, solved.
pub(crate) const JOURNAL: &str = include_str!("../fixtures/tiny/queue/src/journal.rs");
/// The sum, solved.
pub(crate) const TOTAL: &str = include_str!("../fixtures/tiny/sums/src/lib.rs");

pub(crate) const QUEUE_PATH: &str = "queue/src/bounded.rs";
pub(crate) const JOURNAL_PATH: &str = "queue/src/journal.rs";
pub(crate) const TOTAL_PATH: &str = "sums/src/lib.rs";

/// Where everything is; the same place each time, so that cargo builds less.
pub(crate) fn scratch() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// The workspace, made once.
fn workspace() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let (dir, course) = (
            scratch().join("tiny"),
            Path::new(env!("CARGO_MANIFEST_DIR")),
        );
        let root = course.parent().unwrap();
        copy(&course.join("tests/fixtures/tiny"), &dir);
        copy(
            &root.join("crates/autograder"),
            &dir.join("crates/autograder"),
        );
        write(
            &dir.join("Cargo.lock"),
            &fs::read(root.join("Cargo.lock")).unwrap(),
        );
        let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
        let (members, defaults) = (
            line(&manifest, "members = "),
            line(&manifest, "default-members = "),
        );
        let manifest = manifest.replace(defaults, "").replace(
            members,
            "members = [\"crates/autograder\", \"queue\", \"sums\"]",
        );
        write(&dir.join("Cargo.toml"), manifest.as_bytes());
        dir
    })
}

/// The line of a text that begins so.
fn line<'a>(text: &'a str, start: &str) -> &'a str {
    text.lines().find(|line| line.starts_with(start)).unwrap()
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            write(&to, &fs::read(from).unwrap());
        }
    }
}

pub(crate) fn write(file: &Path, contents: &[u8]) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, contents).unwrap();
}

/// Runs `cargo course grade` in the workspace.
pub(crate) fn grade(args: &[&str]) -> Output {
    course(&[&["grade"], args].concat())
}

/// Runs `cargo course` in the workspace.
pub(crate) fn course(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_course"))
        .args(args)
        .current_dir(workspace())
        .env("CARGO_TARGET_DIR", scratch().join("tiny-target"))
        .env_remove("RUST_BACKTRACE")
        .output()
        .unwrap()
}
