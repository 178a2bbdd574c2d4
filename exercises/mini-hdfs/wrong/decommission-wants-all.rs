//! Every replica that the file wants must be elsewhere. In a cluster of five, a file with ten replicas keeps every DataNode in
//! service for ever.
//! caught-by: decommission::decommission_asks_for_no_more_than_files_usually_have

pub fn is_sufficient(block: &LeavingBlock, limits: &Limits) -> bool {
    let enough = if block.open {
        limits.min
    } else {
        block.expected
    };
    block.live >= block.expected.min(enough)
}
