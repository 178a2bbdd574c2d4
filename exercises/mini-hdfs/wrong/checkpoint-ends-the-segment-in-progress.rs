//! Edits are merged that are still in the segment in progress: what is in the image may be cut off the log as a torn tail.
//! caught-by: checkpoint::a_checkpoint_reaches_to_the_end_of_the_finished_segments

pub fn checkpoint(config: &Config, disk: &mut dyn Disk) -> Result<TxId, StorageError> {
    let replayed = replay(disk, true)?;
    let mut damaged = replayed.damaged;
    if replayed.image.txid > replayed.base {
        write_image(&replayed.image, disk)?;
        damaged.retain(|txid| *txid != replayed.image.txid);
    }
    purge(config.checkpoints_retained, &damaged, disk)?;
    Ok(replayed.image.txid)
}
