//! The files of a partition's directory, and the small ones that have to be there whole or not at all (`CheckpointFile`).
//!
//! ```text
//! 00000000000000000042.log         a segment: batches from offset 42 on
//! 00000000000000000042.index       its sparse indexes
//! 00000000000000000042.timeindex
//! 00000000000000000042.snapshot    what was known of producers when the log ended at 42
//! leader-epoch-checkpoint          where each leader epoch began
//! partition-checkpoint             log start offset, recovery point, how far compaction has got
//! *.log.cleaned, *.log.swap        a compacted segment, unfinished and finished
//! ```
//!
//! Kafka keeps the offsets of all partitions of a disk in files of that disk. Here each partition has its own, so that it can
//! be understood, and simulated, alone.

use std::fmt::Write as _;
use std::str::FromStr;

use node::{Disk, DiskError, DiskErrorKind};

use super::leader_epoch::{EpochEntry, LeaderEpochs};

/// The batches of a segment.
pub const LOG: &str = ".log";
/// Its offset index.
pub const INDEX: &str = ".index";
/// Its time index.
pub const TIME_INDEX: &str = ".timeindex";
/// A snapshot of producers' states.
pub const SNAPSHOT: &str = ".snapshot";
/// A compacted segment that is being written.
pub const CLEANED: &str = ".log.cleaned";
/// A compacted segment, whole, that is about to take the place of others.
pub const SWAP: &str = ".log.swap";

const EPOCHS_FILE: &str = "leader-epoch-checkpoint";
const OFFSETS_FILE: &str = "partition-checkpoint";
const CHECKPOINT_VERSION: &str = "0";

/// The path of the file that begins with `offset`: twenty digits, so that names sort as offsets do.
pub fn path(dir: &str, offset: i64, suffix: &str) -> String {
    format!("{dir}/{offset:020}{suffix}")
}

/// The offset that a file name begins with, if it is one of those with this suffix.
pub fn offset_of(name: &str, suffix: &str) -> Option<i64> {
    let digits = name.strip_suffix(suffix)?;
    let is_offset = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_offset)
}

