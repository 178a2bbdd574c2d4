//! `-ls`, `-du` and `-stat`.

use mini_hdfs::protocol::FileStatus;

use super::super::format::{Utc, human, mode};
use super::super::paths;
use super::{Failure, Shell};

/// Entries whose columns are made equally wide.
const ALIGNED: usize = 1000;

pub(super) fn ls(shell: &mut Shell<'_>, words: &[String]) -> Result<(), Failure> {
    let home = [".".to_owned()];
    for word in if words.is_empty() { &home } else { words } {
        shell.each(word, |shell, item| {
            if !item.is_directory || shell.has("d") {
                return print(shell, &[item]);
            }
            if item.children > 0 && !shell.has("R") {
                writeln!(shell.out, "Found {} items", item.children)?;
            }
            ls_directory(shell, &item.path)
        })?;
    }
    Ok(())
}

fn ls_directory(shell: &mut Shell<'_>, path: &str) -> Result<(), Failure> {
    let mut entries = shell.client.list(path)?;
    loop {
        let page = entries
            .by_ref()
            .take(ALIGNED)
            .collect::<Result<Vec<_>, _>>()?;
        if page.is_empty() {
            return Ok(());
        }
        if !shell.has("R") {
            print(shell, &page)?;
            continue;
        }
        let widths = Widths::of(&page, shell.has("h"));
        for entry in page {
            print_line(shell, &entry, widths)?;
            if entry.is_directory {
                shell.attempt(|shell| ls_directory(shell, &entry.path))?;
            }
        }
    }
}

fn print(shell: &mut Shell<'_>, entries: &[FileStatus]) -> Result<(), Failure> {
    let widths = Widths::of(entries, shell.has("h"));
    for entry in entries {
        print_line(shell, entry, widths)?;
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Widths {
    owner: usize,
    group: usize,
    len: usize,
}

impl Widths {
    fn of(entries: &[FileStatus], in_units: bool) -> Widths {
        // Hadoop's least widths.
        let mut widths = Widths {
            owner: 0,
            group: 0,
            len: 10,
        };
        for entry in entries {
            widths.owner = widths.owner.max(entry.permission.owner.chars().count());
            widths.group = widths.group.max(entry.permission.group.chars().count());
            widths.len = widths.len.max(size(entry.len, in_units).len());
        }
        widths
    }
}

fn size(bytes: u64, in_units: bool) -> String {
    if in_units {
        human(bytes)
    } else {
        bytes.to_string()
    }
}

fn print_line(shell: &mut Shell<'_>, entry: &FileStatus, widths: Widths) -> Result<(), Failure> {
    let replication = match entry.is_directory {
        true => "-".to_owned(),
        false => entry.replication.to_string(),
    };
    let len = size(entry.len, shell.has("h"));
    writeln!(
        shell.out,
        "{} {replication:>3} {:<owner$} {:<group$} {len:>width$} {} {}",
        mode(entry.is_directory, entry.permission.mode),
        entry.permission.owner,
        entry.permission.group,
        Utc::from_millis(entry.modified_ms).minutes(),
        entry.path,
        owner = widths.owner,
        group = widths.group,
        width = widths.len,
    )?;
    Ok(())
}

pub(super) fn du(shell: &mut Shell<'_>, words: &[String]) -> Result<(), Failure> {
    let home = [".".to_owned()];
    for word in if words.is_empty() { &home } else { words } {
        shell.each(word, |shell, item| {
            let mut rows = Vec::new();
            if item.is_directory && !shell.has("s") {
                for entry in shell.client.list(&item.path)? {
                    rows.push(du_row(shell, &entry?.path)?);
                }
            } else {
                rows.push(du_row(shell, &item.path)?);
            }
            let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
            let (first, second) = (width(0), width(1));
            for [len, space, path] in &rows {
                writeln!(shell.out, "{len:<first$}  {space:<second$}  {path}")?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn du_row(shell: &Shell<'_>, path: &str) -> Result<[String; 3], Failure> {
    let summary = shell.client.content_summary(path)?;
    let in_units = shell.has("h");
    Ok([
        size(summary.len, in_units),
        size(summary.space_consumed, in_units),
        path.to_owned(),
    ])
}

pub(super) fn stat(shell: &mut Shell<'_>, words: &[String]) -> Result<(), Failure> {
    let (format, words) = match words {
        [format, words @ ..] if format.contains('%') => (format.as_str(), words),
        words => ("%y", words),
    };
    if words.is_empty() {
        let why = "Not enough arguments: expected 1 but got 0";
        return Err(Failure::Usage(why.to_owned()));
    }
    for word in words {
        shell.each(word, |shell, item| {
            writeln!(shell.out, "{}", figures(format, &item))?;
            Ok(())
        })?;
    }
    Ok(())
}

fn figures(format: &str, of: &FileStatus) -> String {
    let mut text = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        match rest.next() {
            Some('a') => text += &format!("{:o}", of.permission.mode),
            Some('A') => text += &mode(of.is_directory, of.permission.mode)[1..],
            Some('b') => text += &of.len.to_string(),
            Some('F') if of.is_directory => text += "directory",
            Some('F') => text += "regular file",
            Some('g') => text += &of.permission.group,
            Some('n') => text += paths::name(&of.path),
            Some('o') => text += &of.block_size.to_string(),
            Some('r') => text += &of.replication.to_string(),
            Some('u') => text += &of.permission.owner,
            Some('y') => text += &Utc::from_millis(of.modified_ms).seconds(),
            Some('Y') => text += &of.modified_ms.to_string(),
            // As Hadoop: what is not known stands for itself.
            Some(other) => text.push(other),
            None => text.push('%'),
        }
    }
    text
}
