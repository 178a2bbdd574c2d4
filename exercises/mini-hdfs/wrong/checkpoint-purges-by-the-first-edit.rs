//! A segment goes as soon as the image holds its first transaction; the rest of it is in no image and in no file.
//! caught-by: checkpoint::segments_are_kept_that_the_oldest_image_kept_needs

pub fn purge(retained: usize, damaged: &[TxId], disk: &mut dyn Disk) -> Result<(), StorageError> {
    let inventory = Inventory::take(disk)?;
    let good = inventory.images.iter().rev();
    let good = good.filter(|txid| !damaged.contains(txid));
    let Some(oldest) = good.take(retained.max(1)).last().copied() else {
        return Ok(());
    };
    let unneeded = |txid: &&TxId| **txid < oldest || damaged.contains(txid);
    for txid in inventory.images.iter().filter(unneeded) {
        disk.remove(&in_current(&image_name(*txid)))?;
    }
    for segment in inventory.finalized.iter().filter(|s| s.first <= oldest) {
        disk.remove(&segment.file())?;
    }
    Ok(disk.sync_dir(CURRENT)?)
}
