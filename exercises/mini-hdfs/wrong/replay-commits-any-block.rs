//! Nobody asks whether it is the last block, so that a log which contradicts itself is replayed into a broken file.
//! caught-by: replay::what_contradicts_the_state_is_refused

fn commit_last(
    file: &FileInode,
    last: Option<Block>,
    blocks: &mut BlocksMap,
) -> Result<(), FsError> {
    let refuse = |reason: &str| Err(FsError::InvalidArgument(reason.to_owned()));
    if file.blocks.is_empty() {
        return Ok(());
    }
    let Some(block) = last else {
        return Ok(());
    };
    match blocks.get(block.id) {
        None => refuse("there is no such block"),
        Some(info) if info.state == BlockState::UnderConstruction => {
            blocks.update(block, BlockState::Committed);
            Ok(())
        }
        Some(info) if info.block != block => refuse("it was committed otherwise"),
        Some(_) => Ok(()),
    }
}
