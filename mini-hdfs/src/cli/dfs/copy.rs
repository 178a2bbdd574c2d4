//! `-put` and `-get`. Both write to `NAME._COPYING_` and rename that at the end, so that nobody takes half a file for a
//! whole one.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use mini_hdfs::error::FsError;
use mini_hdfs::protocol::FileStatus;
use mini_hdfs::server::dfs_client::{CreateOptions, DfsError, DfsOutputStream};

use super::super::{paths, reason};
use super::cat::{CopyError, copy};
use super::{Failure, Shell};

/// Added to a file's name while it is copied.
const COPYING: &str = "._COPYING_";

pub(super) fn no_such(path: impl std::fmt::Display) -> Failure {
    Failure::said(format!("`{path}': No such file or directory"))
}

fn exists(path: impl std::fmt::Display) -> Failure {
    Failure::said(format!("`{path}': File exists"))
}

fn local(path: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound => no_such(path.display()),
        _ => Failure::said(format!("`{}': {error}", path.display())),
    }
}

fn dfs(error: &DfsError) -> Failure {
    Failure::said(reason(error))
}

pub(super) fn put(shell: &mut Shell<'_>, words: &[String]) -> Result<(), Failure> {
    let (sources, to) = match words {
        [source] => (std::slice::from_ref(source), "."),
        [sources @ .., to] => (sources, to.as_str()),
        [] => return Ok(()),
    };
    let path = paths::absolute(to);
    let target = shell.client.stat(&path).map_err(|e| dfs(&e))?;
    let into = target.as_ref().is_some_and(|target| target.is_directory);
    if sources.len() > 1 && !into {
        return Err(match target {
            None => no_such(to),
            Some(_) => Failure::said(format!("`{to}': Is not a directory")),
        });
    }
    for source in sources {
        shell.attempt(|shell| {
            if source == "-" {
                if into {
                    return Err(Failure::said(format!("`{to}': Is a directory")));
                }
                return put_file(shell, &mut io::stdin().lock(), source, &path, None);
            }
            let source = Path::new(source);
            // `.` and `..` have no name of their own.
            let whole = source.canonicalize().map_err(|e| local(source, &e))?;
            let name = source.file_name().or(whole.file_name()).unwrap_or_default();
            let target = match into {
                true => paths::join(&path, &name.to_string_lossy()),
                false => path.clone(),
            };
            put_tree(shell, source, &target)
        })?;
    }
    Ok(())
}

fn put_tree(shell: &mut Shell<'_>, from: &Path, to: &str) -> Result<(), Failure> {
    let metadata = fs::metadata(from).map_err(|e| local(from, &e))?;
    if !metadata.is_dir() {
        let mut file = File::open(from).map_err(|e| local(from, &e))?;
        let len = metadata.is_file().then_some(metadata.len());
        return put_file(shell, &mut file, &from.display().to_string(), to, len);
    }
    match shell.client.stat(to).map_err(|e| dfs(&e))? {
        Some(status) if !status.is_directory => {
            return Err(Failure::said(format!("`{to}': Is not a directory")));
        }
        Some(_) => {}
        None => shell.client.mkdirs(to, false).map_err(|e| dfs(&e))?,
    }
    let entries = fs::read_dir(from).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries: Vec<PathBuf> = entries
        .map_err(|e| local(from, &e))?
        .iter()
        .map(fs::DirEntry::path)
        .collect();
    entries.sort();
    for entry in entries {
        let name = entry
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        shell.attempt(|shell| put_tree(shell, &entry, &paths::join(to, &name)))?;
    }
    Ok(())
}

