//! Which paths are valid (`DFSUtil.isValidName`), and how a valid one is taken apart.
//!
//! Every path that a caller gives passes through [`check`] before the [`NameNode`](super::NameNode) looks at it, so
//! that a file has exactly one spelling of its name: the one in the edit log, in listings and in errors. All else
//! here, and in the [`namespace`](super::namespace), takes that for granted.

use crate::error::FsError;

/// The longest name of a file or directory, in bytes (`dfs.namenode.fs-limits.max-component-length`).
pub const COMPONENT_LEN_MAX: usize = 255;

/// The longest path, in bytes (`MAX_PATH_LENGTH`).
pub const PATH_LEN_MAX: usize = 8000;

/// The most names in a path (`MAX_PATH_DEPTH`).
pub const PATH_DEPTH_MAX: usize = 1000;

/// Whether `path` is valid. The root is `/`; any other path is made of names, each with a `/` before it:
/// `/user/ada/log`.
///
/// A path begins with `/`, is at most [`PATH_LEN_MAX`] bytes long and has at most [`PATH_DEPTH_MAX`] names. A name is
/// not empty, is neither `.` nor `..`, is at most [`COMPONENT_LEN_MAX`] bytes long, and holds no `:` and no control
/// character ([`char::is_control`]). So `/a/` and `/a//b` are invalid, since each has an empty name. Nothing is
/// tidied up: what breaks a rule is refused.
///
/// # Errors
/// [`FsError::InvalidPath`], which has the path as it was given, and a reason that says which rule it breaks.
pub fn check(path: &str) -> Result<(), FsError> {
    // EXERCISE(hdfs/paths): accept a path only in its one spelling; otherwise say which rule it breaks.
    match broken_rule(path) {
        None => Ok(()),
        Some(reason) => Err(FsError::InvalidPath {
            path: path.to_owned(),
            reason,
        }),
    }
}

// BEGIN SOLUTION
fn broken_rule(path: &str) -> Option<String> {
    let Some(names) = path.strip_prefix('/') else {
        return Some("a path begins with /".to_owned());
    };
    if path.len() > PATH_LEN_MAX {
        return Some(format!("a path is at most {PATH_LEN_MAX} bytes long"));
    }
    if names.is_empty() {
        return None;
    }
    if names.split('/').count() > PATH_DEPTH_MAX {
        return Some(format!("a path has at most {PATH_DEPTH_MAX} names"));
    }
    names.split('/').find_map(broken_rule_of_name)
}

fn broken_rule_of_name(name: &str) -> Option<String> {
    match name {
        "" => return Some("it holds an empty name".to_owned()),
        "." | ".." => return Some(format!("{name:?} is not a name")),
        _ => {}
    }
    if name.len() > COMPONENT_LEN_MAX {
        return Some(format!("a name is at most {COMPONENT_LEN_MAX} bytes long"));
    }
    let bad = name.chars().find(|c| *c == ':' || c.is_control())?;
    Some(format!("a name holds no {bad:?}"))
}
// END SOLUTION

/// The names of which a valid path is made; none for the root.
pub fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|name| !name.is_empty())
}

/// The path of the directory that `path` is in, and its name there; none for the root. `path` must be valid.
pub fn parent(path: &str) -> Option<(&str, &str)> {
    match path.rsplit_once('/') {
        None | Some((_, "")) => None,
        Some(("", name)) => Some(("/", name)),
        split => split,
    }
}

/// The path of `name` inside the directory `dir`.
pub fn join(dir: &str, name: &str) -> String {
    match dir {
        "/" => format!("/{name}"),
        _ => format!("{dir}/{name}"),
    }
}

/// Whether `path` lies below `dir`, at any depth. Both must be valid.
pub fn is_below(path: &str, dir: &str) -> bool {
    dir == "/" && path != "/"
        || path
            .strip_prefix(dir)
            .is_some_and(|rest| rest.starts_with('/'))
}
