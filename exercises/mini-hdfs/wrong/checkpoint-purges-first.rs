//! Room is made before the new image is written, as if it were there already: a crash in between leaves one image fewer, and a damaged one may be the last.
//! caught-by: checkpoint::a_checkpoint_purges_for_an_image_only_once_it_is_there

pub fn checkpoint(config: &Config, disk: &mut dyn Disk) -> Result<TxId, StorageError> {
    let replayed = replay(disk, false)?;
    if replayed.image.txid > replayed.base {
        purge(config.checkpoints_retained - 1, &replayed.damaged, disk)?;
        write_image(&replayed.image, disk)?;
    }
    Ok(replayed.image.txid)
}
