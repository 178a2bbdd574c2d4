//! What a failed attempt left is written over, not cut off: the end of the old file follows the new one, and the image counts as damaged.
//! caught-by: checkpoint::the_rest_of_a_failed_write_does_no_harm

pub fn write_whole(
    file: &str,
    disk: &mut dyn Disk,
    write: &dyn Fn(&str, &mut dyn Disk) -> Result<(), DiskError>,
) -> Result<(), DiskError> {
    let temporary = format!("{file}{TEMPORARY}");
    write(&temporary, disk)?;
    disk.sync(&temporary)?;
    disk.rename(&temporary, file)?;
    disk.sync_dir(directory_of(file))
}
