//! Which paths are valid.

use autograder::{Test, tests};
use mini_hdfs::error::FsError;
use mini_hdfs::namenode::path::{check, names};
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    a_path_is_made_of_names,
    a_path_is_absolute,
    a_file_has_one_spelling_of_its_name,
    a_name_holds_no_colon_and_no_control_character,
    lengths_are_limited_in_bytes,
    depth_is_limited,
    what_is_accepted_is_what_was_given,
    good_names_make_a_good_path,
];

/// A path as a message shows it: of a long one, how long it is.
fn shown(path: &str) -> String {
    let depth = path.split('/').skip(1).count();
    match path.get(..40) {
        Some(start) => format!("{start:?}… ({} bytes, {depth} names)", path.len()),
        None => format!("{path:?}"),
    }
}

fn refuses(path: &str) {
    match check(path) {
        Err(FsError::InvalidPath { path: named, .. }) => {
            assert_eq!(
                named, path,
                "the error should name the path as it was given"
            );
        }
        other => panic!(
            "{} should be refused as an invalid path, but the answer was {other:?}",
            shown(path)
        ),
    }
}

fn accepts(path: &str) {
    let answer = check(path);
    assert!(
        answer.is_ok(),
        "{} should be accepted, but the answer was {answer:?}",
        shown(path)
    );
}

fn a_path_is_made_of_names() {
    for path in [
        "/",
        "/a",
        "/user/ada/log.2024-01-01",
        "/ leading and trailing ",
        "/größe/日本",
        "/.hidden/...",
        "/..a/b..",
        "/back\\slash/~/*",
    ] {
        accepts(path);
    }
}

fn a_path_is_absolute() {
    for path in ["", "a", "a/b", "./a", " /a"] {
        refuses(path);
    }
}

fn a_file_has_one_spelling_of_its_name() {
    for path in [
        "/a/", "//", "//a", "/a//b", "/.", "/a/.", "/a/./b", "/..", "/a/..", "/../a",
    ] {
        refuses(path);
    }
}

fn a_name_holds_no_colon_and_no_control_character() {
    for path in ["/a:b", "/a/:", "/a\n", "/a\0b", "/\u{7f}", "/a/\u{85}"] {
        refuses(path);
    }
}

fn lengths_are_limited_in_bytes() {
    let name = "n".repeat(255);
    accepts(&format!("/{name}"));
    refuses(&format!("/{name}n"));
    // 128 characters, 256 bytes.
    refuses(&format!("/{}", "ß".repeat(128)));

    let longest = format!("/{}", [name.as_str(); 31].join("/")) + &format!("/{}", "n".repeat(63));
    assert_eq!(longest.len(), 8000);
    assert!(
        check(&longest).is_ok(),
        "a path of 8000 bytes should be accepted"
    );
    refuses(&format!("{longest}n"));
}

fn depth_is_limited() {
    let deepest = "/d".repeat(1000);
    assert!(
        check(&deepest).is_ok(),
        "a path of 1000 names should be accepted"
    );
    refuses(&format!("{deepest}/d"));
}

proptest! {
    #![proptest_config(autograder::property(256))]

    fn what_is_accepted_is_what_was_given(path in "(/|\\.|:|a|ß|\\PC|\n){0,12}") {
        if check(&path).is_ok() {
            let names: Vec<&str> = names(&path).collect();
            prop_assert_eq!(
                format!("/{}", names.join("/")),
                path,
                "an accepted path is its names, each after a /"
            );
        }
    }

    fn good_names_make_a_good_path(names in prop::collection::vec("[a-zA-Z0-9._ ß~-]{3,12}", 1..12)) {
        let path = format!("/{}", names.join("/"));
        prop_assert_eq!(check(&path), Ok(()), "{:?} breaks no rule", path);
    }
}
