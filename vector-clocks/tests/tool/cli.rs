//! The command line as a person meets it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use expect_test::{Expect, expect};

fn command(words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vector-clocks"));
    let logs = Path::new(env!("CARGO_MANIFEST_DIR")).join("logs");
    command.args(words.split_whitespace()).current_dir(logs);
    command
}

/// What a command says, and its exit code.
fn shown(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    format!("{out}{err}exit {}\n", output.status.code().unwrap())
}

#[track_caller]
fn check(words: &str, expected: &Expect) {
    expected.assert_eq(&shown(&command(words).output().unwrap()));
}

#[test]
fn check_says_what_is_wrong_and_where() {
    check(
        "check bad-clocks.jsonl",
        &expect![[r#"
        bad-clocks.jsonl:2: bob:1 takes over what he was sent, he says [gets m1]: the clock knows 0 events of ada; a message has brought 1
        bad-clocks.jsonl:3: ada:2 reads: the clock knows 5 events of cy; no message can have told it of more than 0
        bad-clocks.jsonl:4: ada:3 reads again: the clock of ada goes from 2 to 2; expected 3
        bad-clocks.jsonl:5: ada:4 writes x=2 [sends m2]: the clock of ada goes from 2 to 4; expected 3: events are missing from the log
        bad-clocks.jsonl:5: ada:4 writes x=2 [sends m2]: the clock knows 0 events of cy, and knew 5 before
        bad-clocks.jsonl:6: cy:1 hears from somebody [gets m9]: message `m9` is received, and no event sends it; is the log of its sender missing?
        bad-clocks.jsonl:7: cy:2 reads x=2 [gets m2]: the clock has no entry for cy, whose event it is; expected 2
        bad-clocks.jsonl:8: bob:2 sends under an id that is taken [sends m1]: message `m1` was sent already, by ada:1; give each message an id of its own
        8 events of 3 processes, 2 messages received, 8 clocks: 8 violations
        exit 1
    "#]],
    );
    check(
        "check circle.jsonl",
        &expect![[r#"
        circle.jsonl:3: bob:1 gets the question [gets question]: each of these would have happened before the next: ada:2, bob:1, bob:2, ada:1, ada:2; a message is received before it is sent
        4 events of 2 processes, 2 messages received, 0 clocks: 1 violation
        exit 1
    "#]],
    );
    check(
        "check chat.jsonl",
        &expect![[r#"
        chat.jsonl:2: note: bob:1 reads: lunch? [gets m1]: received at 90 µs by the clock of bob, and sent at 100 µs by that of ada: their clocks are at least 10 µs apart
        9 events of 3 processes, 6 messages received, 0 clocks: nothing in it is impossible
        exit 0
    "#]],
    );
    check(
        "check two-phase-commit.txt",
        &expect![[r#"
        7 events of 3 processes, 6 messages received, 7 clocks: nothing in it is impossible
        exit 0
    "#]],
    );
    check(
        "check two-in-the-room.jsonl",
        &expect![[r#"
        41 events of 3 processes, 13 messages received, 0 clocks: nothing in it is impossible
        exit 0
    "#]],
    );
}

#[test]
fn before_tells_the_chain() {
    check(
        "before chat.jsonl ada:1 cy:1",
        &expect![[r#"
        ada:1 happened before cy:1:
          ada:1 asks: lunch? [sends m1]
          bob:1 reads: lunch? [gets m1]
          bob:2 answers: pizza [sends m2]
          cy:1 reads: pizza [gets m2]
        exit 0
    "#]],
    );
    check(
        "before chat.jsonl cy:2 ada:1",
        &expect![[r#"
        ada:1 happened before cy:2:
          ada:1 asks: lunch? [sends m1]
          cy:2 reads: lunch? [gets m1]
        exit 1
    "#]],
    );
    check(
        "before chat.jsonl ada:2 bob:2",
        &expect![[r#"
        ada:2 and bob:2 are concurrent: no chain of messages leads from one to the other
        exit 1
    "#]],
    );
    check(
        "before chat.jsonl ada:2 ada:2",
        &expect![[r#"
        ada:2 and ada:2 are the same event
        exit 1
    "#]],
    );
    check(
        "before two-phase-commit.txt west:1 east:2",
        &expect![[r#"
        west:1 happened before east:2:
          west:1 is prepared
          coordinator:3 has heard west, commits
          east:2 commits
        exit 0
    "#]],
    );
}

#[test]
fn concurrent_pairs_are_listed() {
    check(
        "concurrent chat.jsonl --of ada:2",
        &expect![[r#"
        bob:1 reads: lunch? [gets m1]  ||  ada:2 adds: at one? [sends m3]
        bob:2 answers: pizza [sends m2]  ||  ada:2 adds: at one? [sends m3]
        cy:1 reads: pizza [gets m2]  ||  ada:2 adds: at one? [sends m3]
        ada:2 adds: at one? [sends m3]  ||  cy:2 reads: lunch? [gets m1]
        exit 0
    "#]],
    );
    check(
        "concurrent chat.jsonl --limit 1",
        &expect![[r#"
        bob:1 reads: lunch? [gets m1]  ||  ada:2 adds: at one? [sends m3]
        … and 10 more pairs; --limit 11 lists them all
        exit 0
    "#]],
    );
    check(
        "concurrent chat.jsonl --limit 10 --of ada:1",
        &expect![[r#"
        no event is concurrent with ada:1
        exit 1
    "#]],
    );
}

#[test]
fn one_of_a_kind_is_named_so() {
    assert_eq!(
        given("check -", r#"{"process":"ada","clock":{"ada":1}}"#),
        "1 event of 1 process, 0 messages received, 1 clock: nothing in it is impossible\nexit 0\n"
    );
    let two = "{\"process\":\"ada\"}\n{\"process\":\"bob\"}";
    assert_eq!(
        given("concurrent - --limit 0", two),
        "… and 1 more pair; --limit 1 lists them all\nexit 0\n"
    );
}

#[test]
fn stamp_writes_clocks_that_check_takes() {
    check(
        "stamp chat.jsonl",
        &expect![[r#"
        {"process":"ada","event":"asks: lunch?","send":"m1","clock":{"ada":1},"time":100}
        {"process":"bob","event":"reads: lunch?","receive":"m1","clock":{"ada":1,"bob":1},"time":90}
        {"process":"bob","event":"answers: pizza","send":"m2","clock":{"ada":1,"bob":2},"time":140}
        {"process":"cy","event":"reads: pizza","receive":"m2","clock":{"ada":1,"bob":2,"cy":1},"time":300}
        {"process":"ada","event":"adds: at one?","send":"m3","clock":{"ada":2},"time":150}
        {"process":"cy","event":"reads: lunch?","receive":"m1","clock":{"ada":1,"bob":2,"cy":2},"time":420}
        {"process":"ada","event":"reads: pizza","receive":"m2","clock":{"ada":3,"bob":2},"time":260}
        {"process":"bob","event":"reads: at one?","receive":"m3","clock":{"ada":2,"bob":3},"time":330}
        {"process":"cy","event":"reads: at one?","receive":"m3","clock":{"ada":2,"bob":2,"cy":3},"time":500}
        exit 0
    "#]],
    );
    let stamped = command("stamp chat.jsonl").output().unwrap().stdout;
    let mut child = command("check -")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&stamped).unwrap();
    let said = shown(&child.wait_with_output().unwrap());
    assert!(
        said.contains("9 clocks: nothing in it is impossible\nexit 0"),
        "{said}"
    );
}

#[test]
fn shiviz_gets_what_it_can_read() {
    check(
        "shiviz chat.jsonl",
        &expect![[r#"
        asks: lunch?
        ada {"ada":1}
        reads: lunch?
        bob {"ada":1,"bob":1}
        answers: pizza
        bob {"ada":1,"bob":2}
        reads: pizza
        cy {"ada":1,"bob":2,"cy":1}
        adds: at one?
        ada {"ada":2}
        reads: lunch?
        cy {"ada":1,"bob":2,"cy":2}
        reads: pizza
        ada {"ada":3,"bob":2}
        reads: at one?
        bob {"ada":2,"bob":3}
        reads: at one?
        cy {"ada":2,"bob":2,"cy":3}
        exit 0
    "#]],
    );
}

#[test]
fn draw_writes_a_file_or_the_output() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("chat.svg");
    let drawn = command("draw chat.jsonl --svg")
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(shown(&drawn), "exit 0\n");
    let printed = command("draw chat.jsonl").output().unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), printed.stdout);
    assert!(printed.stdout.starts_with(b"<svg "));
}

#[test]
fn errors_say_what_to_do() {
    for words in ["draw", "stamp", "shiviz", "concurrent"] {
        check(
            &format!("{words} circle.jsonl"),
            &expect![[r#"
            vector-clocks: circle.jsonl:2: something is received before it is sent, so the events have no order; `vector-clocks check` shows the circle
            exit 2
        "#]],
        );
    }
    check(
        "check nowhere.jsonl",
        &expect![[r#"
        vector-clocks: cannot read nowhere.jsonl: No such file or directory (os error 2)
        exit 2
    "#]],
    );
    check(
        "before chat.jsonl ada:9 bob:1",
        &expect![[r#"
        vector-clocks: ada has the events 1 to 3, and none of number 9
        exit 2
    "#]],
    );
    check(
        "before chat.jsonl dee:1 bob:1",
        &expect![[r#"
        vector-clocks: there is no process `dee`; there are: ada, bob, cy
        exit 2
    "#]],
    );
    check(
        "before chat.jsonl ada bob:1",
        &expect![[r#"
        vector-clocks: `ada` names no event: write PROCESS:NUMBER, as in `ada:3` for the third event of ada
        exit 2
    "#]],
    );
    check(
        "check chat.jsonl --format shiviz",
        &expect![[r#"
        vector-clocks: chat.jsonl: no event matches the regular expression `(?<event>.*)\n(?<host>\S*) (?<clock>{.*})`; give the one that fits with --regex
        exit 2
    "#]],
    );
    check(
        "check chat.jsonl --format trace",
        &expect![[r#"
            vector-clocks: chat.jsonl:1: not a record of a trace: missing field `kind` at column 63
            exit 2
        "#]],
    );
    assert_eq!(command("check").output().unwrap().status.code(), Some(2));
}

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    let mut child = command("stamp -")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // More than any pipe holds: whoever writes it is still writing when the reader is gone.
    let log = "{\"process\":\"ada\",\"event\":\"says the same again and again\"}\n".repeat(5000);
    child
        .stdin
        .take()
        .unwrap()
        .write_all(log.as_bytes())
        .unwrap();
    let mut line = String::new();
    let mut reader = BufReader::with_capacity(16, child.stdout.take().unwrap());
    reader.read_line(&mut line).unwrap();
    drop(reader);
    assert!(line.contains("\"clock\":{\"ada\":1}"), "{line}");
    let said = shown(&child.wait_with_output().unwrap());
    assert_eq!(said, "exit 0\n");
}

/// Gives `text` to a command on its standard input.
fn given(words: &str, text: &str) -> String {
    let mut command = command(words);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    shown(&child.wait_with_output().unwrap())
}

#[test]
fn a_log_without_events_is_told() {
    let expected = "vector-clocks: -: there is no event in it; was it the right file, and was it written to the end?\nexit 2\n";
    for text in ["", "\n\n"] {
        assert_eq!(given("check -", text), expected);
    }
}

/// Each of these had to do with all pairs of events once, which takes minutes here.
#[test]
fn long_logs_are_no_trouble() {
    use std::fmt::Write;
    let mut text = String::new();
    for number in 0..50_000 {
        writeln!(
            text,
            r#"{{"process":"p{}","receive":{number}}}"#,
            number % 3
        )
        .unwrap();
    }
    let ends = |words: &str| {
        let said = given(words, &text);
        said.lines().rev().take(2).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(
        ends("check -"),
        "exit 1; 50000 events of 3 processes, 0 messages received, 0 clocks: 50000 violations"
    );
    // Of 50,000 events, a third at each of three processes that never hear of each other.
    assert_eq!(
        ends("concurrent - --limit 1"),
        "exit 0; … and 833333332 more pairs; --limit 833333333 lists them all"
    );
    assert_eq!(
        ends("concurrent - --limit 1 --of p0:7"),
        "exit 0; … and 33332 more pairs; --limit 33333 lists them all"
    );
    assert_eq!(
        ends("draw -"),
        "exit 2; vector-clocks: 50000 events make no picture that anybody can look at: draw at most 5000, for example the last ones with --last 200"
    );
}
