//! A dead DataNode holds nothing, so nothing waits for it, and it is decommissioned at once. The operator throws it away, with the
//! only replica of a block that the NameNode calls missing.
//! caught-by: decommission::decommission_of_a_dead_node_waits_for_the_whole_file_system

pub fn may_leave(node: &LeavingNode) -> bool {
    let known = node.reported && node.scanned;
    node.waiting == 0 && (known || !node.alive)
}
