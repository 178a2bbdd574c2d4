//! The image that replaced a damaged one of the same name still counts as damaged, and is removed right after it was written.
//! caught-by: checkpoint::a_checkpoint_does_not_count_a_damaged_image_as_one

pub fn checkpoint(config: &Config, disk: &mut dyn Disk) -> Result<TxId, StorageError> {
    let replayed = replay(disk, false)?;
    if replayed.image.txid > replayed.base {
        write_image(&replayed.image, disk)?;
    }
    purge(config.checkpoints_retained, &replayed.damaged, disk)?;
    Ok(replayed.image.txid)
}
