//! Subtracts without a look at which is later: a heartbeat that was noted a moment after `now` was read ends the process.
//! caught-by: dead_nodes::dead_nodes_have_been_silent_for_longer_than_the_limit

pub fn datanode_state(
    last_contact: Time,
    now: Time,
    stale_after: Duration,
    dead_after: Duration,
) -> DatanodeState {
    let silence = Duration::from_micros(now.as_micros() - last_contact.as_micros());
    if silence > dead_after {
        DatanodeState::Dead
    } else if silence > stale_after {
        DatanodeState::Stale
    } else {
        DatanodeState::Live
    }
}
