//! Where no image is to be retained, none is: the file system is gone.
//! caught-by: checkpoint::the_newest_images_are_kept

pub fn purge(retained: usize, damaged: &[TxId], disk: &mut dyn Disk) -> Result<(), StorageError> {
    let inventory = Inventory::take(disk)?;
    let good = inventory.images.iter().rev();
    let good: Vec<TxId> = good
        .filter(|txid| !damaged.contains(txid))
        .copied()
        .collect();
    if good.is_empty() {
        return Ok(());
    }
    let kept = &good[..retained.min(good.len())];
    for txid in inventory.images.iter().filter(|txid| !kept.contains(txid)) {
        disk.remove(&in_current(&image_name(*txid)))?;
    }
    let oldest = kept.last().copied().unwrap_or(good[0]);
    for segment in inventory.finalized.iter().filter(|s| s.last <= oldest) {
        disk.remove(&segment.file())?;
    }
    Ok(disk.sync_dir(CURRENT)?)
}
