//! What `fsck` does about files that have lost a block: it lists them, saves what is left of them, removes them.

use std::io::{Read, Write};

use mini_hdfs::protocol::FsckFile;
use mini_hdfs::server::dfs_client::{CreateOptions, DfsClient, DfsError};

use super::super::{Failure, paths, reason};
use super::{being_written, good};

/// Where `-move` puts what can be saved (`lost+found`).
const LOST_FOUND: &str = "/lost+found";

/// Whether the file has a block of which no good replica is left. A file that is being written has its writer to look after it.
pub(super) fn is_corrupt(file: &FsckFile) -> bool {
    let lost = |block| !being_written(block) && good(block) == 0;
    !file.status.under_construction && file.blocks.iter().any(lost)
}

/// `-list-corruptfileblocks`: each lost block with its file.
pub(super) fn list(client: &DfsClient, path: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let told = |error| Failure::said(format!("fsck: {}", reason(&error)));
    let mut corrupt = 0;
    for file in client.fsck(path).map_err(told)? {
        let file = file.map_err(told)?;
        if !is_corrupt(&file) {
            continue;
        }
        for block in file.blocks.iter().filter(|block| good(block) == 0) {
            if corrupt == 0 {
                writeln!(out, "The list of corrupt files under path '{path}' are:")?;
            }
            corrupt += 1;
            writeln!(out, "{}\t{}", block.block.id, file.status.path)?;
        }
    }
    writeln!(
        out,
        "The filesystem under path '{path}' has {corrupt} CORRUPT files"
    )?;
    match corrupt {
        0 => Ok(()),
        _ => Err(Failure::Failed(None)),
    }
}

/// `-move`: saves what can be read of a corrupt file. Below [`LOST_FOUND`] its path becomes a directory, in which each stretch
/// of blocks between two lost ones is a file: `0`, `1`, …
///
/// The original stays where it is: `-delete` removes it.
pub(super) fn save(
    client: &DfsClient,
    file: &FsckFile,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let path = &file.status.path;
    let directory = paths::join(LOST_FOUND, path.trim_start_matches('/'));
    match save_blocks(client, file, &directory) {
        Ok(0) => writeln!(out, " - no block of {path} can be read; nothing was saved")?,
        Ok(_) => writeln!(
            out,
            " - copied the remaining blocks of {path} to {directory}"
        )?,
        Err(error) => {
            let why = format!("fsck: could not copy {path} to {LOST_FOUND}: {error}");
            return Err(Failure::said(why));
        }
    }
    Ok(())
}

/// Returns how many stretches there are.
fn save_blocks(client: &DfsClient, file: &FsckFile, directory: &str) -> Result<usize, DfsError> {
    let (path, mut offset) = (&file.status.path, 0);
    let mut stretches: Vec<(u64, u64)> = Vec::new();
    for block in &file.blocks {
        let end = offset + block.block.len;
        match stretches.last_mut() {
            _ if good(block) == 0 => {}
            Some((_, until)) if *until == offset => *until = end,
            _ => stretches.push((offset, end)),
        }
        offset = end;
    }
    if stretches.is_empty() {
        return Ok(0);
    }
    client.mkdirs(directory, true)?;
    for (number, (from, until)) in stretches.iter().enumerate() {
        let mut source = client.open(path)?;
        source.set_range(*from, until - from);
        let options = CreateOptions {
            overwrite: true,
            ..CreateOptions::default()
        };
        let mut target = client.create(&paths::join(directory, &number.to_string()), options)?;
        let mut range = source.take(until - from);
        std::io::copy(&mut range, &mut target).map_err(|e| DfsError::Local(e.to_string()))?;
        target.close()?;
    }
    Ok(stretches.len())
}

/// `-delete`: removes a corrupt file, for good.
pub(super) fn delete(client: &DfsClient, path: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let deleted = client.delete(path, false);
    deleted.map_err(|e| Failure::said(format!("fsck: could not delete {path}: {}", reason(&e))))?;
    Ok(writeln!(out, " - deleted corrupt file {path}")?)
}
