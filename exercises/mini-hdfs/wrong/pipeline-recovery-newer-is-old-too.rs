//! Looks at no generation: a replica of the new one whose report has overtaken the writer's call is called out of date.
//! caught-by: pipeline_recovery::pipeline_recovery_leaves_no_node_of_the_new_pipeline_behind

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
        replicas.insert(*datanode, *replica);
    }
    replicas.retain(|datanode, _| !pipeline.contains(datanode));
    replicas.into_iter().collect()
}
