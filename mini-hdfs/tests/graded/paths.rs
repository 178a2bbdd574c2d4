//! Which paths are valid.

use autograder::{Test, tests};
use mini_hdfs::error::FsError;
use mini_hdfs::namenode::path::components;
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    a_path_is_its_names,
    a_path_is_absolute,
    a_file_has_one_spelling_of_its_name,
    a_name_holds_no_colon_and_no_control_character,
    lengths_are_limited_in_bytes,
    depth_is_limited,
    what_is_accepted_is_what_was_given,
];

fn refuses(path: &str) {
    match components(path) {
        Err(FsError::InvalidPath { path: named, .. }) => {
            assert_eq!(
                named, path,
                "the error should name the path as it was given"
            );
        }
        other => {
            panic!("{path:?} should be refused as an invalid path, but the answer was {other:?}")
        }
    }
}

fn accepts(path: &str, names: &[&str]) {
    let answer = components(path);
    let is_right = answer.as_ref().is_ok_and(|found| found == names);
    assert!(
        is_right,
        "{path:?} should be made of {names:?}, but the answer was {answer:?}"
    );
}

fn a_path_is_its_names() {
    accepts("/", &[]);
    accepts("/a", &["a"]);
    accepts(
        "/user/ada/log.2024-01-01",
        &["user", "ada", "log.2024-01-01"],
    );
    accepts("/ leading and trailing ", &[" leading and trailing "]);
    accepts("/größe/日本", &["größe", "日本"]);
    accepts("/.hidden/...", &[".hidden", "..."]);
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
    accepts(&format!("/{name}"), &[&name]);
    refuses(&format!("/{name}n"));
    // 128 characters, 256 bytes.
    refuses(&format!("/{}", "ß".repeat(128)));

    let longest = format!("/{}", [name.as_str(); 31].join("/")) + &format!("/{}", "n".repeat(63));
    assert_eq!(longest.len(), 8000);
    assert!(
        components(&longest).is_ok(),
        "a path of 8000 bytes should be accepted"
    );
    refuses(&format!("{longest}n"));
}

fn depth_is_limited() {
    let deepest = "/d".repeat(1000);
    assert!(
        components(&deepest).is_ok(),
        "a path of 1000 names should be accepted"
    );
    refuses(&format!("{deepest}/d"));
}

proptest! {
    #![proptest_config(autograder::property(256))]

    fn what_is_accepted_is_what_was_given(path in "(/|\\.|:|a|ß|\\PC|\n){0,12}") {
        if let Ok(names) = components(&path) {
            prop_assert_eq!(format!("/{}", names.join("/")), path);
        }
    }
}
