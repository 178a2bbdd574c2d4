//! The proof, on a tiny crate: one in which all holds, and one in which each thing is wrong once.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::judge::Proof;
use super::{Args, changed, check, table};
use crate::catalogue::Catalogue;
use crate::git::Git;
use crate::workspace::{Layer, Package, Workspace};

const MANIFEST: &str = r#"
[workspace]
resolver = "3"
members = ["tiny"]
[workspace.package]
version = "0.1.0"
edition = "2024"
"#;

const PACKAGE: &str = r#"
[package]
name = "tiny"
version.workspace = true
edition.workspace = true
[[test]]
name = "graded"
harness = false
"#;

/// What `autograder` does, in short.
const HARNESS: &str = r#"
fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    for (id, name, test) in TESTS {
        let verdict = match std::panic::catch_unwind(*test) {
            Ok(()) => "ok".to_owned(),
            Err(payload) => {
                let literal = payload.downcast_ref::<&str>().map(|text| text.to_string());
                let text = payload.downcast_ref::<String>().cloned().or(literal).unwrap_or_default();
                match text.strip_prefix("not yet implemented: ").and_then(|rest| rest.split_once(':')) {
                    Some((id, _)) => format!("todo:{id}"),
                    None => "failed".to_owned(),
                }
            }
        };
        println!("{id}\t{name}\t{verdict}");
    }
}
"#;

const SOURCE: &str = r#"//! A tiny crate.

// BEGIN SOLUTION(tiny/least)
use std::cmp::min;
// END SOLUTION

/// A count.
#[derive(Default)]
pub struct Count(pub u64);

impl Count {
    /// Adds up to a limit.
    pub fn add(&mut self, more: u64, limit: u64) -> u64 {
        // EXERCISE(tiny/add): never above the limit.
        self.0 = least(self.0.saturating_add(more), limit);
        self.0
    }
}

/// The smaller one.
pub fn least(a: u64, b: u64) -> u64 {
    // EXERCISE(tiny/least): of two.
    min(a, b)
}
"#;

const TESTS: &str = r#"
use tiny::{Count, least};
const TESTS: &[(&str, &str, fn())] = &[
    ("tiny/least", "least::is_the_smaller", || assert_eq!((least(1, 2), least(2, 1)), (1, 2 - 1))),
    ("tiny/add", "add::stays_below", || {
        let mut count = Count::default();
        assert_eq!((count.add(3, 10), count.add(3, 10)), (3, 6));
    }),
    ("tiny/add", "add::nothing_to_add", || assert_eq!(Count(3).add(0, 10), 3)),
    ("tiny/add", "add::stops_at_the_limit", || assert_eq!(Count::default().add(11, 10), 10)),
];
"#;

fn entry(id: &str, needs: &str) -> String {
    format!(
        "[[exercise]]\nid = \"tiny/{id}\"\ntitle = \"T\"\ncrate = \"tiny\"\npoints = 10\ndifficulty = \"easy\"\n\
         minutes = 60\nneeds = [{needs}]\nbook = \"{id}.md\"\ntests = [\"t\"]\nhints = []\n"
    )
}

/// A workspace of files; each is its path and its text.
fn workspace(files: &[(&str, &str)]) -> (TempDir, Workspace) {
    let dir = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(dir.path()).unwrap();
    for (path, text) in files {
        write(&root, path, text);
    }
    let workspace = Workspace {
        packages: vec![Package {
            name: "tiny".to_owned(),
            dir: root.join("tiny"),
            layer: Layer::System,
            dependencies: Vec::new(),
            has_library: true,
        }],
        target: root.join("target"),
        root,
    };
    (dir, workspace)
}

