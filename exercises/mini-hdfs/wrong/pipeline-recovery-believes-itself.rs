//! Says of every node of the old pipeline that it has the old block, whatever that node has reported.
//! caught-by: pipeline_recovery::pipeline_recovery_trusts_what_is_known_of_a_replica

pub fn left_behind(
    info: &BlockInfo,
    old: Block,
    pipeline: &[DatanodeId],
) -> Vec<(DatanodeId, Block)> {
    let mut replicas: BTreeMap<DatanodeId, Block> = info
        .early()
        .iter()
        .chain(info.corrupt())
        .map(|(datanode, replica)| (*datanode, *replica))
        .collect();
    for datanode in info.pipeline() {
        replicas.insert(*datanode, old);
    }
    replicas.retain(|datanode, replica| {
        !pipeline.contains(datanode) && replica.generation < info.block.generation
    });
    replicas.into_iter().collect()
}
