//! Keeps the one that came last, though it may be an older one: what lies between is lost, for the log has it no more.
//! caught-by: snapshot::a_late_one_takes_no_newer_ones_place

pub fn install(disk: &mut dyn Disk, file: &str) -> Result<Meta, WalError> {
    let meta = verify(disk, file)?;
    disk.sync(file)?;
    let installed = meta.file();
    disk.rename(file, &installed)?;
    disk.sync_dir(DIR)?;
    for file in files(disk)? {
        if file != installed {
            disk.remove(&file)?;
        }
    }
    Ok(meta)
}
