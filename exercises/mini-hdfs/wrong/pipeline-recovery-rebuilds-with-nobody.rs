//! Goes on with an empty pipeline.
//! caught-by: pipeline_recovery::pipeline_recovery_fails_when_no_node_is_left

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
