//! The student's commands, on a handout with one exercise that needs no compiler.

use super::*;
use crate::catalogue::tests::entry;
use crate::git::Git;

const STUB: &str = "/// Adds.\npub fn add(a: u32, b: u32) -> u32 {\n    let _ = (a, b);\n    todo!(\"hdfs/add: the sum.\")\n}\n";
const SOLVED: &str = "/// Adds.\npub fn add(a: u32, b: u32) -> u32 {\n    a + b\n}\n";

/// A repository as `cargo course new` makes it.
fn handed_out(release: &str) -> tempfile::TempDir {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path();
    let marker = Marker {
        release: release.to_owned(),
        title: "A course".to_owned(),
        ..Marker::default()
    };
    let list = entry("hdfs/add", "").replace("hints = []", "hints = [\"one\", \"two\"]");
    write(dir, MARKER, &toml::to_string(&marker).unwrap());
    write(dir, LIST, &list);
    write(dir, "mini-hdfs/src/add.rs", STUB);
    write(
        dir,
        "mini-hdfs/tests/graded.rs",
        "// Tests of the first release.\n",
    );
    write(dir, ".gitignore", "/.course/\n");
    let git = Git::new(dir);
    git.run(&["init", "--quiet"]).unwrap();
    git.run(&["symbolic-ref", "HEAD", "refs/heads/main"])
        .unwrap();
    commit(dir);
    git.run(&["branch", VENDOR]).unwrap();
    temporary
}

fn write(dir: &Path, file: &str, text: &str) {
    let file = dir.join(file);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

fn commit(dir: &Path) {
    let git = Git::new(dir);
    git.run(&["add", "--all"]).unwrap();
    git.run(&["commit", "--quiet", "--allow-empty", "-m", "a change"])
        .unwrap();
}

/// A newer release, in which these files differ.
fn release(files: &[(&str, &str)]) -> tempfile::TempDir {
    let temporary = handed_out("0.2.0");
    for (file, text) in files {
        write(temporary.path(), file, text);
    }
    commit(temporary.path());
    let git = Git::new(temporary.path());
    git.run(&["branch", "--force", VENDOR]).unwrap();
    temporary
}

fn update(student: &Path, newer: &Path) -> Result<()> {
    let args = update::Args {
        path: newer.to_owned(),
    };
    update::run(&args, &Handout::find(student)?).map(|_| ())
}

fn read(dir: &Path, file: &str) -> String {
    fs::read_to_string(dir.join(file)).unwrap()
}

#[test]
fn hints_come_one_at_a_time() {
    let temporary = handed_out("0.1.0");
    let handout = Handout::find(temporary.path()).unwrap();
    let hint = || hint::one_more("hdfs/add", &handout).unwrap();
    let first = hint();
    assert!(
        first.contains(" 1/2 one\n") && !first.contains("two"),
        "{first}"
    );
    assert!(
        first.ends_with("1 more: cargo course hint hdfs/add\n"),
        "{first}"
    );
    let second = hint();
    assert!(
        second.contains(" 1/2 one\n") && second.contains(" 2/2 two\n"),
        "{second}"
    );
    assert!(second.contains("That was the last one."), "{second}");
    assert!(hint().contains("You have seen them all."));
    let error = hint::one_more("add", &handout).unwrap_err().to_string();
    assert!(error.ends_with("did you mean hdfs/add?"), "{error}");
    // What was seen is nobody else's business.
    let status = Git::new(temporary.path()).run(&["status", "--porcelain"]);
    assert_eq!(status.unwrap(), "");
}

#[test]
fn an_update_brings_the_release_and_keeps_what_was_written() {
    let student = handed_out("0.1.0");
    let newer = release(&[
        (
            "mini-hdfs/tests/graded.rs",
            "// Tests of the second release.\n",
        ),
        ("mini-hdfs/src/new.rs", "// New.\n"),
    ]);
    write(student.path(), "mini-hdfs/src/add.rs", SOLVED);
    commit(student.path());
    update(student.path(), newer.path()).unwrap();
    assert_eq!(read(student.path(), "mini-hdfs/src/add.rs"), SOLVED);
    assert_eq!(
        read(student.path(), "mini-hdfs/tests/graded.rs"),
        "// Tests of the second release.\n"
    );
    assert!(student.path().join("mini-hdfs/src/new.rs").exists());
    assert_eq!(
        Handout::find(student.path()).unwrap().marker.release,
        "0.2.0"
    );

    // Once more changes nothing.
    let git = Git::new(student.path());
    let head = git.run(&["rev-parse", "HEAD"]).unwrap();
    update(student.path(), newer.path()).unwrap();
    assert_eq!(git.run(&["rev-parse", "HEAD"]).unwrap(), head);
}

#[test]
fn where_both_changed_a_line_the_students_stays() {
    let student = handed_out("0.1.0");
    let stub = STUB
        .replace("the sum", "the sum of both")
        .replace("Adds.", "Adds two numbers.");
    let newer = release(&[("mini-hdfs/src/add.rs", &stub)]);
    write(student.path(), "mini-hdfs/src/add.rs", SOLVED);
    fs::remove_file(student.path().join("mini-hdfs/tests/graded.rs")).unwrap();
    commit(student.path());
    update(student.path(), newer.path()).unwrap();
    assert!(read(student.path(), "mini-hdfs/src/add.rs").contains("a + b"));
    assert!(!read(student.path(), "mini-hdfs/src/add.rs").contains("<<<<"));
    assert!(!student.path().join("mini-hdfs/tests/graded.rs").exists());
}

#[test]
fn a_copy_that_lost_the_branch_is_updated_too() {
    let student = handed_out("0.1.0");
    let git = Git::new(student.path());
    git.run(&["branch", "-D", VENDOR]).unwrap();
    write(student.path(), "mini-hdfs/src/add.rs", SOLVED);
    commit(student.path());
    let newer = release(&[("mini-hdfs/src/new.rs", "// New.\n")]);
    update(student.path(), newer.path()).unwrap();
    assert!(student.path().join("mini-hdfs/src/new.rs").exists());
    assert_eq!(read(student.path(), "mini-hdfs/src/add.rs"), SOLVED);
}

#[test]
fn an_update_refuses_what_could_lose_work() {
    let student = handed_out("0.1.0");
    let newer = release(&[]);
    write(student.path(), "mini-hdfs/src/add.rs", SOLVED);
    let error = update(student.path(), newer.path())
        .unwrap_err()
        .to_string();
    assert!(error.contains("changes that are not committed"), "{error}");
    assert_eq!(read(student.path(), "mini-hdfs/src/add.rs"), SOLVED);

    let nothing = tempfile::tempdir().unwrap();
    commit(student.path());
    let error = update(student.path(), nothing.path())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("is neither a handout nor a checkout"),
        "{error}"
    );
    let error = update(student.path(), student.path())
        .unwrap_err()
        .to_string();
    assert!(error.contains("is this workspace"), "{error}");
}

#[test]
fn the_reference_and_other_places_are_no_handout() {
    let error = |dir: &Path| Handout::find(dir).err().unwrap().to_string();
    let reference = error(Path::new(env!("CARGO_MANIFEST_DIR")));
    assert!(
        reference.contains("cargo course new ../my-course"),
        "{reference}"
    );
    let nothing = tempfile::tempdir().unwrap();
    assert!(error(nothing.path()).contains("is in no student's workspace"));
}
