//! Handouts of this very workspace.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use super::*;
use crate::ci::links;
use crate::source::{self, SourceFile};
use crate::student::Handout;

/// A line that is shorter may well stand elsewhere by chance.
const TELLING: usize = 20;

fn args(dir: &Path) -> Args {
    Args {
        dir: dir.to_owned(),
        only: Vec::new(),
        from: None,
        title: "A course".to_owned(),
        no_lab: false,
        classroom: false,
    }
}

/// A handout, in a directory that vanishes with the first value.
fn handout(change: impl FnOnce(&mut Args)) -> (tempfile::TempDir, PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("my-course");
    let mut args = args(&dir);
    change(&mut args);
    run(&args, &Workspace::load().unwrap()).unwrap();
    (temporary, dir)
}

fn error(change: impl FnOnce(&mut Args)) -> String {
    let temporary = tempfile::tempdir().unwrap();
    let mut args = args(&temporary.path().join("my-course"));
    change(&mut args);
    let error = run(&args, &Workspace::load().unwrap()).unwrap_err();
    format!("{error:#}")
}

/// The text files of a handout, by their paths in it.
fn texts(dir: &Path) -> Vec<(String, String)> {
    let files = Git::new(dir).run(&["ls-files"]).unwrap();
    (files.lines())
        .filter_map(|file| Some((file.to_owned(), fs::read_to_string(dir.join(file)).ok()?)))
        .collect()
}

/// The files in which students work.
fn marked(workspace: &Workspace) -> Vec<SourceFile> {
    let catalogue = Catalogue::load(&workspace.root).unwrap();
    (workspace.packages.iter())
        .filter(|package| catalogue.crates().contains(&package.name.as_str()))
        .flat_map(|package| source::marked_files(&workspace.root, &package.dir).unwrap())
        .collect()
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim)
}

/// The lines that only solutions have.
fn telling_lines(workspace: &Workspace) -> BTreeSet<String> {
    let mut telling = BTreeSet::new();
    let mut elsewhere = BTreeSet::new();
    let marked = marked(workspace);
    for file in &marked {
        for body in &file.bodies {
            telling.extend(lines(&file.text[body.inner.clone()]).map(str::to_owned));
        }
        for region in &file.regions {
            telling.extend(lines(&file.text[region.range.clone()]).map(str::to_owned));
        }
        let stub = file.stubbed(&|_| true).unwrap();
        elsewhere.extend(lines(&stub).map(str::to_owned));
    }
    for package in &workspace.packages {
        for file in source::rust_files(&package.dir).unwrap() {
            let path = file.strip_prefix(&workspace.root).unwrap();
            if !marked.iter().any(|marked| marked.path == path) {
                elsewhere.extend(lines(&fs::read_to_string(file).unwrap()).map(str::to_owned));
            }
        }
    }
    telling.retain(|line| line.len() >= TELLING && !elsewhere.contains(line));
    telling
}

#[test]
fn nothing_tells_an_answer() {
    let workspace = Workspace::load().unwrap();
    let telling = telling_lines(&workspace);
    assert!(telling.len() > 100, "only {} lines tell", telling.len());
    let (_temporary, dir) = handout(|args| args.classroom = true);
    for (file, text) in texts(&dir) {
        if let Some(line) = lines(&text).find(|line| telling.contains(*line)) {
            panic!("{file} has a line of a solution: {line}");
        }
        for forbidden in [
            "// EXERCISE(",
            "// BEGIN SOLUTION",
            "<details class=\"instructor\"",
        ] {
            let begins = |line: &str| line.starts_with(forbidden);
            assert!(!lines(&text).any(begins), "{file} has {forbidden}");
        }
        let may_be_there = match file.split('/').next().unwrap() {
            "exercises" => file == "exercises/exercises.toml",
            ".github" => file.contains("classroom"),
            "course" => !["handout", "ci", "check", "grade", "source"]
                .iter()
                .any(|part| file.contains(part)),
            ".ci" | "benches" | "CONTRIBUTING.md" | "CHANGELOG.md" | "deny.toml" => false,
            _ => !file.ends_with("instructors.md"),
        };
        assert!(may_be_there, "{file} was handed out");
    }
    // Nor does history.
    let git = Git::new(&dir);
    let commits = git.run(&["rev-list", "--all", "--count"]).unwrap();
    assert_eq!(commits, "1");
    assert_eq!(git.run(&["status", "--porcelain"]).unwrap(), "");
}

