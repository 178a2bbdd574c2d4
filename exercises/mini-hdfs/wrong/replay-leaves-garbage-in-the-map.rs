//! A block that is given up leaves the file but not the blocks map: it belongs to nobody, its replicas are never deleted, and safe mode waits for it.
//! caught-by: replay::update_blocks_gives_the_last_block_up_or_a_new_generation

fn update_blocks(
    file: &mut FileInode,
    updated: &[Block],
    blocks: &mut BlocksMap,
) -> Result<Vec<BlockInfo>, FsError> {
    for block in updated {
        let Some(info) = blocks.get(block.id) else {
            return Err(FsError::InvalidArgument(format!("{block} is unknown")));
        };
        blocks.update(*block, info.state);
    }
    let ids: Vec<BlockId> = updated.iter().map(|block| block.id).collect();
    file.blocks = ids.into();
    Ok(Vec::new())
}
