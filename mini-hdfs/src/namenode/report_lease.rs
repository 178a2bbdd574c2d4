//! Who may send a full block report now (`BlockReportLeaseManager`).
//!
//! After a restart of the NameNode every DataNode has millions of replicas to report, all at the same time. The NameNode would be
//! busy with them, heartbeats would wait, and DataNodes that do nothing wrong would be taken for dead. So a DataNode
//! asks first, in its heartbeat, and only a few at a time get a lease. One that does not use its lease loses it after a
//! while, and somebody else is let in.

use std::collections::BTreeMap;
use std::time::Duration;

use node::Time;

use crate::block::DatanodeId;
use crate::protocol::ReportLeaseId;

/// The leases that are held.
#[derive(Clone, Debug)]
pub struct ReportLeases {
    max: usize,
    length: Duration,
    last: ReportLeaseId,
    /// Of each DataNode its lease, and when it was given.
    held: BTreeMap<DatanodeId, (ReportLeaseId, Time)>,
}

impl ReportLeases {
    /// At most `max` at a time, each for `length`.
    pub fn new(max: usize, length: Duration) -> ReportLeases {
        ReportLeases {
            max: max.max(1),
            length,
            last: ReportLeaseId(0),
            held: BTreeMap::new(),
        }
    }

    /// A DataNode wants to report. Where it has a lease already it has given that one up: it gets a new one, and the
    /// old one is void. None while too many others report.
    pub fn request(&mut self, datanode: DatanodeId, now: Time) -> Option<ReportLeaseId> {
        self.held.remove(&datanode);
        let length = self.length;
        self.held
            .retain(|_, (_, since)| now.since(*since) <= length);
        if self.held.len() >= self.max {
            return None;
        }
        self.last = ReportLeaseId(self.last.0 + 1);
        self.held.insert(datanode, (self.last, now));
        Some(self.last)
    }

    /// Whether a report may go on under this lease.
    pub fn is_valid(&self, datanode: DatanodeId, lease: ReportLeaseId, now: Time) -> bool {
        let held = self.held.get(&datanode);
        held.is_some_and(|(id, since)| *id == lease && now.since(*since) <= self.length)
    }

    /// The report is over, or the DataNode is gone.
    pub fn end(&mut self, datanode: DatanodeId) {
        self.held.remove(&datanode);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_report_at_a_time() {
        let mut leases = ReportLeases::new(2, Duration::from_secs(10));
        let node = DatanodeId;
        let at = |seconds| Time::ZERO + Duration::from_secs(seconds);
        let first = leases.request(node(1), at(0)).unwrap();
        let second = leases.request(node(2), at(5)).unwrap();
        assert!(leases.is_valid(node(1), first, at(10)));
        assert!(!leases.is_valid(node(1), second, at(0)));
        assert_eq!(leases.request(node(3), at(5)), None);
        // Who asks again has a new one, and the old one is void.
        let again = leases.request(node(1), at(6)).unwrap();
        assert!(!leases.is_valid(node(1), first, at(6)) && leases.is_valid(node(1), again, at(6)));
        leases.end(node(2));
        assert!(leases.request(node(3), at(6)).is_some());
        // Both expire.
        assert!(!leases.is_valid(node(1), again, at(17)));
        assert!(leases.request(node(4), at(17)).is_some());
    }
}
