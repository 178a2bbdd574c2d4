//! The file gets its name before its bytes are durable: after a power failure there is a whole name with half a file behind it.
//! caught-by: checkpoint::a_file_appears_whole_or_not_at_all

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
    disk.rename(&temporary, file)?;
    disk.sync(file)?;
    disk.sync_dir(directory_of(file))
}
