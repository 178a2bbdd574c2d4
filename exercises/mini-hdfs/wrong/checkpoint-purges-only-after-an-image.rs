//! Nothing is purged where no image was to be written: what a crash left between image and purge stays for ever.
//! caught-by: checkpoint::a_checkpoint_purges_what_an_earlier_one_left

pub fn checkpoint(config: &Config, disk: &mut dyn Disk) -> Result<TxId, StorageError> {
    let replayed = replay(disk, false)?;
    let mut damaged = replayed.damaged;
    if replayed.image.txid > replayed.base {
        write_image(&replayed.image, disk)?;
        damaged.retain(|txid| *txid != replayed.image.txid);
        purge(config.checkpoints_retained, &damaged, disk)?;
    }
    Ok(replayed.image.txid)
}
