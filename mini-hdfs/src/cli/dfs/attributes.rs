//! `-chmod`, `-chown`, `-chgrp`, `-touchz` and `-test`: what belongs to a file besides its bytes.

use mini_hdfs::protocol::FileStatus;
use mini_hdfs::server::dfs_client::CreateOptions;

use super::super::mode_change::ModeChange;
use super::super::{paths, reason};
use super::{Failure, Shell};

pub(super) fn chmod(shell: &mut Shell<'_>, words: &[String]) -> Result<(), Failure> {
    let [change, words @ ..] = words else {
        return Ok(());
    };
    let change = ModeChange::parse(change).map_err(Failure::Usage)?;
    for word in words {
        each_below(shell, word, &mut |shell, item| {
            let mode = change.apply(item.permission.mode, item.is_directory);
            let changed = shell.client.set_permission(&item.path, mode);
            changed.map_err(|e| Failure::said(reason(&e)))
        })?;
    }
    Ok(())
}

/// `OWNER`, `OWNER:GROUP`, `OWNER:` or `:GROUP`.
pub(super) fn chown(shell: &mut Shell<'_>, words: &[String]) -> Result<(), Failure> {
    let [who, words @ ..] = words else {
        return Ok(());
    };
    let (owner, group) = who.split_once(':').unwrap_or((who, ""));
    let owner = Some(owner).filter(|name| !name.is_empty());
    let group = Some(group).filter(|name| !name.is_empty());
    change_owner(shell, owner, group, who, words)
}

pub(super) fn chgrp(shell: &mut Shell<'_>, words: &[String]) -> Result<(), Failure> {
    let [group, words @ ..] = words else {
        return Ok(());
    };
    change_owner(shell, None, Some(group), group, words)
}

fn change_owner(
    shell: &mut Shell<'_>,
    owner: Option<&str>,
    group: Option<&str>,
    word: &str,
    words: &[String],
) -> Result<(), Failure> {
    let is_name = |name: &str| {
        let may = |c: char| c.is_alphanumeric() || "-_./@".contains(c);
        !name.is_empty() && name.chars().all(may)
    };
    let mut names = owner.into_iter().chain(group).peekable();
    if names.peek().is_none() || !names.all(is_name) {
        let why = format!("'{word}' does not match the expected pattern for [owner][:group].");
        return Err(Failure::Usage(why));
    }
    for word in words {
        each_below(shell, word, &mut |shell, item| {
            let changed = shell.client.set_owner(&item.path, owner, group);
            changed.map_err(|e| Failure::said(reason(&e)))
        })?;
    }
    Ok(())
}

type Act<'a> = &'a mut dyn FnMut(&mut Shell<'_>, &FileStatus) -> Result<(), Failure>;

/// Does something to what the word stands for and, with `-R`, to all below it, whatever fails of it.
fn each_below(shell: &mut Shell<'_>, word: &str, act: Act<'_>) -> Result<(), Failure> {
    shell.each(word, |shell, item| below(shell, &item, act))
}

fn below(shell: &mut Shell<'_>, item: &FileStatus, act: Act<'_>) -> Result<(), Failure> {
    // Before what is below it, as Hadoop does.
    shell.attempt(|shell| act(shell, item))?;
    if item.is_directory && shell.has("R") {
        for entry in shell.client.list(&item.path)? {
            let entry = entry?;
            shell.attempt(|shell| below(shell, &entry, act))?;
        }
    }
    Ok(())
}

pub(super) fn touchz(shell: &mut Shell<'_>, words: &[String]) -> Result<(), Failure> {
    for word in words {
        shell.attempt(|shell| {
            let path = paths::absolute(word);
            match shell.client.stat(&path)? {
                Some(there) if there.is_directory => {
                    return Err(Failure::said(format!("`{word}': Is a directory")));
                }
                Some(there) if there.len > 0 => {
                    return Err(Failure::said(format!("`{word}': Not a zero-length file")));
                }
                _ => {}
            }
            let options = CreateOptions {
                overwrite: true,
                create_parent: false,
                ..CreateOptions::default()
            };
            let made = shell.client.create(&path, options);
            let closed = made.and_then(|file| file.close());
            closed.map_err(|e| Failure::said(reason(&e)))
        })?;
    }
    Ok(())
}

/// Answers by the exit code: 0 for yes, 1 for no.
pub(super) fn test(shell: &mut Shell<'_>, words: &[String]) -> Result<(), Failure> {
    let [flag] = shell.flags[..] else {
        let why = "exactly one of the options is needed";
        return Err(Failure::Usage(why.to_owned()));
    };
    let Some(word) = words.first() else {
        return Ok(());
    };
    let found = paths::expand(&shell.client, word)?;
    let yes = found.iter().any(|item| match flag {
        "d" => item.is_directory,
        "f" => !item.is_directory,
        "s" => item.len > 0,
        "z" => !item.is_directory && item.len == 0,
        // Modes are kept and shown, but keep nobody out: what is there can be read and written.
        _ => true,
    });
    shell.failed |= !yes;
    Ok(())
}
