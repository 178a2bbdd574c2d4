//! Takes a place beyond the pipeline for the last node. The writer hears the first one alone: when that connection ends, a
//! good node is thrown out, and the dead one stays.
//! caught-by: pipeline_recovery::pipeline_recovery_blames_the_first_for_what_nobody_did

pub fn after_failure(pipeline: &Pipeline<'_>, bad: &BadNode) -> Recovery {
    let index = bad.index.min(pipeline.nodes.len() - 1);
    let mut left = pipeline.nodes.to_vec();
    let failed = left.remove(index).id;
    match pipeline.stage {
        Stage::Create { given_up } if given_up >= BLOCK_WRITE_RETRIES => Recovery::Fail { failed },
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
