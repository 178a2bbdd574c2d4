//! Delay scheduling (Zaharia et al., "Delay Scheduling: A Simple Technique for Achieving Locality and Fairness in Cluster Scheduling", EuroSys 2010).
//!
//! A slot is free on a worker that holds none of the blocks that the job has still to read. To take it is to read over the network; not to take it is to
//! leave it idle. Since slots become free all the time, a job that waits a little nearly always gets one where its data is: so it waits, but only
//! so long. It has patience for a rack's slot after [`Waits::node`], for any after [`Waits::rack`] more, and once its patience has run out
//! it does not begin anew with every task: the level that it has come down to stays until a slot near data comes by again.

use std::time::Duration;

use node::Time;
use serde::{Deserialize, Serialize};

use crate::job::Split;

/// How far a worker is from a split's bytes; nearer is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Locality {
    /// On its machine, or the split has no place.
    Node,
    /// In its rack.
    Rack,
    /// Anywhere.
    Any,
}

/// How far a worker on `host` in `rack` is from the bytes of `split`. `rack_of` says where a host stands, if a worker there has told; of others the
/// file system may know.
pub fn locality<'a>(
    split: &Split,
    host: &str,
    rack: &str,
    rack_of: impl Fn(&str) -> Option<&'a str>,
) -> Locality {
    if split.hosts.is_empty() || split.hosts.iter().any(|other| other == host) {
        Locality::Node
    } else if split.racks.iter().any(|other| other == rack)
        || split.hosts.iter().any(|other| rack_of(other) == Some(rack))
    {
        Locality::Rack
    } else {
        Locality::Any
    }
}

/// How long a job waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// For a slot on a machine that has data for it (the paper's W1).
    pub node: Duration,
    /// After that, for one in the rack of such a machine (W2).
    pub rack: Duration,
}

/// One job's patience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delay {
    /// The furthest that it takes without waiting.
    level: Locality,
    /// Since when it has been leaving slots to others.
    since: Option<Time>,
}

impl Default for Delay {
    fn default() -> Delay {
        Delay {
            level: Locality::Node,
            since: None,
        }
    }
}

impl Delay {
    /// A slot is free at `now`, and of the job's tasks that wait the nearest one is `nearest` away. Whether the job takes the slot.
    ///
    /// - What is no further than its level it takes; and its level is then as near as that task.
    /// - Else it takes it if it has been waiting long enough: from level `Node`, [`Waits::node`] for a `Rack` task and both together for `Any`;
    ///   from level `Rack`, [`Waits::rack`] for `Any`. Exactly that long is enough.
    /// - Else it leaves the slot, and waits from now on, unless it has been waiting already.
    ///
    /// Whenever it takes one, waiting is over, and its level is that of the task (the paper's algorithm 2, and section 3.5 for racks).
    pub fn takes(&mut self, nearest: Locality, waits: &Waits, now: Time) -> bool {
        // EXERCISE(mapreduce/delay-scheduling): near is taken at once; far only after waiting; taking ends the waiting.
        let waited = self.since.map_or(Duration::ZERO, |since| now.since(since));
        let needed = match (self.level, nearest) {
            (Locality::Node, Locality::Rack) => waits.node,
            (Locality::Node, Locality::Any) => waits.node + waits.rack,
            (Locality::Rack, Locality::Any) => waits.rack,
            _ => Duration::ZERO,
        };
        if waited >= needed {
            *self = Delay {
                level: nearest,
                since: None,
            };
            return true;
        }
        self.since.get_or_insert(now);
        false
    }
}
