//! A block that is committed already is committed anew: whoever says another length is believed, and a replica of the right one counts as corrupt.
//! caught-by: replay::a_committed_block_is_not_committed_otherwise

fn commit_last(
    file: &FileInode,
    last: Option<Block>,
    blocks: &mut BlocksMap,
) -> Result<(), FsError> {
    let refuse = |reason: &str| Err(FsError::InvalidArgument(reason.to_owned()));
    if file.blocks.last().copied() != last.map(|block| block.id) {
        return refuse("it is not the last block");
    }
    let Some(block) = last else {
        return Ok(());
    };
    match blocks.get(block.id) {
        None => refuse("there is no such block"),
        Some(_) => {
            blocks.update(block, BlockState::Committed);
            Ok(())
        }
    }
}