/// Removes a file, if it is there.
///
/// # Errors
/// The disk's.
pub fn remove_if_present(disk: &mut dyn Disk, file: &str) -> Result<(), DiskError> {
    match disk.remove(file) {
        Err(error) if error.kind == DiskErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Writes a whole new file of this name in the place of one that may be there; it is not synced.
///
/// # Errors
/// The disk's.
pub fn write_over(disk: &mut dyn Disk, file: &str, bytes: &[u8]) -> Result<(), DiskError> {
    disk.write_at(file, 0, bytes)?;
    disk.truncate(file, bytes.len() as u64)
}

/// A file's bytes, or none where it is not there.
///
/// # Errors
/// The disk's.
pub fn read_if_present(disk: &dyn Disk, file: &str) -> Result<Option<Vec<u8>>, DiskError> {
    match disk.read(file) {
        Err(error) if error.kind == DiskErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// Makes `dir/name` a checkpoint of these lines, at once and for ever: a crash leaves the old one or the new one.
fn write_checkpoint(
    disk: &mut dyn Disk,
    dir: &str,
    name: &str,
    lines: &[(String, i64)],
) -> Result<(), DiskError> {
    let mut text = format!("{CHECKPOINT_VERSION}\n{}\n", lines.len());
    for (key, value) in lines {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{key} {value}");
    }
    let (file, temporary) = (format!("{dir}/{name}"), format!("{dir}/{name}.tmp"));
    write_over(disk, &temporary, text.as_bytes())?;
    disk.sync(&temporary)?;
    disk.rename(&temporary, &file)?;
    disk.sync_dir(dir)
}

/// The lines of a checkpoint; none where it is not there, or not one.
fn read_checkpoint<K: FromStr>(
    disk: &dyn Disk,
    dir: &str,
    name: &str,
) -> Result<Option<Vec<(K, i64)>>, DiskError> {
    let bytes = read_if_present(disk, &format!("{dir}/{name}"))?;
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    Ok(text.and_then(|text| parse_checkpoint(&text)))
}

fn parse_checkpoint<K: FromStr>(text: &str) -> Option<Vec<(K, i64)>> {
    let mut lines = text.lines();
    if lines.next()? != CHECKPOINT_VERSION {
        return None;
    }
    let count: usize = lines.next()?.parse().ok()?;
    let entries: Option<Vec<(K, i64)>> = lines
        .map(|line| {
            let (key, value) = line.split_once(' ')?;
            Some((key.parse().ok()?, value.parse().ok()?))
        })
        .collect();
    entries.filter(|entries| entries.len() == count)
}

/// Reads the leader epochs; none where the file is missing or damaged.
///
/// # Errors
/// The disk's.
pub fn read_epochs(disk: &dyn Disk, dir: &str) -> Result<Option<LeaderEpochs>, DiskError> {
    let lines = read_checkpoint(disk, dir, EPOCHS_FILE)?;
    let entries = lines.map(|lines| {
        (lines.into_iter())
            .map(|(epoch, start_offset)| EpochEntry {
                epoch,
                start_offset,
            })
            .collect()
    });
    Ok(entries.and_then(LeaderEpochs::new))
}

/// Writes the leader epochs; they are durable on return.
///
/// # Errors
/// The disk's.
pub fn write_epochs(
    disk: &mut dyn Disk,
    dir: &str,
    epochs: &LeaderEpochs,
) -> Result<(), DiskError> {
    let lines: Vec<(String, i64)> = (epochs.entries().iter())
        .map(|entry| (entry.epoch.to_string(), entry.start_offset))
        .collect();
    write_checkpoint(disk, dir, EPOCHS_FILE, &lines)
}

/// Offsets that have to survive a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offsets {
    /// Records before it are deleted, though their segment may still be there.
    pub log_start: i64,
    /// All before it is durable and needs no look after a crash.
    pub recovery_point: i64,
    /// Where compaction goes on: all before it was compacted (`cleaner-offset-checkpoint`).
    pub cleaned_to: i64,
}

/// Reads the offsets; none where the file is missing or damaged.
///
/// # Errors
/// The disk's.
pub fn read_offsets(disk: &dyn Disk, dir: &str) -> Result<Option<Offsets>, DiskError> {
    let Some(lines) = read_checkpoint::<String>(disk, dir, OFFSETS_FILE)? else {
        return Ok(None);
    };
    let mut offsets = Offsets::default();
    for (name, value) in lines {
        match name.as_str() {
            "log-start-offset" => offsets.log_start = value,
            "recovery-point-offset" => offsets.recovery_point = value,
            "cleaner-offset" => offsets.cleaned_to = value,
            _ => {}
        }
    }
    Ok(Some(offsets))
}

/// Writes the offsets; they are durable on return.
///
/// # Errors
/// The disk's.
pub fn write_offsets(disk: &mut dyn Disk, dir: &str, offsets: Offsets) -> Result<(), DiskError> {
    let lines = [
        ("log-start-offset".to_owned(), offsets.log_start),
        ("recovery-point-offset".to_owned(), offsets.recovery_point),
        ("cleaner-offset".to_owned(), offsets.cleaned_to),
    ];
    write_checkpoint(disk, dir, OFFSETS_FILE, &lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use node::MemDisk;

    #[test]
    fn names_are_offsets_of_twenty_digits() {
        assert_eq!(path("t-0", 42, LOG), "t-0/00000000000000000042.log");
        assert_eq!(offset_of("00000000000000000042.log", LOG), Some(42));
        for name in [
            "42.log",
            "00000000000000000042.index",
            "+0000000000000000042.log",
            "99999999999999999999.log",
        ] {
            assert_eq!(offset_of(name, LOG), None, "{name}");
        }
    }

    #[test]
    fn checkpoints_are_read_as_they_were_written_and_a_damaged_one_is_none() {
        let mut disk = MemDisk::default();
        assert_eq!(read_offsets(&disk, "t-0"), Ok(None));
        let offsets = Offsets {
            log_start: 1,
            recovery_point: 3,
            cleaned_to: 2,
        };
        write_offsets(&mut disk, "t-0", offsets).unwrap();
        assert_eq!(read_offsets(&disk, "t-0"), Ok(Some(offsets)));
        let mut epochs = LeaderEpochs::default();
        epochs.assign(3, 0);
        epochs.assign(5, 17);
        write_epochs(&mut disk, "t-0", &epochs).unwrap();
        assert_eq!(
            disk.files["t-0/leader-epoch-checkpoint"],
            b"0\n2\n3 0\n5 17\n"
        );
        assert_eq!(read_epochs(&disk, "t-0"), Ok(Some(epochs)));
        for text in [
            "",
            "1\n0\n",
            "0\n2\n3 0\n",
            "0\n2\n5 0\n3 17\n",
            "0\n1\n3\n",
        ] {
            let bytes = text.as_bytes().to_vec();
            disk.files
                .insert("t-0/leader-epoch-checkpoint".into(), bytes);
            assert_eq!(read_epochs(&disk, "t-0"), Ok(None), "{text:?}");
        }
    }
}
