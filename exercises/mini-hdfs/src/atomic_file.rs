//! A file that is there whole or not at all (`AtomicFileOutputStream`): how images and `VERSION` files are written.

use node::{Disk, DiskError};

/// The end of the name of a file that is not finished. Nobody reads such a file.
pub const TEMPORARY: &str = ".new";

/// The directory that a file is in, as [`Disk`] names it: `""` is the root.
pub fn directory_of(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// Makes `file` appear whole or not at all: whatever crash comes in between, it then has what it had before (or is not
/// there, as before) or all that `write` writes; after the return, the latter for sure. `write` writes to the new, empty
/// file that it is told, beginning at offset 0, and does not sync it. Until then the bytes stand in `file` +
/// [`TEMPORARY`], in the same directory ([`directory_of`]). Such a file may be left over from a crash, and longer than
/// what is to be written now.
///
/// # Errors
/// The disk's.
pub fn write_whole(
    file: &str,
    disk: &mut dyn Disk,
    write: &dyn Fn(&str, &mut dyn Disk) -> Result<(), DiskError>,
) -> Result<(), DiskError> {
    let _ = (file, disk, write);
    todo!("hdfs/checkpoint: a new file gets its name only once its contents are durable.")
}
