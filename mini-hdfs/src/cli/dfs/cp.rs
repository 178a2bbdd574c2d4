//! `-cp`: copies within the file system. The bytes come to this machine and go back, as with Hadoop's.

use mini_hdfs::protocol::FileStatus;

use super::super::{paths, reason};
use super::copy::{no_such, put_file};
use super::{Failure, Shell};

pub(super) fn cp(shell: &mut Shell<'_>, words: &[String]) -> Result<(), Failure> {
    let Some((to, sources)) = words.split_last() else {
        return Ok(());
    };
    let path = paths::absolute(to);
    let target = shell.client.stat(&path)?;
    let into = target.as_ref().is_some_and(|target| target.is_directory);
    if sources.len() > 1 && !into {
        return Err(match target {
            Some(_) => Failure::said(format!("`{to}': Is not a directory")),
            None => no_such(to),
        });
    }
    for source in sources {
        shell.each(source, |shell, item| {
            let target = match into {
                true => paths::join(&path, paths::name(&item.path)),
                false => path.clone(),
            };
            let inside = format!("{}/", item.path.trim_end_matches('/'));
            if item.is_directory && (target == item.path || target.starts_with(&inside)) {
                let why = format!("`{target}': is a subdirectory of `{}'", item.path);
                return Err(Failure::said(why));
            }
            cp_tree(shell, &item, &target)
        })?;
    }
    Ok(())
}

fn cp_tree(shell: &mut Shell<'_>, from: &FileStatus, to: &str) -> Result<(), Failure> {
    let dfs = |error| Failure::said(reason(&error));
    if !from.is_directory {
        if from.path == to {
            let why = format!("`{to}': and `{to}' are the same file");
            return Err(Failure::said(why));
        }
        let mut file = shell.client.open(&from.path).map_err(dfs)?;
        let len = Some(file.len());
        put_file(shell, &mut file, &from.path, to, len)?;
        return keep(shell, from, to);
    }
    match shell.client.stat(to).map_err(dfs)? {
        Some(status) if !status.is_directory => {
            return Err(Failure::said(format!("`{to}': Is not a directory")));
        }
        Some(_) => {}
        None => {
            shell.client.mkdirs(to, false).map_err(dfs)?;
            keep(shell, from, to)?;
        }
    }
    for entry in shell.client.list(&from.path).map_err(dfs)? {
        let entry = entry.map_err(dfs)?;
        let target = paths::join(to, paths::name(&entry.path));
        shell.attempt(|shell| cp_tree(shell, &entry, &target))?;
    }
    Ok(())
}

/// With `-p`, the copy gets owner, group and mode of the original.
fn keep(shell: &Shell<'_>, from: &FileStatus, to: &str) -> Result<(), Failure> {
    if !shell.has("p") {
        return Ok(());
    }
    let kept = &from.permission;
    let (owner, group) = (Some(kept.owner.as_str()), Some(kept.group.as_str()));
    let client = &shell.client;
    (client.set_permission(to, kept.mode))
        .and_then(|()| client.set_owner(to, owner, group))
        .map_err(|e| Failure::said(reason(&e)))
}
