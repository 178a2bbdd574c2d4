//! The place to begin is searched for; blocks are taken apart and put together again, with a plain search in lists.

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
            blocks.update(block, BlockState::Committed);
            Ok(())
        }
        Some(info) if info.block != block => refuse("it was committed otherwise"),
        Some(_) => Ok(()),
    }
}

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
    file.blocks.retain(|id| !ids.contains(id));
    let removed = file.blocks.iter().rev().filter_map(|id| blocks.remove(*id));
    let removed = removed.collect();
    file.blocks = ids.into();
    Ok(removed)
}

fn complete_blocks(
    file: &FileInode,
    last: Option<Block>,
    blocks: &mut BlocksMap,
) -> Result<(), FsError> {
    commit_last(file, last, blocks)?;
    for id in file.blocks.iter().rev() {
        let info = blocks.get(*id).cloned();
        let info = info.ok_or_else(|| FsError::InvalidArgument(format!("{id} is unknown")))?;
        blocks.update(info.block, BlockState::Complete);
    }
    Ok(())
}

fn add_block(
    file: &mut FileInode,
    inode: InodeId,
    previous: Option<Block>,
    block: Block,
    blocks: &mut BlocksMap,
) -> Result<(), FsError> {
    commit_last(file, previous, blocks)?;
    blocks.insert(
        block,
        inode,
        file.replication,
        BlockState::UnderConstruction,
    );
    file.blocks.push(block.id);
    Ok(())
}

pub fn replay(ops: &[(TxId, EditOp)], image: &mut Image) -> Result<(), Contradiction> {
    let new = ops.partition_point(|(txid, _)| *txid <= image.txid);
    ops[new..].iter().try_for_each(|(txid, op)| {
        apply(op, &mut image.namespace, &mut image.blocks)
            .map_err(|error| Contradiction { txid: *txid, error })?;
        image.txid = *txid;
        Ok(())
    })
}
