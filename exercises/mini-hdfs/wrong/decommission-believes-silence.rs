//! No block of it is known to wait, so it is done: also when it has registered a moment ago and has not said what it has. After
//! a restart of the NameNode every DataNode that shall leave is switched off, with all that nobody else has.
//! caught-by: decommission::decommission_waits_for_what_is_not_known_yet

pub fn may_leave(node: &LeavingNode) -> bool {
    if node.alive {
        node.waiting == 0
    } else {
        node.endangered == 0
    }
}
