//! Marks that are right, with what becomes of them, and marks that are not.

use std::path::Path;

use super::*;

fn parse(text: &str) -> Result<SourceFile> {
    SourceFile::parse(Path::new("a/src/b.rs"), text)
}

/// What a student gets who has done nothing.
fn stub(text: &str) -> String {
    parse(text).unwrap().stubbed(&|_| true).unwrap()
}

fn error(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn a_body_becomes_its_intent_and_the_rest_stays_byte_for_byte() {
    let text = "\
//! Essay — with ümlauts, so that bytes are not characters.

/// Doc.
#[must_use]
pub fn sum(a: u64, (b, _c): (u64, u64)) -> u64 {
    // EXERCISE(x/sum): add \"both\", as {a} and b.
    let sum = a + b; // Half of it.
    sum
}

// A comment   that rustfmt leaves alone.
fn other() {}
";
    let expected = "\
//! Essay — with ümlauts, so that bytes are not characters.

/// Doc.
#[must_use]
pub fn sum(a: u64, (b, _c): (u64, u64)) -> u64 {
    let _ = (a, b);
    todo!(\"x/sum: add \\\"both\\\", as {{a}} and b.\")
}

// A comment   that rustfmt leaves alone.
fn other() {}
";
    assert_eq!(stub(text), expected);
}

#[test]
fn methods_know_their_type_and_no_self_is_bound() {
    let text = "
impl<T> super::Log<T> {
    fn append(&mut self, record: &[u8]) {
        // EXERCISE(x/log): append.
        self.bytes.extend(record);
    }
}
impl Iterator for Log {
    fn next(&mut self) -> Option<u8> {
        // EXERCISE(x/log): the next one.
        None
    }
}
";
    let file = parse(text).unwrap();
    let names: Vec<&str> = file.bodies.iter().map(|body| body.name.as_str()).collect();
    assert_eq!(names, ["Log::append", "Log::next"]);
    let stub = file.stubbed(&|_| true).unwrap();
    assert!(stub.contains("        let _ = record;\n        todo!(\"x/log: append.\")\n"));
    assert!(stub.contains("Option<u8> {\n        todo!(\"x/log: the next one.\")\n"));
}

const TWO: &str = "\
// BEGIN SOLUTION(x/b)
use std::fmt;

// END SOLUTION
struct S {
    given: u64,
    // BEGIN SOLUTION(x/a)
    own: u64,
    // END SOLUTION
}

fn a() {
    // EXERCISE(x/a): a.
    one();
}

fn b() {
    // EXERCISE(x/b): b.
    two();
}

// BEGIN SOLUTION(x/b)
fn two() {}
// END SOLUTION
";

#[test]
fn regions_go_with_their_exercise() {
    let file = parse(TWO).unwrap();
    let expected = "\
struct S {
    given: u64,
}

fn a() {
    todo!(\"x/a: a.\")
}

fn b() {
    todo!(\"x/b: b.\")
}
";
    assert_eq!(file.stubbed(&|_| true).unwrap(), expected);
}

#[test]
fn what_is_not_stripped_keeps_its_solution_and_loses_its_marks() {
    let file = parse(TWO).unwrap();
    assert_eq!(file.ids(), ["x/a", "x/b"]);
    let expected = "\
struct S {
    given: u64,
    own: u64,
}

fn a() {
    one();
}

fn b() {
    todo!(\"x/b: b.\")
}
";
    assert_eq!(file.stubbed(&|id| id == "x/b").unwrap(), expected);
}

#[test]
fn a_mark_in_a_literal_is_none() {
    let text = "const TEXT: &str = \"\n// EXERCISE(x/a): a.\n// BEGIN SOLUTION\n\";\n";
    let file = parse(text).unwrap();
    assert!(file.bodies.is_empty() && file.regions.is_empty());
}

#[test]
fn a_mark_in_the_wrong_place_names_its_line() {
    let first = "the mark is not the first thing in the body of a function";
    let cases = [
        ("fn f() {\n    g();\n    // EXERCISE(x/a): a.\n}", 3, first),
        ("// EXERCISE(x/a): a.\nfn f() {}", 1, first),
        (
            "m! {\n    fn f() {\n        // EXERCISE(x/a): a.\n    }\n}",
            3,
            first,
        ),
        (
            "fn f() {\n    // EXERCISE(x/a) a.\n}",
            2,
            "a mark is `// EXERCISE(system/slug): what",
        ),
        (
            "fn f() {\n    // EXERCISE(x/a): \n}",
            2,
            "does not say what is to be done",
        ),
        ("\nfn f( {}", 2, "cannot be read as Rust"),
        ("fn f() {\n    \"open\n}", 2, "cannot be read as Rust"),
    ];
    for (text, line, expected) in cases {
        let error = error(text);
        assert!(
            error.starts_with(&format!("a/src/b.rs:{line}: ")),
            "{error}"
        );
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_function_that_cannot_be_a_stub_says_why() {
    let cases = [
        (
            "fn f() -> impl Iterator<Item = u8>",
            "it returns `impl Trait`",
        ),
        (
            "fn f() -> Option<Box<impl Fn()>>",
            "it returns `impl Trait`",
        ),
        ("fn f(mut a: u8)", "a parameter is `mut`"),
        ("const fn f()", "it is `const`"),
        ("async fn f()", "it is `async`"),
    ];
    for (signature, expected) in cases {
        let error = error(&format!(
            "{signature} {{\n    // EXERCISE(x/a): a.\n    body()\n}}"
        ));
        assert!(error.contains("`f` cannot be an exercise: "), "{error}");
        assert!(error.contains(expected), "{error}");
    }
    assert!(parse("fn f(g: impl Fn(), h: &mut u8) {\n    // EXERCISE(x/a): a.\n}").is_ok());
}

#[test]
fn regions_are_closed_and_know_their_exercise() {
    let fails = |text: &str, expected: &str| {
        let error = error(text);
        assert!(error.contains(expected), "{error}");
    };
    let body = "fn f() {\n    // EXERCISE(x/a): a.\n}\n";
    fails(
        &format!("{body}// BEGIN SOLUTION\n"),
        "a/src/b.rs:4: `// BEGIN SOLUTION` without an `// END",
    );
    fails(&format!("{body}// END SOLUTION\n"), "without a `// BEGIN");
    fails(
        &format!("{body}// BEGIN SOLUTION\n// BEGIN SOLUTION\n"),
        "inside of another one",
    );
    fails(&format!("{body}// BEGIN SOLUTIONS\n"), "is no mark");
    let two = format!("{body}{}", body.replace("x/a", "x/b"));
    fails(
        &format!("{two}// BEGIN SOLUTION\n"),
        "has 2 exercises, so the mark must name its own",
    );
    fails("// BEGIN SOLUTION\n// END SOLUTION\n", "has 0 exercises");
}
