//! What the runner prints and returns for each way of calling it.

use std::env;
use std::io::Write;
use std::process::{Command, Stdio};

use autograder::{TIME_LIMIT_VARIABLE, Test, tests};

pub(crate) const TESTS: &[Test] = tests![
    a_report_has_a_line_for_each_test,
    a_person_sees_what_fails_and_what_is_next,
    a_panic_in_a_thread_is_put_down_to_its_test,
    random_inputs_are_the_same_each_time,
    more_seeds_find_more_and_say_how_to_repeat_it,
    an_exercise_that_is_done_needs_no_table,
    the_word_to_grade_with_comes_back_with_the_result,
    nextest_can_list,
    what_is_no_option_is_refused,
];

struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs the sample with these arguments and this input.
fn sample(args: &str, input: &str) -> Run {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(args.split_whitespace())
        .env(super::SAMPLE, "1")
        .env(TIME_LIMIT_VARIABLE, "1")
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end without having read.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Asserts that each of `parts` stands in the text, each behind the one before.
fn in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let at = rest.find(part);
        let at = at.unwrap_or_else(|| panic!("{part:?} is missing, or out of order, in:\n{text}"));
        // The end of one part may be the beginning of the next.
        rest = &rest[at + part.trim_end().len()..];
    }
}

fn a_report_has_a_line_for_each_test() {
    for threads in ["1", "4"] {
        let run = sample(&format!("--report --test-threads {threads}"), "");
        assert_eq!(run.code, Some(101), "{}", run.err);
        let lines: Vec<&str> = run.out.lines().filter(|line| line.contains('\t')).collect();
        let expected = [
            "sample/done\tsample::done::one_is_one\tok",
            "sample/done\tsample::done::seeds_pass\tok",
            "sample/begun\tsample::begun::the_first_half\tok",
            "sample/begun\tsample::begun::fails_with_a_sentence\tfailed",
            "sample/begun\tsample::begun::never_ends\ttimeout",
            "sample/begun\tsample::begun::a_thread_panics_and_nobody_asks\tfailed",
            "sample/begun\tsample::begun::fails_at_seed_7\tfailed",
            "sample/begun\tsample::begun::fails_with_other_seeds\tok",
            "sample/begun\tsample::begun::fails_as_a_property\tfailed",
            "sample/begun\tsample::begun::a_caught_panic_is_no_failure\tok",
            "sample/begun\tsample::begun::the_second_half\ttodo:sample/begun",
            "sample/later\tsample::later::needs_begun\ttodo:sample/begun",
            "sample/later\tsample::later::not_begun\ttodo:sample/later",
            "sample/later\tsample::later::not_begun_either\ttodo:sample/later",
        ];
        assert_eq!(lines, expected);
    }
}

fn a_person_sees_what_fails_and_what_is_next() {
    let run = sample("", "");
    assert_eq!(run.code, Some(101), "{}", run.err);
    let parts = [
        "running 14 tests\n",
        "test sample::done::one_is_one ... ok\n",
        "test sample::begun::fails_with_a_sentence ... FAILED\n",
        "sample/begun ... to be written (1 test), at crates/autograder/tests/runner/sample.rs:",
        "sample/later ... waits for sample/begun (1 test)\n",
        "sample/later ... to be written (2 tests), at ",
        "\nFAILED: sample::begun::fails_with_a_sentence\n",
        "\n  assertion `left == right` failed: the second replica should be on another rack\n",
        "\n    left: 1\n   right: 2\n  at crates/autograder/tests/runner/sample.rs:",
        "\nFAILED: sample::begun::never_ends\n  it has not ended after 1 s",
        "\nleft is what came, right is what was expected\n",
        "\nsample/done                         2/2  done\n",
        "\nsample/begun                        3/9  5 fail, 1 at a todo!()\n",
        "\nsample/later                        0/3  not begun\n",
        "\nnext: sample/begun\n  read     book/src/sample/begun.md\n",
        "cargo course hint sample/begun\n  run      cargo test -p autograder --test runner sample::begun::\n",
        "\ntest result: FAILED. 5 passed; 9 failed; 0 ignored; 0 measured; 0 filtered out; ",
    ];
    in_order(&run.out, &parts);
    assert_eq!(
        run.err, "",
        "a panic is told once, and not where it happens"
    );
    let wide = run.out.lines().find(|line| line.chars().count() > 80);
    let may_be_wide = |line: &str| {
        line.contains("cargo test") || line.contains("test result") || line.contains(".rs:")
    };
    assert!(
        wide.is_none_or(may_be_wide),
        "wider than 80 columns: {wide:?}"
    );
}

