//! Asks for the short limit first: whoever is beyond the long one is beyond that too, so nobody is ever dead, and no
//! replica is made anew.
//! caught-by: dead_nodes::dead_nodes_have_been_silent_for_longer_than_the_limit

pub fn datanode_state(
    last_contact: Time,
    now: Time,
    stale_after: Duration,
    dead_after: Duration,
) -> DatanodeState {
    let silence = now.since(last_contact);
    if silence > stale_after {
        DatanodeState::Stale
    } else if silence > dead_after {
        DatanodeState::Dead
    } else {
        DatanodeState::Live
    }
}