fn write(root: &Path, path: &str, text: &str) {
    let file = root.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

fn has(findings: &[String], start: &str, part: &str) {
    let found = findings
        .iter()
        .any(|finding| finding.starts_with(start) && finding.contains(part));
    assert!(found, "no finding {start}…{part}… in {findings:#?}");
}

#[test]
fn what_holds_is_proved_and_written_down() {
    let list = [entry("least", ""), entry("add", "\"tiny/least\"")].concat();
    let add = |code: &str| {
        format!(
            "impl Count {{\n    pub fn add(&mut self, more: u64, limit: u64) -> u64 {{\n{code}\n    }}\n}}\n"
        )
    };
    let wrong = |code: &str| add(code) + HELPER;
    let files = [
        ("Cargo.toml", MANIFEST.to_owned()),
        ("tiny/Cargo.toml", PACKAGE.to_owned()),
        ("tiny/src/lib.rs", SOURCE.replace("least(self.0.saturating_add(more), limit)", "(self.0.saturating_add(more)).min(limit)")),
        ("tiny/tests/graded.rs", format!("{TESTS}{HARNESS}")),
        ("exercises/exercises.toml", list),
        (
            "exercises/tiny/wrong/add-one-too-many.rs",
            format!("//! One too many.\n//! caught-by: add::stops_at_the_limit\n{}", wrong("self.0 = capped(self.0 + more, limit + 1); self.0")),
        ),
        (
            "exercises/tiny/wrong/add-forgets.rs",
            format!("//! Forgets.\n//! caught-by: add::stays_below\n{}", wrong("capped(more, limit)")),
        ),
        (
            "exercises/tiny/wrong/add-without-limit.rs",
            format!("//! No limit.\n//! caught-by: add::stops_at_the_limit\n{}", add("let _ = limit; self.0 += more; self.0")),
        ),
        (
            "exercises/tiny/right/add-first.rs",
            format!("//! Looks first.\n{}", wrong("let sum = self.0 + more; self.0 = capped(sum, limit); self.0")),
        ),
        (
            "exercises/tiny/right/least-own-file.rs",
            format!("//! Without an import.\n//! replaces: src/lib.rs\n{}", SOURCE.replace("min(a, b)", "a.min(b)").replace("use std::cmp::min;\n", "")),
        ),
        (
            "exercises/tiny/wrong/least-largest.rs",
            "//! The largest.\n//! caught-by: least::is_the_smaller\npub fn least(a: u64, b: u64) -> u64 { a.max(b) }\n".to_owned(),
        ),
        (
            "exercises/tiny/wrong/least-first.rs",
            "//! The first.\n//! caught-by: least::is_the_smaller\npub fn least(a: u64, b: u64) -> u64 { let _ = b; a }\n".to_owned(),
        ),
        (
            "exercises/tiny/wrong/least-second.rs",
            "//! The second.\n//! caught-by: least::is_the_smaller\npub fn least(a: u64, b: u64) -> u64 { let _ = a; b }\n".to_owned(),
        ),
    ];
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (*path, text.as_str()))
        .collect();
    let (_dir, workspace) = workspace(&files);

    let (_, findings) = check(&Args::default(), &workspace).unwrap();
    has(
        &findings,
        "exercises/tiny/tests.toml is stale",
        "tiny/least is not in it",
    );
    assert_eq!(findings.len(), 2, "{findings:#?}");
    let bless = Args {
        bless: true,
        ..Args::default()
    };
    assert_eq!(check(&bless, &workspace).unwrap().1, [""; 0]);

    let (proofs, findings) = check(&Args::default(), &workspace).unwrap();
    assert_eq!(findings, [""; 0]);
    let expected = Proof {
        id: "tiny/add".to_owned(),
        tests: [
            "add::stays_below",
            "add::nothing_to_add",
            "add::stops_at_the_limit",
        ]
        .map(str::to_owned)
        .to_vec(),
        stripped: [
            "add::stays_below",
            "add::nothing_to_add",
            "add::stops_at_the_limit",
        ]
        .map(str::to_owned)
        .to_vec(),
        stripped_own: 3,
        alone: 3,
        wrong: (3, 3),
        right: (1, 1),
    };
    assert_eq!(proofs[1], expected);
    assert!(
        table(&proofs).contains(
            "tiny/add                      3          3/3       0     3/3     3/3     1/1"
        )
    );
    assert_changes(&workspace);
}

