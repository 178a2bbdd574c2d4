//! Silent for exactly the limit counts as beyond it: a node whose heartbeat comes when it is due is declared dead.
//! caught-by: dead_nodes::dead_nodes_have_been_silent_for_longer_than_the_limit

pub fn datanode_state(
    last_contact: Time,
    now: Time,
    stale_after: Duration,
    dead_after: Duration,
) -> DatanodeState {
    let silence = now.since(last_contact);
    if silence >= dead_after {
        DatanodeState::Dead
    } else if silence >= stale_after {
        DatanodeState::Stale
    } else {
        DatanodeState::Live
    }
}
