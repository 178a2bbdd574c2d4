//! All segments go that the newest image holds: when that one is found damaged, the older one has no log to follow it.
//! caught-by: checkpoint::segments_are_kept_that_the_oldest_image_kept_needs

pub fn purge(retained: usize, damaged: &[TxId], disk: &mut dyn Disk) -> Result<(), StorageError> {
    let inventory = Inventory::take(disk)?;
    let good = inventory.images.iter().rev();
    let good = good.filter(|txid| !damaged.contains(txid));
    let Some(oldest) = good.take(retained.max(1)).last().copied() else {
        return Ok(());
    };
    let newest = inventory.images.iter().rev();
    let newest = newest.filter(|txid| !damaged.contains(txid)).max();
    let newest = newest.copied().unwrap_or(oldest);
    let unneeded = |txid: &&TxId| **txid < oldest || damaged.contains(txid);
    for txid in inventory.images.iter().filter(unneeded) {
        disk.remove(&in_current(&image_name(*txid)))?;
    }
    for segment in inventory.finalized.iter().filter(|s| s.last <= newest) {
        disk.remove(&segment.file())?;
    }
    Ok(disk.sync_dir(CURRENT)?)
}
