//! Where the replicas stand is asked before how many there are: the last replica of a block, alone in its rack, is
//! filed under the least urgent.
//! caught-by: replication_queue::replication_queue_knows_five_priorities

pub fn priority(live: usize, expected: usize, spread: bool) -> Option<Priority> {
    match live {
        0 => Some(Priority::Corrupt),
        _ if !spread => Some(Priority::BadlyDistributed),
        _ if live >= expected => None,
        1 => Some(Priority::Highest),
        _ if live * 3 < expected => Some(Priority::VeryLow),
        _ => Some(Priority::Low),
    }
}
