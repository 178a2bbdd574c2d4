//! Blocks that are being written do not matter. When the last node of a pipeline is switched off, what the writer has flushed
//! is gone.
//! caught-by: decommission::decommission_never_takes_the_last_replica

pub fn is_sufficient(block: &LeavingBlock, limits: &Limits) -> bool {
    block.open || block.live >= block.expected.min(limits.default)
}
