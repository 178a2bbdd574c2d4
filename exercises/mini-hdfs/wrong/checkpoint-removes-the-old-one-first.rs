//! The old file is removed to make room for the new name: a crash between the two leaves none.
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
    disk.sync(&temporary)?;
    if disk.exists(file) {
        disk.remove(file)?;
        disk.sync_dir(directory_of(file))?;
    }
    disk.rename(&temporary, file)?;
    disk.sync_dir(directory_of(file))
}
