//! Believes what came: a damaged one takes the place of a good one.
//! caught-by: snapshot::a_damaged_one_is_refused

pub fn install(disk: &mut dyn Disk, file: &str) -> Result<Meta, WalError> {
    let (meta, _) = Reader::open(disk, file)?;
    disk.sync(file)?;
    disk.rename(file, &meta.file())?;
    disk.sync_dir(DIR)?;
    let mut older = files(disk)?;
    older.pop();
    for file in older {
        disk.remove(&file)?;
    }
    Ok(meta)
}
