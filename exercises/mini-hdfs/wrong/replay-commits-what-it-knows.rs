//! The block is committed with the length that is known, 0, not with the one that the op says: after a restart the file is empty.
//! caught-by: replay::a_new_block_commits_the_one_before

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
        Some(info) if info.state == BlockState::UnderConstruction => {
            blocks.update(info.block, BlockState::Committed);
            Ok(())
        }
        Some(info) if info.block != block => refuse("it was committed otherwise"),
        Some(_) => Ok(()),
    }
}