/// The search that the test above relies on finds what it is to find.
#[test]
fn a_solution_that_is_handed_out_is_noticed() {
    let workspace = Workspace::load().unwrap();
    let telling = telling_lines(&workspace);
    let last = Catalogue::load(&workspace.root).unwrap();
    let last = last
        .of_crate("mini-hdfs")
        .filter(|exercise| exercise.has_marks());
    let last = last.last().unwrap().id.clone();
    let (_temporary, dir) = handout(|args| args.from = Some(last));
    let tells = |(_, text): &(String, String)| lines(text).any(|line| telling.contains(line));
    assert!(texts(&dir).iter().any(tells));
}

#[test]
fn the_exercises_before_the_first_one_are_solved() {
    let workspace = Workspace::load().unwrap();
    let (_temporary, dir) = handout(|args| args.from = Some("hdfs/excess".to_owned()));
    let catalogue = Catalogue::load(&workspace.root).unwrap();
    let first = catalogue.position("hdfs/excess").unwrap();
    for file in marked(&workspace) {
        let text = fs::read_to_string(dir.join(&file.path)).unwrap();
        for id in file.ids() {
            let is_left = catalogue.position(id).unwrap() >= first;
            let places = text.contains(&format!("\"{id}: "));
            assert_eq!(places, is_left, "{id} in {}", file.path.display());
        }
    }
    let readme = fs::read_to_string(dir.join("README.md")).unwrap();
    assert!(readme.contains("Now that is Which replica goes, `hdfs/excess`"));
    assert!(readme.contains("| solved |") && readme.contains("Those that say *solved* are"));
}

#[test]
fn one_crate_comes_with_what_it_needs() {
    let (_temporary, dir) = handout(|args| args.only = vec!["mini-hdfs".to_owned()]);
    let there = |path: &str| dir.join(path).exists();
    for path in [
        "mini-hdfs/tests/graded/main.rs",
        "crates/node/Cargo.toml",
        "crates/sim/Cargo.toml",
        "crates/autograder/Cargo.toml",
        "course/src/main.rs",
        "lab/Cargo.toml",
        "book/src/SUMMARY.md",
        ".vscode/settings.json",
    ] {
        assert!(there(path), "{path} is missing");
    }
    for path in [
        "benches",
        "warm-up",
        "book/src/warm-up",
        "bug-hunt",
        ".github",
    ] {
        assert!(!there(path), "{path} is there");
    }
    let summary = fs::read_to_string(dir.join("book/src/SUMMARY.md")).unwrap();
    assert!(!summary.contains("warm-up") && !summary.contains("# For instructors"));
    let found = Handout::find(&dir.join("mini-hdfs/src")).unwrap();
    assert_eq!(found.catalogue.crates(), ["mini-hdfs"]);
    assert_eq!(found.marker.only, ["mini-hdfs"]);
    assert!(found.marker.stubs["hdfs/placement"] > 0);
}

#[test]
fn what_stands_in_for_a_crate_of_the_registry_goes_with_whom_it_is_for() {
    let patches = |only: &str| {
        let (_temporary, dir) = handout(|args| args.only = vec![only.to_owned()]);
        let manifest = fs::read_to_string(dir.join("Cargo.toml")).unwrap();
        let patch = "[patch.crates-io]\nbase2histogram = { path = ";
        let is_there = dir.join("crates/base2histogram/src/lib.rs").exists();
        (
            manifest.contains("[patch"),
            manifest.contains(patch),
            is_there,
        )
    };
    assert_eq!(patches("raft-kv"), (true, true, true));
    assert_eq!(patches("vector-clocks"), (false, false, false));
}

