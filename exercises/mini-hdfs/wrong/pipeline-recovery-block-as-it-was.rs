//! Hands on the block with the length that it came with, which is not what every node has: replicas are cut too short, or are
//! found too short though they are good.
//! caught-by: pipeline_recovery::pipeline_recovery_goes_on_with_those_that_are_left

pub fn after_failure(pipeline: &Pipeline<'_>, bad: &BadNode) -> Recovery {
    let index = if bad.index < pipeline.nodes.len() {
        bad.index
    } else {
        0
    };
    let mut left = pipeline.nodes.to_vec();
    let failed = left.remove(index).id;
    match pipeline.stage {
        Stage::Create { given_up } if given_up >= BLOCK_WRITE_RETRIES => Recovery::Fail { failed },
        Stage::Create { .. } => Recovery::Abandon { failed },
        Stage::Written if left.is_empty() => Recovery::Fail { failed },
        Stage::Written => Recovery::Rebuild {
            failed,
            left,
            block: pipeline.block,
        },
    }
}
