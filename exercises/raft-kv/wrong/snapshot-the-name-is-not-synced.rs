//! Does not sync the directory: after a power cut the new name may not be there.
//! caught-by: snapshot::when_it_returns_it_is_on_the_disk

pub fn install(disk: &mut dyn Disk, file: &str) -> Result<Meta, WalError> {
    let meta = verify(disk, file)?;
    disk.sync(file)?;
    disk.rename(file, &meta.file())?;
    let mut older = files(disk)?;
    older.pop();
    for file in older {
        disk.remove(&file)?;
    }
    Ok(meta)
}
