//! The bytes are durable but the name is not: after a power failure the image is gone, and the segments that it replaced with it.
//! caught-by: checkpoint::a_file_that_was_written_is_durable

pub fn write_whole(
    file: &str,
    disk: &mut dyn Disk,
    write: &dyn Fn(&str, &mut dyn Disk) -> Result<(), DiskError>,
) -> Result<(), DiskError> {
    let temporary = format!("{file}{TEMPORARY}");
    if disk.exists(&temporary) {
        disk.truncate(&temporary, 0)?;
    }
    write(&temporary, disk)?;
    disk.sync(&temporary)?;
    disk.rename(&temporary, file)
}
