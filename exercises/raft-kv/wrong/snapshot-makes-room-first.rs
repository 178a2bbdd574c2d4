//! Removes the old one before the new one has its name: a crash in between leaves none.
//! caught-by: snapshot::a_crash_leaves_the_old_one_or_the_new_one

pub fn install(disk: &mut dyn Disk, file: &str) -> Result<Meta, WalError> {
    let meta = verify(disk, file)?;
    disk.sync(file)?;
    let installed = meta.file();
    if newest(disk)?.is_some_and(|newest| newest > installed) {
        disk.remove(file)?;
        return Ok(meta);
    }
    for file in files(disk)? {
        disk.remove(&file)?;
    }
    disk.rename(file, &installed)?;
    disk.sync_dir(DIR)?;
    Ok(meta)
}
