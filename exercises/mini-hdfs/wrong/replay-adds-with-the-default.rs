//! A new block gets three replicas whatever its file should have: after `-setrep 7` the blocks that follow are short of four.
//! caught-by: replay::a_block_has_the_replication_of_its_file

fn add_block(
    file: &mut FileInode,
    inode: InodeId,
    previous: Option<Block>,
    block: Block,
    blocks: &mut BlocksMap,
) -> Result<(), FsError> {
    commit_last(file, previous, blocks)?;
    file.blocks.push(block.id);
    blocks.insert(block, inode, 3, BlockState::UnderConstruction);
    Ok(())
}
