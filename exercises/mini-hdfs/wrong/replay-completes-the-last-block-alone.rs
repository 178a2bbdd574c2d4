//! Closing completes the last block alone: those before it stay committed, and nobody ever copies them when they lose a replica.
//! caught-by: replay::closing_makes_all_blocks_complete

fn complete_blocks(
    file: &FileInode,
    last: Option<Block>,
    blocks: &mut BlocksMap,
) -> Result<(), FsError> {
    commit_last(file, last, blocks)?;
    if let Some(block) = last {
        blocks.update(block, BlockState::Complete);
    }
    Ok(())
}
