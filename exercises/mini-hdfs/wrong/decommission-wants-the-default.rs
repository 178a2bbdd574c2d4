//! Each block needs as many as files usually have, also one of a file that wants a single replica: as nobody makes it a
//! second one, the DataNode waits for ever.
//! caught-by: decommission::decommission_asks_no_more_of_a_file_than_it_wants

pub fn is_sufficient(block: &LeavingBlock, limits: &Limits) -> bool {
    if block.open {
        block.live >= limits.min
    } else {
        block.live >= limits.default
    }
}