fn assert_changes(workspace: &Workspace) {
    let git = Git::new(&workspace.root);
    fs::write(workspace.root.join(".gitignore"), "target").unwrap();
    for args in [
        &["init", "--initial-branch", "main"][..],
        &["add", "."],
        &["commit", "-m", "All"],
    ] {
        git.run(args).unwrap();
    }
    let catalogue = Catalogue::load(&workspace.root).unwrap();
    let changed = || {
        let ids = changed::exercises(workspace, &catalogue, "main").unwrap();
        ids.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(changed(), [""; 0]);
    write(
        &workspace.root,
        "exercises/tiny/right/add-two.rs",
        "//! Another.",
    );
    assert_eq!(changed(), ["tiny/add"]);
    write(&workspace.root, "tiny/tests/graded/main.rs", "");
    assert_eq!(changed(), ["tiny/add", "tiny/least"]);
}

const HELPER: &str =
    "\nfn capped(sum: u64, limit: u64) -> u64 {\n    if sum > limit { limit } else { sum }\n}\n";

#[test]
fn each_thing_that_does_not_hold_is_a_sentence() {
    let list = [entry("least", ""), entry("add", "")].concat();
    let least = |head: &str, code: &str| {
        format!("//! {head}\npub fn least(a: u64, b: u64) -> u64 {{\n{code}\n}}\n")
    };
    let caught = |test: &str| format!("About {test}.\n//! caught-by: {test}");
    let source = SOURCE
        .replace("// BEGIN SOLUTION(tiny/least)\n", "")
        .replace("// END SOLUTION\n", "");
    let strict = TESTS.replace(
        "];",
        "(\"tiny/least\", \"least::names_its_file\", || assert!(least(7, 7) == 7)),\n\
         (\"tiny/add\", \"add::begins_at_zero\", || assert_eq!(Count::default().0, 0)),\n];",
    );
    let files = [
        ("Cargo.toml", MANIFEST.to_owned()),
        ("tiny/Cargo.toml", PACKAGE.to_owned()),
        ("tiny/src/lib.rs", source),
        ("tiny/tests/graded.rs", format!("{strict}{HARNESS}")),
        ("exercises/exercises.toml", list),
        (
            "exercises/tiny/wrong/least-survives.rs",
            least(&caught("least::is_the_smaller"), "std::cmp::min(b, a)"),
        ),
        (
            "exercises/tiny/wrong/least-other-test.rs",
            least(&caught("least::names_its_file"), "a.max(b)"),
        ),
        (
            "exercises/tiny/wrong/least-no-test.rs",
            least(&caught("least::nothing"), "a.max(b)"),
        ),
        (
            "exercises/tiny/wrong/least-stub.rs",
            least(
                &caught("least::is_the_smaller"),
                "let _ = (a, b);\ntodo!(\"tiny/least: x\")",
            ),
        ),
        (
            "exercises/tiny/wrong/least-warns.rs",
            least(
                &caught("least::is_the_smaller"),
                "let unused = 1;\na.max(b)",
            ),
        ),
        (
            "exercises/tiny/wrong/least-broken.rs",
            least(&caught("least::is_the_smaller"), "a.max(b) + \"\""),
        ),
        (
            "exercises/tiny/wrong/least-ignores.rs",
            least(&caught("least::is_the_smaller"), "a"),
        ),
        (
            "exercises/tiny/right/least-unjust.rs",
            least(
                "Right for other numbers.",
                "if a == 7 { b + 1 } else { a.min(b) }",
            ),
        ),
        (
            "exercises/tiny/wrong/lest-typo.rs",
            least(&caught("least::is_the_smaller"), "a.max(b)"),
        ),
        (
            "exercises/tiny/wrong/least-nameless.rs",
            least("It names no test.", "a.max(b)"),
        ),
        (
            "exercises/tiny/wrong/least-other-function.rs",
            least(&caught("least::is_the_smaller"), "a.max(b)") + "fn lowest() {}\n",
        ),
    ];
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (*path, text.as_str()))
        .collect();
    let (_dir, workspace) = workspace(&files);
    let (proofs, findings) = check(&Args::default(), &workspace).unwrap();

    has(
        &findings,
        "no test catches exercises/tiny/wrong/least-survives.rs",
        "About",
    );
    has(
        &findings,
        "least::names_its_file does not catch",
        "What fails is least::is_the_smaller",
    );
    has(
        &findings,
        "exercises/tiny/wrong/least-no-test.rs",
        "least::nothing catches it, which is no test",
    );
    has(
        &findings,
        "exercises/tiny/wrong/least-stub.rs",
        "comes to the stub of tiny/least",
    );
    has(
        &findings,
        "exercises/tiny/wrong/least-warns.rs:4: in `least`: warning",
        "unused",
    );
    has(
        &findings,
        "exercises/tiny/wrong/least-broken.rs:4: in `least`: error",
        "cannot add",
    );
    has(
        &findings,
        "exercises/tiny/wrong/least-ignores.rs:3",
        "does not use its parameter `b`",
    );
    has(
        &findings,
        "exercises/tiny/right/least-unjust.rs is right",
        "least::names_its_file",
    );
    has(
        &findings,
        "exercises/tiny/wrong/lest-typo.rs:1",
        "least, add",
    );
    has(
        &findings,
        "exercises/tiny/wrong/least-nameless.rs:1",
        "caught-by",
    );
    has(
        &findings,
        "exercises/tiny/wrong/least-other-function.rs:6: `lowest`",
        "none of them uses it",
    );
    has(
        &findings,
        "with the stub of tiny/least, tests of tiny/add fail",
        "add::stops_at_the_limit",
    );
    has(
        &findings,
        "add::begins_at_zero passes though tiny/add is a stub",
        "points for nothing",
    );
    has(
        &findings,
        "1 of 4 tests of tiny/add pass without the other exercises",
        "add::stays_below",
    );
    has(
        &findings,
        "with every exercise a stub, tiny/src/lib.rs:3: warning",
        "unused import",
    );
    has(&findings, "tiny/add has 0 wrong solutions", "3 at least");
    assert_eq!(proofs[0].wrong, (1, 5), "{findings:#?}");
}