/// The features of the lab that are on by default: the systems that it shows.
fn shown(dir: &Path) -> Vec<String> {
    let text = fs::read_to_string(dir.join("lab/Cargo.toml")).unwrap_or_default();
    let manifest: toml::Table = text.parse().unwrap();
    let systems = manifest
        .get("features")
        .and_then(|features| features["default"].as_array());
    let systems = systems.into_iter().flatten();
    systems
        .map(|system| system.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_lab_shows_the_systems_that_are_handed_out() {
    let all = shown(&Workspace::load().unwrap().root);
    for (name, system) in [
        ("mini-hdfs", "hdfs"),
        ("consistent-hash", "hash"),
        ("vector-clocks", "clocks"),
    ] {
        let (_temporary, dir) = handout(|args| args.only = vec![name.to_owned()]);
        let system = all.iter().filter(|known| *known == system);
        let system: Vec<String> = system.cloned().collect();
        assert_eq!(shown(&dir), system, "{name}");
        // A lab that shows nothing stays at home.
        assert_eq!(dir.join("lab").exists(), !system.is_empty(), "{name}");
    }
}

#[test]
fn a_system_does_without_another_one_that_is_not_handed_out() {
    let name = "mini-mapreduce";
    let (_temporary, dir) = handout(|args| {
        args.only = vec![name.to_owned()];
        args.no_lab = true;
    });
    assert!(!dir.join("mini-hdfs").exists());
    let manifest = fs::read_to_string(dir.join("mini-mapreduce/Cargo.toml")).unwrap();
    assert!(!manifest.contains("hdfs ="), "{manifest}");
    let (_temporary, dir) = handout(|_| {});
    let manifest = fs::read_to_string(dir.join("mini-mapreduce/Cargo.toml")).unwrap();
    assert!(manifest.contains("hdfs = ["), "{manifest}");
}

#[test]
fn the_book_speaks_of_what_is_there() {
    let (_temporary, dir) = handout(|args| {
        args.only = vec!["mini-hdfs".to_owned()];
        args.no_lab = true;
    });
    for (file, text) in texts(&dir) {
        let lab = lines(&text).find(|line| line.starts_with("cargo run --release"));
        assert_eq!(lab, None, "{file} is on the lab");
        let other = lines(&text).find(|line| line.contains("| `warm-up/"));
        assert_eq!(other, None, "{file} lists what is left out");
    }
    let grading = fs::read_to_string(dir.join("book/src/grading.md")).unwrap();
    assert!(grading.contains("| `hdfs/placement` |"));

    let (_temporary, dir) = handout(|_| {});
    let start = fs::read_to_string(dir.join("book/src/start.md")).unwrap();
    assert!(start.contains("cargo run --release") && !start.contains("<!-- lab -->"));
}

#[test]
fn cargo_needs_no_network_and_changes_no_lock_file() {
    for change in [(|_: &mut Args| {}) as fn(&mut Args), |args| {
        args.only = vec!["mini-hdfs".to_owned()];
        args.no_lab = true;
    }] {
        let (_temporary, dir) = handout(change);
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--locked", "--workspace", "--quiet"])
            .current_dir(&dir)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let tree = String::from_utf8_lossy(&output.stdout);
        assert!(!tree.contains("criterion"));
    }
}

#[test]
fn links_lead_somewhere() {
    let workspace = Workspace::load().unwrap();
    let known: BTreeSet<String> = (links::findings(&workspace.root).unwrap().into_iter()).collect();
    // A section that nobody has written yet is no fault of the README.
    let is_unwritten = |finding: &str| {
        (finding.strip_prefix("README.md: "))
            .and_then(|rest| rest.strip_suffix(" leads to no file"))
            .is_some_and(|section| !workspace.root.join(section).exists())
    };
    for only in [vec![], vec!["mini-hdfs".to_owned()]] {
        let (_temporary, dir) = handout(|args| args.only = only);
        let new: Vec<String> = (links::findings(&dir).unwrap().into_iter())
            .filter(|finding| !known.contains(finding) && !is_unwritten(finding))
            .collect();
        assert!(new.is_empty(), "{}", new.join("\n"));
    }
}

#[test]
fn mistakes_are_named() {
    let crates = error(|args| args.only = vec!["mini-hdsf".to_owned()]);
    assert!(
        crates.contains("\"mini-hdsf\" is no crate with exercises; there are"),
        "{crates}"
    );
    let id = error(|args| args.from = Some("hdfs/placment".to_owned()));
    assert!(id.contains("did you mean hdfs/placement?"), "{id}");
    let inside = error(|args| {
        args.dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../course/my-course");
    });
    assert!(inside.contains("choose a place beside it"), "{inside}");

    let temporary = tempfile::tempdir().unwrap();
    fs::write(temporary.path().join("mine.txt"), "precious").unwrap();
    let full = error(|args| args.dir = temporary.path().to_owned());
    assert!(full.contains("is not empty"), "{full}");
    assert!(temporary.path().join("mine.txt").exists());
}
