//! Puts the last node into the gap: the pipeline goes back and forth between racks, and the writer's own node may come last.
//! caught-by: pipeline_recovery::pipeline_recovery_goes_on_with_those_that_are_left

pub fn after_failure(pipeline: &Pipeline<'_>, bad: &BadNode) -> Recovery {
    let index = if bad.index < pipeline.nodes.len() {
        bad.index
    } else {
        0
    };
    let mut left = pipeline.nodes.to_vec();
    let failed = left.swap_remove(index).id;
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
