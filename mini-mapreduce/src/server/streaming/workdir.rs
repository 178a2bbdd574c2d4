//! Where commands run: a directory for each attempt, with the files that were sent along; and where their programs are.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::options::Shipped;

#[cfg(unix)]
/// A larger file is not copied, but linked to.
const COPY_MAX: u64 = 64 << 20;

/// Makes the directory. The files in it are copies, so that a command may do with them what it wants, and finds them beside each other as it would in
/// Hadoop; directories and what is very large are links to what everybody sees. What is in it goes with it.
pub(super) fn make(within: &Path, files: &[Shipped]) -> Result<TempDir, String> {
    let failed = |error: io::Error| {
        let within = within.display();
        format!("cannot make a working directory in {within}: {error}")
    };
    fs::create_dir_all(within).map_err(failed)?;
    let dir = TempDir::with_prefix_in("work-", within).map_err(failed)?;
    fs::create_dir(dir.path().join("tmp")).map_err(failed)?;
    for file in files {
        let (from, to) = (Path::new(&file.path), dir.path().join(&file.name));
        put(from, &to).map_err(|error| format!("-file {}: {error}", file.path))?;
    }
    Ok(dir)
}

fn put(from: &Path, to: &Path) -> io::Result<()> {
    let metadata = fs::metadata(from)?;
    #[cfg(unix)]
    if metadata.is_dir() || metadata.len() > COPY_MAX {
        return std::os::unix::fs::symlink(from, to);
    }
    if metadata.is_dir() {
        return Err(io::Error::other(
            "a directory cannot be sent from this system",
        ));
    }
    fs::copy(from, to).map(drop)
}

/// Where a command's program is: as it is named where that is from the root on; else in the working directory, and then where PATH says, as Hadoop
/// looks for it. One that was sent along is made executable, whatever it was.
pub(super) fn program(name: &str, dir: &Path, path: Option<&OsStr>) -> Result<PathBuf, String> {
    let named = Path::new(name);
    if named.is_absolute() {
        return match fs::metadata(named) {
            Ok(_) => Ok(named.to_owned()),
            Err(error) => Err(format!("{name}: {error}")),
        };
    }
    let own = dir.join(named);
    if own.is_file() {
        make_executable(&own).map_err(|error| format!("cannot make {name} executable: {error}"))?;
        return Ok(own);
    }
    let dirs: Vec<PathBuf> = path
        .map(|path| std::env::split_paths(path).collect())
        .unwrap_or_default();
    // A name with a directory in it is not looked for elsewhere.
    let found = dirs
        .iter()
        .map(|dir| dir.join(named))
        .find(|at| is_executable(at));
    match found.filter(|_| named.components().count() == 1) {
        Some(at) => Ok(at),
        None => Err(format!(
            "there is no program {name}: neither in the task's working directory, which has {}, nor in PATH ({}); \
             a program or script of your own has to be sent along, with -file {name}",
            listing(dir),
            path.unwrap_or_default().display()
        )),
    }
}

/// What is in the working directory, for an error.
fn listing(dir: &Path) -> String {
    let names = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut names: Vec<String> = (names
        .map(|entry| entry.file_name().to_string_lossy().into_owned()))
    .filter(|name| name != "tmp")
    .collect();
    names.sort();
    if names.is_empty() {
        return "nothing in it".to_owned();
    }
    names.join(", ")
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let metadata = fs::metadata(path);
    metadata.is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(unix)]
fn make_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    // What is linked to is everybody's.
    if is_executable(path) || fs::symlink_metadata(path)?.is_symlink() {
        return Ok(());
    }
    let mut permissions = fs::metadata(path)?.permissions();
    permissions.set_mode(permissions.mode() | 0o111);
    fs::set_permissions(path, permissions)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> io::Result<()> {
    Ok(())
}
