//! The file is written under its final name: a crash in the middle leaves half of it, where a whole one was.
//! caught-by: checkpoint::a_file_appears_whole_or_not_at_all

pub fn write_whole(
    file: &str,
    disk: &mut dyn Disk,
    write: &dyn Fn(&str, &mut dyn Disk) -> Result<(), DiskError>,
) -> Result<(), DiskError> {
    if disk.exists(file) {
        disk.truncate(file, 0)?;
    }
    write(file, disk)?;
    disk.sync(file)?;
    disk.sync_dir(directory_of(file))
}
