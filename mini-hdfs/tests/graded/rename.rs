//! Where a rename leads, and when it is refused.

use std::collections::BTreeMap;

use autograder::{Test, tests};
use mini_hdfs::error::FsError;
use mini_hdfs::namenode::edit_op::EditOp;
use mini_hdfs::namenode::namespace::Namespace;
use proptest::prelude::*;

use crate::ops::{State, add, draws, mkdir, path};

pub(crate) const TESTS: &[Test] = tests![
    a_rename_gives_a_new_name,
    a_rename_to_a_directory_moves_inside,
    a_rename_to_where_it_is_does_nothing,
    a_rename_never_replaces,
    a_directory_is_not_moved_into_itself,
    both_ends_of_a_rename_must_make_sense,
    what_is_not_there_is_the_first_thing_to_say,
    the_tree_is_what_a_naive_one_is,
];

/// `/d/f`, `/d/e` (a directory), `/f`, `/g`.
fn tree() -> State {
    State::after(&[
        mkdir(20001, "/d"),
        add(20002, "/d/f"),
        mkdir(20003, "/d/e"),
        add(20004, "/f"),
        add(20005, "/g"),
    ])
}

fn destination(from: &str, to: &str) -> Result<Option<String>, FsError> {
    tree().namespace.rename_destination(from, to)
}

fn goes_to(from: &str, to: &str, expected: &str) {
    let answer = destination(from, to);
    assert!(
        matches!(&answer, Ok(Some(path)) if path == expected),
        "renaming {from} to {to} should put it at {expected}, but the answer was {answer:?}"
    );
}

fn a_rename_gives_a_new_name() {
    goes_to("/g", "/h", "/h");
    goes_to("/d/f", "/h", "/h");
    goes_to("/d", "/h", "/h");
    // Not below /d, though its name begins so.
    goes_to("/d", "/dd", "/dd");
}

fn a_rename_to_a_directory_moves_inside() {
    goes_to("/g", "/d", "/d/g");
    goes_to("/d/e", "/", "/e");
    goes_to("/g", "/d/e", "/d/e/g");
}

fn a_rename_to_where_it_is_does_nothing() {
    for (from, to) in [("/g", "/g"), ("/g", "/"), ("/d/f", "/d")] {
        let answer = destination(from, to);
        assert_eq!(
            answer,
            Ok(None),
            "renaming {from} to {to} leaves it where it is"
        );
    }
}

fn a_rename_never_replaces() {
    for (from, to, there) in [("/g", "/f", "/f"), ("/f", "/d", "/d/f"), ("/d", "/f", "/f")] {
        let answer = destination(from, to);
        let expected = Err(FsError::FileAlreadyExists(there.into()));
        assert_eq!(
            answer, expected,
            "renaming {from} to {to} finds {there} there already"
        );
    }
}

fn a_directory_is_not_moved_into_itself() {
    for (from, to) in [
        ("/d", "/d"),
        ("/d", "/d/e"),
        ("/d", "/d/x"),
        ("/d", "/d/e/x"),
        ("/d", "/d/x/y"),
        ("/f", "/f/y"),
        ("/", "/x"),
        ("/", "/d"),
    ] {
        let answer = destination(from, to);
        assert!(
            matches!(answer, Err(FsError::InvalidRename { .. })),
            "renaming {from} to {to} should be refused as an invalid rename, but the answer was {answer:?}"
        );
    }
}

fn both_ends_of_a_rename_must_make_sense() {
    for (from, to, expected) in [
        ("/x", "/y", FsError::FileNotFound("/x".into())),
        ("/d/x", "/d/y", FsError::FileNotFound("/d/x".into())),
        ("/g", "/x/y", FsError::FileNotFound("/x".into())),
        ("/g", "/x/y/z", FsError::FileNotFound("/x".into())),
        ("/g", "/f/y", FsError::ParentNotDirectory("/f".into())),
    ] {
        let answer = destination(from, to);
        assert_eq!(
            answer,
            Err(expected.clone()),
            "renaming {from} to {to} should be refused, since {expected}"
        );
    }
}

