//! Honest submissions.

use crate::class::{Submission, graded, with_body};
use crate::tiny::{JOURNAL, JOURNAL_PATH, QUEUE, QUEUE_PATH, TOTAL_PATH};

const TODO: &str = "        todo!(\"tiny/queue: later\")";

pub(crate) fn submissions() -> Vec<Submission> {
    let half = with_body(QUEUE, "push", TODO);
    let off_by_one = QUEUE.replace(
        "self.items.len() == self.capacity",
        "self.items.len() > self.capacity",
    );
    let broken = JOURNAL.replace("fn checksum(bytes: &[u8])", "fn checksum(bytes: &[u8]");
    let mistyped = JOURNAL.replace(
        "-> u32 {",
        "-> u32 {\n    let wrong: u32 = \"text\";\n    let _ = wrong;",
    );
    let unbound = QUEUE
        .replace("pub struct Bounded", "pub struct Renamed")
        .replace("Bounded {", "Renamed {");
    vec![
        Submission::right("right"),
        Submission {
            name: "nothing",
            files: Vec::new(),
        },
        Submission::right("half").with(QUEUE_PATH, half),
        Submission::right("off-by-one").with(QUEUE_PATH, off_by_one),
        Submission::right("broken").with(JOURNAL_PATH, broken),
        Submission::right("mistyped").with(JOURNAL_PATH, mistyped),
        Submission::right("unbound").with(QUEUE_PATH, unbound),
        Submission {
            name: "in-a-folder",
            files: Submission::right("")
                .files
                .into_iter()
                .map(|(path, text)| match path {
                    QUEUE_PATH => ("homework/queue/src/bounded.rs", text),
                    JOURNAL_PATH => ("homework/queue/src/journal.rs", text),
                    _ => ("homework/sums/src/lib.rs", text),
                })
                .collect(),
        },
        Submission {
            name: "bare",
            files: vec![("bounded.rs", QUEUE.into())],
        },
    ]
}

#[test]
fn what_is_right_gets_all_points_and_nothing_gets_none() {
    assert_eq!(graded("right").all(), [8.0, 4.0, 3.0]);
    assert_eq!(graded("right").ignored(), [""; 0]);
    let nothing = graded("nothing");
    assert_eq!(nothing.all(), [0.0; 3]);
    assert_eq!(nothing.fate(QUEUE_PATH).0, "missing");
    assert_eq!(nothing.statuses("queue"), ["todo"; 4]);
    assert!(nothing.messages("queue")[0].contains("tiny/queue is not written yet"));
}

#[test]
fn what_is_half_done_gets_what_passes() {
    assert_eq!(graded("half").all(), [2.0, 4.0, 3.0]);
    assert_eq!(
        graded("half").statuses("queue"),
        ["todo", "todo", "todo", "ok"]
    );
    let off_by_one = graded("off-by-one");
    assert_eq!(off_by_one.all(), [6.0, 4.0, 3.0]);
    let message = off_by_one.messages("queue")[2];
    assert!(
        message.contains("there is no room for a second item"),
        "{message}"
    );
    assert!(
        message.contains("queue/tests/graded/bounded.rs:"),
        "{message}"
    );
}

#[test]
fn a_file_that_does_not_compile_costs_what_is_in_it() {
    let mistyped = graded("mistyped");
    assert_eq!(mistyped.all(), [8.0, 0.0, 3.0]);
    assert_eq!(mistyped.fate(JOURNAL_PATH).0, "does_not_compile");
    let errors = mistyped.errors("queue");
    assert!(
        errors.contains("mismatched types") && errors.contains("queue/src/journal.rs:"),
        "{errors}"
    );

    let broken = graded("broken");
    assert_eq!(broken.all(), [8.0, 0.0, 3.0]);
    assert!(
        broken
            .fate(JOURNAL_PATH)
            .1
            .contains("cannot be read as Rust")
    );
}

#[test]
fn a_crate_that_does_not_compile_costs_no_other() {
    let unbound = graded("unbound");
    assert_eq!(unbound.all(), [0.0, 0.0, 3.0]);
    assert_eq!(unbound.statuses("queue"), ["not_built"; 4]);
    assert!(
        unbound.errors("queue").contains("Bounded"),
        "{}",
        unbound.errors("queue")
    );
}

#[test]
fn files_are_found_below_a_folder_or_bare() {
    assert_eq!(graded("in-a-folder").all(), [8.0, 4.0, 3.0]);
    let bare = graded("bare");
    assert_eq!(bare.all(), [8.0, 0.0, 0.0]);
    assert_eq!(
        (bare.fate(QUEUE_PATH).0, bare.fate(TOTAL_PATH).0),
        ("taken", "missing")
    );
}