pub(super) fn put_file(
    shell: &mut Shell<'_>,
    from: &mut dyn Read,
    name: &str,
    to: &str,
    len: Option<u64>,
) -> Result<(), Failure> {
    let replaced = match shell.client.stat(to).map_err(|e| dfs(&e))? {
        Some(status) if status.is_directory => {
            return Err(Failure::said(format!("`{to}': Is a directory")));
        }
        Some(_) if !shell.has("f") => return Err(exists(to)),
        there => there.is_some(),
    };
    let copying = format!("{to}{COPYING}");
    let options = CreateOptions {
        overwrite: true,
        create_parent: false,
        ..CreateOptions::default()
    };
    let file = shell.client.create(&copying, options).map_err(|e| {
        match e.refusal() {
            Some(FsError::AlreadyBeingCreated { path, holder }) => Failure::said(format!(
                "`{path}': is being written by {holder}; if that was interrupted, delete it with -rm"
            )),
            _ => dfs(&e),
        }
    })?;
    let copied = put_copying(file, from, name, len).and_then(|()| {
        if replaced {
            shell.client.delete(to, false).map_err(|e| dfs(&e))?;
        }
        shell.client.rename(&copying, to).map_err(|e| dfs(&e))
    });
    if copied.is_err() {
        // Whatever it was that failed, this may fail for the same reason.
        let _ = shell.client.delete(&copying, false);
    }
    copied
}

fn put_copying(
    mut file: DfsOutputStream,
    from: &mut dyn Read,
    name: &str,
    len: Option<u64>,
) -> Result<(), Failure> {
    match copy(from, &mut file, name, len) {
        Ok(_) => file.close().map_err(|e| dfs(&e)),
        Err(CopyError::From(error)) => Err(local(Path::new(name), &error)),
        Err(CopyError::To(error)) => Err(Failure::said(error.to_string())),
    }
}

pub(super) fn get(shell: &mut Shell<'_>, words: &[String]) -> Result<(), Failure> {
    let (sources, to) = match words {
        [source] => (std::slice::from_ref(source), Path::new(".")),
        [sources @ .., to] => (sources, Path::new(to)),
        [] => return Ok(()),
    };
    if sources.len() > 1 && !to.is_dir() {
        return Err(match to.exists() {
            true => Failure::said(format!("`{}': Is not a directory", to.display())),
            false => no_such(to.display()),
        });
    }
    for source in sources {
        shell.each(source, |shell, item| {
            let target = match to.is_dir() {
                true => to.join(paths::name(&item.path)),
                false => to.to_owned(),
            };
            get_tree(shell, &item, &target)
        })?;
    }
    Ok(())
}

fn get_tree(shell: &mut Shell<'_>, from: &FileStatus, to: &Path) -> Result<(), Failure> {
    if !from.is_directory {
        return get_file(shell, from, to);
    }
    if !to.is_dir() {
        fs::create_dir(to).map_err(|e| local(to, &e))?;
    }
    for entry in shell.client.list(&from.path).map_err(|e| dfs(&e))? {
        let entry = entry.map_err(|e| dfs(&e))?;
        let target = to.join(paths::name(&entry.path));
        shell.attempt(|shell| get_tree(shell, &entry, &target))?;
    }
    Ok(())
}

fn get_file(shell: &Shell<'_>, from: &FileStatus, to: &Path) -> Result<(), Failure> {
    if to.is_dir() {
        return Err(Failure::said(format!("`{}': Is a directory", to.display())));
    }
    if to.exists() && !shell.has("f") {
        return Err(exists(to.display()));
    }
    let mut copying = to.as_os_str().to_owned();
    copying.push(COPYING);
    let copying = PathBuf::from(copying);
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    if parent.is_some_and(|parent| !parent.is_dir()) {
        return Err(no_such(to.display()));
    }
    let copied = get_copying(shell, from, &copying)
        .and_then(|()| fs::rename(&copying, to).map_err(|e| local(to, &e)));
    if copied.is_err() {
        // It may not even have been made.
        let _ = fs::remove_file(&copying);
    }
    copied
}

fn get_copying(shell: &Shell<'_>, from: &FileStatus, copying: &Path) -> Result<(), Failure> {
    let mut file = shell.client.open(&from.path).map_err(|e| dfs(&e))?;
    let expected = file.len();
    let mut target = File::create(copying).map_err(|e| local(copying, &e))?;
    match copy(&mut file, &mut target, &from.path, Some(expected)) {
        Ok(copied) if copied == expected => Ok(()),
        Ok(copied) => Err(Failure::said(format!(
            "`{}': ended after {copied} of {expected} bytes",
            from.path
        ))),
        Err(CopyError::From(error)) => Err(Failure::said(error.to_string())),
        Err(CopyError::To(error)) => Err(local(copying, &error)),
    }
}
