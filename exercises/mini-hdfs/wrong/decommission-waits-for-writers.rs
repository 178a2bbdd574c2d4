//! A block that is being written is judged like any other. Nothing copies it before it is finished, so a program that keeps a
//! log file open for a week keeps its DataNode in service for a week.
//! caught-by: decommission::decommission_of_a_block_being_written_needs_the_minimum

pub fn is_sufficient(block: &LeavingBlock, limits: &Limits) -> bool {
    block.live >= block.expected.min(limits.default)
}