fn a_panic_in_a_thread_is_put_down_to_its_test() {
    let run = sample("begun:: --skip never_ends --test-threads 3", "");
    let failed = "\nFAILED: sample::begun::a_thread_panics_and_nobody_asks\n  in a thread of its own: a lost thread\n  at ";
    in_order(&run.out, &[failed, "\nnext: "]);
}

fn random_inputs_are_the_same_each_time() {
    let run = sample("sample::begun::fails_a", "");
    let parts = [
        "FAILED: sample::begun::fails_at_seed_7\n",
        "seven is wrong",
        "  again: cargo test -p autograder --test runner -- --exact sample::begun::fails_at_seed_7 --seed 0x7\n",
        "FAILED: sample::begun::fails_as_a_property\n",
        "  Test failed: 500 is too large.\n  minimal failing input: number = 500\n",
        "  first noticed at ",
        "  again: cargo test -p autograder --test runner -- --exact sample::begun::fails_as_a_property\n",
    ];
    in_order(&run.out, &parts);
    let again = sample("sample::begun::fails_a", "");
    let without_time = |out: &str| out.rsplit_once("finished").map(|(text, _)| text.to_owned());
    assert_eq!(without_time(&again.out), without_time(&run.out));
    let at_7 = sample("--exact sample::begun::fails_at_seed_7 --seed 0x7", "");
    assert_eq!(at_7.code, Some(101));
    let at_8 = sample("--exact sample::begun::fails_at_seed_7 --seed 0x8", "");
    assert_eq!(at_8.code, Some(0));
}

fn more_seeds_find_more_and_say_how_to_repeat_it() {
    let name = "--exact sample::begun::fails_with_other_seeds";
    assert_eq!(sample(name, "").code, Some(0));
    let run = sample(&format!("{name} --seeds 5"), "");
    assert_eq!(run.code, Some(101));
    let (_, seed) = run.out.split_once("--seed ").expect("the seed is told");
    let seed = seed.lines().next().unwrap();
    assert_eq!(sample(&format!("{name} --seed {seed}"), "").code, Some(101));
    // Tests that draw nothing run once.
    assert_eq!(
        sample("--exact sample::done::one_is_one --seeds 5", "").code,
        Some(0)
    );
}

fn an_exercise_that_is_done_needs_no_table() {
    let run = sample("done::", "");
    assert_eq!(run.code, Some(0));
    in_order(
        &run.out,
        &[
            "all green: sample/done\n",
            "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 12 filtered out; ",
        ],
    );
    assert!(!run.out.contains("next:"), "{}", run.out);
}

fn the_word_to_grade_with_comes_back_with_the_result() {
    for (test, status) in [
        ("sample::done::one_is_one", "ok"),
        ("sample::begun::fails_with_a_sentence", "failed"),
        ("sample::begun::never_ends", "timeout"),
        ("sample::later::not_begun", "todo:sample/later"),
    ] {
        let run = sample(&format!("--grade {test}"), "nonce-17\n");
        let last = format!("\nnonce-17\t{test}\t{status}\n");
        assert!(run.out.ends_with(&last), "{}", run.out);
        assert_eq!(run.code, Some(if status == "ok" { 0 } else { 101 }));
        assert_eq!(
            run.err.is_empty(),
            status == "ok",
            "the reason is told: {}",
            run.err
        );
    }
    let run = sample("--grade sample::done::one", "nonce-17\n");
    assert_eq!((run.code, run.out.as_str()), (Some(2), ""));
}

fn nextest_can_list() {
    let run = sample("--list --format terse done::", "");
    assert_eq!(
        run.out,
        "sample::done::one_is_one: test\nsample::done::seeds_pass: test\n"
    );
    assert_eq!(sample("--list --format terse --ignored", "").out, "");
}

fn what_is_no_option_is_refused() {
    let run = sample("--sedes 5", "");
    assert_eq!(run.code, Some(2));
    assert!(
        run.err.contains("there is no option --sedes"),
        "{}",
        run.err
    );
}
