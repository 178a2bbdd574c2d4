//! Whatever the op names is under construction again: a block that was committed loses its final length.
//! caught-by: replay::update_blocks_leaves_the_state_of_those_that_stay

fn update_blocks(
    file: &mut FileInode,
    updated: &[Block],
    blocks: &mut BlocksMap,
) -> Result<Vec<BlockInfo>, FsError> {
    for block in updated {
        if blocks.get(block.id).is_none() {
            return Err(FsError::InvalidArgument(format!("{block} is unknown")));
        }
        blocks.update(*block, BlockState::UnderConstruction);
    }
    let ids: Vec<BlockId> = updated.iter().map(|block| block.id).collect();
    let mut removed = Vec::new();
    for id in &file.blocks {
        if !ids.contains(id) {
            removed.extend(blocks.remove(*id));
        }
    }
    file.blocks = ids.into();
    Ok(removed)
}
