//! Asks for another block as long as there is one to be had: with a network that lets nobody through, the writer never says so.
//! caught-by: pipeline_recovery::pipeline_recovery_does_not_try_for_ever

pub fn after_failure(pipeline: &Pipeline<'_>, bad: &BadNode) -> Recovery {
    let index = if bad.index < pipeline.nodes.len() {
        bad.index
    } else {
        0
    };
    let mut left = pipeline.nodes.to_vec();
    let failed = left.remove(index).id;
    match pipeline.stage {
        Stage::Create { .. } => Recovery::Abandon { failed },
        Stage::Written if left.is_empty() => Recovery::Fail { failed },
        Stage::Written => Recovery::Rebuild {
            failed,
            left,
            block: Block {
                len: pipeline.acked_len,
                ..pipeline.block
            },
        },
    }
}
