//! Renames what is not on the disk yet: after a power cut the name is there, and the bytes are not.
//! caught-by: snapshot::when_it_returns_it_is_on_the_disk

pub fn install(disk: &mut dyn Disk, file: &str) -> Result<Meta, WalError> {
    let meta = verify(disk, file)?;
    disk.rename(file, &meta.file())?;
    disk.sync_dir(DIR)?;
    let mut older = files(disk)?;
    older.pop();
    for file in older {
        disk.remove(&file)?;
    }
    Ok(meta)
}
