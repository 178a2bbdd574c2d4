//! Which paths are valid (`DFSUtil.isValidName`).
//!
//! Every path that a caller gives passes through [`components`], so that a file has exactly one spelling of its
//! name: the one in the edit log, in listings and in errors.

use crate::error::FsError;

/// The longest name of a file or directory, in bytes (`dfs.namenode.fs-limits.max-component-length`).
pub const COMPONENT_LEN_MAX: usize = 255;

/// The longest path, in bytes (`MAX_PATH_LENGTH`).
pub const PATH_LEN_MAX: usize = 8000;

/// The most names in a path (`MAX_PATH_DEPTH`).
pub const PATH_DEPTH_MAX: usize = 1000;

/// The names of which an absolute path is made; none for the root, `/`.
///
/// # Errors
/// [`FsError::InvalidPath`] where the path is not absolute, a name in it is empty, `.` or `..`, contains `:` or
/// a control character, or one of the limits above is exceeded.
pub fn components(path: &str) -> Result<Vec<&str>, FsError> {
    split(path).map_err(|reason| FsError::InvalidPath {
        path: path.to_owned(),
        reason,
    })
}

fn split(path: &str) -> Result<Vec<&str>, String> {
    let names = path.strip_prefix('/').ok_or("a path begins with /")?;
    if path.len() > PATH_LEN_MAX {
        return Err(format!("a path is at most {PATH_LEN_MAX} bytes long"));
    }
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = names.split('/').collect();
    if names.len() > PATH_DEPTH_MAX {
        return Err(format!("a path has at most {PATH_DEPTH_MAX} names"));
    }
    for name in &names {
        check_name(name)?;
    }
    Ok(names)
}

fn check_name(name: &str) -> Result<(), String> {
    match name {
        "" => return Err("it holds an empty name".to_owned()),
        "." | ".." => return Err(format!("{name:?} is not a name")),
        _ => {}
    }
    if name.len() > COMPONENT_LEN_MAX {
        return Err(format!("a name is at most {COMPONENT_LEN_MAX} bytes long"));
    }
    match name.chars().find(|c| *c == ':' || c.is_control()) {
        Some(c) => Err(format!("a name holds no {c:?}")),
        None => Ok(()),
    }
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