fn what_is_not_there_is_the_first_thing_to_say() {
    for (from, to) in [
        ("/x", "/x"),
        ("/x", "/x/y"),
        ("/x", "/f"),
        ("/x", "/f/y"),
        ("/x", "/d"),
    ] {
        let answer = destination(from, to);
        let expected = Err(FsError::FileNotFound("/x".into()));
        assert_eq!(
            answer, expected,
            "renaming {from} to {to}: nothing is at {from}, which comes before all else"
        );
    }
}

/// The same, done naively: paths, and whether each is a directory.
#[derive(Clone, Debug, Default)]
struct Model(BTreeMap<String, bool>);

impl Model {
    fn parent_is_directory(&self, path: &str) -> bool {
        let (parent, _) = path.rsplit_once('/').expect("paths are absolute");
        parent.is_empty() || self.0.get(parent) == Some(&true)
    }

    fn insert(&mut self, path: &str, directory: bool) -> bool {
        let fits = self.parent_is_directory(path) && !self.0.contains_key(path);
        if fits {
            self.0.insert(path.into(), directory);
        }
        fits
    }

    fn tree(&self, top: &str) -> Vec<String> {
        let below = |path: &&String| *path == top || path.starts_with(&format!("{top}/"));
        self.0.keys().filter(below).cloned().collect()
    }

    fn delete(&mut self, path: &str) -> bool {
        let doomed = self.tree(path);
        self.0.retain(|path, _| !doomed.contains(path));
        !doomed.is_empty()
    }

    fn rename(&mut self, from: &str, to: &str) -> bool {
        let mut to = to.to_owned();
        if self.0.get(&to) == Some(&true) {
            to = format!(
                "{to}/{}",
                from.rsplit_once('/').expect("paths are absolute").1
            );
        }
        let moved = self.tree(from);
        if from == to && !moved.is_empty() {
            return true;
        }
        let taken = self.0.contains_key(&to) || to.starts_with(&format!("{from}/"));
        if moved.is_empty() || taken || !self.parent_is_directory(&to) {
            return false;
        }
        for path in moved {
            let directory = self.0.remove(&path).unwrap_or(false);
            self.0.insert(path.replacen(from, &to, 1), directory);
        }
        true
    }
}

fn rename(namespace: &mut Namespace, from: &str, to: &str) -> bool {
    match namespace.rename_destination(from, to) {
        Ok(Some(to)) => namespace.rename(from, &to, 0).is_ok(),
        Ok(None) => true,
        Err(_) => false,
    }
}

proptest! {
    #![proptest_config(autograder::property(256))]

    fn the_tree_is_what_a_naive_one_is(draws in draws(60)) {
        let (mut state, mut model) = (State::default(), Model::default());
        for (inode, (kind, a, b)) in (20001..).zip(draws) {
            let (a, b) = (path(a), path(b));
            let (did, should) = match kind % 6 {
                0 | 1 => (state.apply(&mkdir(inode, &a)).is_ok(), model.insert(&a, true)),
                2 => (state.apply(&add(inode, &a)).is_ok(), model.insert(&a, false)),
                3 => {
                    let op = EditOp::Delete { path: a.clone(), time_ms: 0 };
                    (state.apply(&op).is_ok(), model.delete(&a))
                }
                _ => (rename(&mut state.namespace, &a, &b), model.rename(&a, &b)),
            };
            prop_assert_eq!(did, should, "whether operation {} on {} and {} was done", kind % 6, a, b);
            let namespace = &state.namespace;
            let found: Vec<(String, bool)> = namespace
                .walk(namespace.require("/").unwrap())
                .skip(1)
                .map(|inode| (namespace.path_of(inode), inode.as_directory().is_some()))
                .collect();
            let mut expected: Vec<(String, bool)> = model.0.clone().into_iter().collect();
            // Directory by directory, not by the bytes of the path.
            expected.sort_by_key(|(path, _)| path.split('/').map(str::to_owned).collect::<Vec<_>>());
            prop_assert_eq!(found, expected, "paths, and whether each is a directory");
        }
    }
}
