//! `-mkdir`, `-mv`, `-rm` and `-setrep`.

use std::thread;
use std::time::Duration;

use mini_hdfs::protocol::FileStatus;

use super::super::{paths, reason};
use super::{Failure, Shell};

/// How often `-setrep -w` looks whether the replicas are there.
const POLL: Duration = Duration::from_millis(500);

pub(super) fn mkdir(shell: &mut Shell<'_>, words: &[String]) -> Result<(), Failure> {
    let parents = shell.has("p");
    for word in words {
        shell.attempt(|shell| {
            let path = paths::absolute(word);
            let there = shell.client.stat(&path)?;
            match there {
                Some(there) if !there.is_directory => {
                    return Err(Failure::said(format!("`{word}': Is not a directory")));
                }
                Some(_) if !parents => return Err(Failure::said(format!("`{word}': File exists"))),
                _ => {}
            }
            if !parents && shell.client.stat(paths::parent(&path))?.is_none() {
                return Err(Failure::said(format!(
                    "`{word}': No such file or directory"
                )));
            }
            let made = shell.client.mkdirs(&path, parents);
            made.map_err(|e| Failure::said(reason(&e)))
        })?;
    }
    Ok(())
}

pub(super) fn rm(shell: &mut Shell<'_>, words: &[String]) -> Result<(), Failure> {
    let recursive = shell.has("r") || shell.has("R");
    for word in words {
        if shell.has("f") {
            match paths::expand(&shell.client, word) {
                Ok(items) if items.is_empty() => continue,
                _ => {}
            }
        }
        shell.each(word, |shell, item| {
            if item.is_directory && !recursive {
                return Err(Failure::said(format!("`{}': Is a directory", item.path)));
            }
            match shell.client.delete(&item.path, recursive) {
                Ok(true) => writeln!(shell.out, "Deleted {}", item.path)?,
                Ok(false) if shell.has("f") => {}
                Ok(false) => {
                    let path = item.path;
                    return Err(Failure::said(format!(
                        "`{path}': No such file or directory"
                    )));
                }
                Err(error) => return Err(Failure::said(reason(&error))),
            }
            Ok(())
        })?;
    }
    Ok(())
}

pub(super) fn mv(shell: &mut Shell<'_>, words: &[String]) -> Result<(), Failure> {
    let Some((to, sources)) = words.split_last() else {
        return Ok(());
    };
    let path = paths::absolute(to);
    let target = shell.client.stat(&path)?;
    let into = target.as_ref().is_some_and(|target| target.is_directory);
    if sources.len() > 1 && !into {
        return Err(Failure::said(match target {
            Some(_) => format!("`{to}': Is not a directory"),
            None => format!("`{to}': No such file or directory"),
        }));
    }
    for source in sources {
        shell.each(source, |shell, item| {
            let moved = shell.client.rename(&item.path, &path);
            moved.map_err(|e| Failure::said(reason(&e)))
        })?;
    }
    Ok(())
}

pub(super) fn setrep(shell: &mut Shell<'_>, words: &[String]) -> Result<(), Failure> {
    let [replication, words @ ..] = words else {
        return Ok(());
    };
    let Some(replication) = replication.parse::<u16>().ok().filter(|r| *r > 0) else {
        let why = "Illegal replication, a positive integer expected";
        return Err(Failure::Usage(why.to_owned()));
    };
    let mut set = Vec::new();
    for word in words {
        shell.each(word, |shell, item| {
            set_below(shell, &item, replication, &mut set)
        })?;
    }
    if shell.has("w") {
        for path in set {
            shell.attempt(|shell| wait(shell, &path, replication))?;
        }
    }
    Ok(())
}

/// Sets it for a file, or for all files below a directory, and adds their paths to `set`.
fn set_below(
    shell: &mut Shell<'_>,
    item: &FileStatus,
    replication: u16,
    set: &mut Vec<String>,
) -> Result<(), Failure> {
    if item.is_directory {
        for entry in shell.client.list(&item.path)? {
            let entry = entry?;
            shell.attempt(|shell| set_below(shell, &entry, replication, set))?;
        }
        return Ok(());
    }
    let done = shell.client.set_replication(&item.path, replication);
    done.map_err(|e| Failure::said(reason(&e)))?;
    writeln!(shell.out, "Replication {replication} set: {}", item.path)?;
    if shell.has("w") {
        set.push(item.path.clone());
    }
    Ok(())
}

fn wait(shell: &mut Shell<'_>, path: &str, replication: u16) -> Result<(), Failure> {
    write!(shell.out, "Waiting for {path} ...")?;
    loop {
        shell.out.flush()?;
        let located = shell.client.block_locations(path, 0, u64::MAX)?;
        let mut blocks = located.blocks.iter();
        if blocks.all(|block| block.locations.len() == usize::from(replication)) {
            writeln!(shell.out, " done")?;
            return Ok(());
        }
        thread::sleep(POLL);
        write!(shell.out, ".")?;
    }
}
