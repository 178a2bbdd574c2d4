//! Removes the rest of a failed attempt rather than cutting it, purges segments before images, and asks again which images are good.

pub fn write_whole(
    file: &str,
    disk: &mut dyn Disk,
    write: &dyn Fn(&str, &mut dyn Disk) -> Result<(), DiskError>,
) -> Result<(), DiskError> {
    let temporary = format!("{file}{TEMPORARY}");
    if disk.exists(&temporary) {
        disk.remove(&temporary)?;
    }
    write(&temporary, disk)?;
    disk.sync(&temporary)?;
    disk.sync_dir(directory_of(file))?;
    disk.rename(&temporary, file)?;
    disk.sync_dir(directory_of(file))
}

pub fn purge(retained: usize, damaged: &[TxId], disk: &mut dyn Disk) -> Result<(), StorageError> {
    let Inventory {
        mut images,
        finalized,
        ..
    } = Inventory::take(disk)?;
    let bad: Vec<TxId> = images
        .extract_if(.., |txid| damaged.contains(txid))
        .collect();
    if images.is_empty() {
        return Ok(());
    }
    let kept = images.split_off(images.len() - retained.clamp(1, images.len()));
    let covered = finalized
        .into_iter()
        .filter(|segment| segment.last <= kept[0]);
    let old = images.into_iter().chain(bad);
    let old = old.map(|txid| in_current(&image_name(txid)));
    for file in covered.map(Segment::file).chain(old) {
        disk.remove(&file)?;
    }
    disk.sync_dir(CURRENT)?;
    Ok(())
}

pub fn checkpoint(config: &Config, disk: &mut dyn Disk) -> Result<TxId, StorageError> {
    let before = replay(disk, false)?;
    if before.image.txid != before.base {
        write_image(&before.image, disk)?;
    }
    let now = replay(disk, false)?;
    purge(config.checkpoints_retained, &now.damaged, disk)?;
    Ok(now.base)
}
