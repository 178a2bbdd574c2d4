//! Two of six replicas are a third, not fewer: such blocks push ahead of blocks that are as badly off.
//! caught-by: replication_queue::replication_queue_knows_five_priorities

pub fn priority(live: usize, expected: usize, spread: bool) -> Option<Priority> {
    match live {
        _ if live >= expected && spread => None,
        _ if live >= expected => Some(Priority::BadlyDistributed),
        0 => Some(Priority::Corrupt),
        1 => Some(Priority::Highest),
        _ if live * 3 <= expected => Some(Priority::VeryLow),
        _ => Some(Priority::Low),
    }
}
