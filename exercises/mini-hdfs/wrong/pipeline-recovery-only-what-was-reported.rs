//! Looks only at replicas that were reported. A node that was writing has reported none; nobody knows then that it has an old
//! one, until its next full report in six hours.
//! caught-by: pipeline_recovery::pipeline_recovery_leaves_the_failed_node_behind

pub fn left_behind(
    info: &BlockInfo,
    old: Block,
    pipeline: &[DatanodeId],
) -> Vec<(DatanodeId, Block)> {
    let _ = old;
    let known: BTreeMap<DatanodeId, Block> = info
        .early()
        .iter()
        .chain(info.corrupt())
        .map(|(datanode, replica)| (*datanode, *replica))
        .collect();
    known
        .into_iter()
        .filter(|(datanode, replica)| {
            !pipeline.contains(datanode) && replica.generation < info.block.generation
        })
        .collect()
}
