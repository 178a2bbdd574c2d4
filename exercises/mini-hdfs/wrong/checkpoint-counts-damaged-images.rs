//! Damaged images count among those to be kept: of two kept one is good, and then that one is all there is.
//! caught-by: checkpoint::damaged_images_go_and_do_not_count

pub fn purge(retained: usize, damaged: &[TxId], disk: &mut dyn Disk) -> Result<(), StorageError> {
    let inventory = Inventory::take(disk)?;
    let good = inventory.images.iter().rev();
    let Some(oldest) = good.take(retained.max(1)).last().copied() else {
        return Ok(());
    };
    let unneeded = |txid: &&TxId| **txid < oldest || damaged.contains(txid);
    for txid in inventory.images.iter().filter(unneeded) {
        disk.remove(&in_current(&image_name(*txid)))?;
    }
    for segment in inventory.finalized.iter().filter(|s| s.last <= oldest) {
        disk.remove(&segment.file())?;
    }
    Ok(disk.sync_dir(CURRENT)?)
}
