//! Asks first whether it is too late, reads chunk after chunk, and removes by name what is older.

pub fn install(disk: &mut dyn Disk, file: &str) -> Result<Meta, WalError> {
    let (meta, mut reader) = Reader::open(disk, file)?;
    while reader.next(disk)?.is_some() {}
    let name = meta.file();
    if newest(disk)?.is_some_and(|newest| newest > name) {
        disk.remove(file)?;
        return Ok(meta);
    }
    disk.sync(file)?;
    disk.rename(file, &name)?;
    disk.sync_dir(DIR)?;
    let older: Vec<String> = files(disk)?.into_iter().filter(|file| *file < name).collect();
    older.iter().try_for_each(|file| disk.remove(file))?;
    Ok(meta)
}
