//! `-count`, `-df` and `-checksum`: figures of trees, of the file system, and of files.

use super::super::format::human;
use super::super::paths;
use super::{Failure, Shell};

/// `-count`'s columns, each as wide as Hadoop makes it.
pub(super) fn count(shell: &mut Shell<'_>, words: &[String]) -> Result<(), Failure> {
    if shell.has("v") {
        writeln!(
            shell.out,
            "{:>12} {:>12} {:>18} PATHNAME",
            "DIR_COUNT", "FILE_COUNT", "CONTENT_SIZE"
        )?;
    }
    for word in words {
        shell.each(word, |shell, item| {
            let summary = shell.client.content_summary(&item.path)?;
            let len = match shell.has("h") {
                true => human(summary.len),
                false => summary.len.to_string(),
            };
            let (directories, files) = (summary.directories, summary.files);
            writeln!(
                shell.out,
                "{directories:>12} {files:>12} {len:>18} {}",
                item.path
            )?;
            Ok(())
        })?;
    }
    Ok(())
}

pub(super) fn df(shell: &mut Shell<'_>, words: &[String]) -> Result<(), Failure> {
    for word in words {
        if shell.client.stat(&paths::absolute(word))?.is_none() {
            return Err(Failure::said(format!(
                "`{word}': No such file or directory"
            )));
        }
    }
    let status = shell.client.status()?;
    let size = |bytes: u64| match shell.has("h") {
        true => human(bytes),
        false => bytes.to_string(),
    };
    let used = 100 * u128::from(status.dfs_used) / u128::from(status.capacity.max(1));
    let row = [
        format!("hdfs://{}", shell.client.settings().name_node),
        size(status.capacity),
        size(status.dfs_used),
        size(status.remaining),
        format!("{used}%"),
    ];
    let head = ["Filesystem", "Size", "Used", "Available", "Use%"].map(str::to_owned);
    let widths: Vec<usize> = head
        .iter()
        .zip(&row)
        .map(|(a, b)| a.len().max(b.len()))
        .collect();
    for [system, cells @ ..] in [&head, &row] {
        write!(shell.out, "{system:<0$}", widths[0])?;
        for (cell, width) in cells.iter().zip(&widths[1..]) {
            write!(shell.out, "  {cell:>width$}")?;
        }
        writeln!(shell.out)?;
    }
    Ok(())
}

pub(super) fn checksum(shell: &mut Shell<'_>, words: &[String]) -> Result<(), Failure> {
    for word in words {
        shell.each(word, |shell, item| {
            if item.is_directory {
                return Err(Failure::said(format!("`{}': Is a directory", item.path)));
            }
            let checksum = shell.client.checksum(&item.path)?;
            writeln!(
                shell.out,
                "{}\t{}\t{checksum}",
                item.path,
                checksum.algorithm()
            )?;
            Ok(())
        })?;
    }
    Ok(())
}
