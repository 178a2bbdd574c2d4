//! Leaves everybody behind who was in the old pipeline. Those who go on are taken for out of date, and deleted.
//! caught-by: pipeline_recovery::pipeline_recovery_leaves_the_failed_node_behind

pub fn left_behind(
    info: &BlockInfo,
    old: Block,
    pipeline: &[DatanodeId],
) -> Vec<(DatanodeId, Block)> {
    let mut replicas: BTreeMap<DatanodeId, Block> = info
        .pipeline()
        .iter()
        .map(|datanode| (*datanode, old))
        .collect();
    for (datanode, replica) in info.early().iter().chain(info.corrupt()) {
        if !pipeline.contains(datanode) {
            replicas.insert(*datanode, *replica);
        }
    }
    replicas
        .into_iter()
        .filter(|(_, replica)| replica.generation < info.block.generation)
        .collect()
}
