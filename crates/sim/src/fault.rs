//! What can go wrong, as data: a fault, and a list of them with their times.

use node::{NodeId, Time};
use serde::{Deserialize, Serialize};

/// How the messages from one node to another fare. The default is a good network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The shortest way of a message, in microseconds.
    pub delay_us_min: u64,
    /// The longest, in microseconds.
    pub delay_us_max: u64,
    /// How many in a hundred messages are lost.
    pub drop_percent: u32,
    /// How many in a hundred arrive twice.
    pub duplicate_percent: u32,
    /// How many in a hundred may overtake, or be overtaken by, their neighbours. The others keep their order.
    pub reorder_percent: u32,
}

impl Default for Link {
    fn default() -> Link {
        Link {
            delay_us_min: 200,
            delay_us_max: 2_000,
            drop_percent: 0,
            duplicate_percent: 0,
            reorder_percent: 0,
        }
    }
}

/// When exactly a crash happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fuse {
    /// Now, between two events.
    Now,
    /// In the middle of a step: at the disk call after this many more of them (those that change the disk count). Nothing
    /// of that step is revealed.
    DiskCalls(u32),
    /// In a gap between effects: after this many more of them have been carried out.
    Effects(u32),
}

/// Something that goes wrong, or is mended. The lab knows the same words for real processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// A node loses its memory, and of its disk what was not synced.
    Crash {
        /// Which.
        #[serde(with = "id")]
        node: NodeId,
        /// When.
        fuse: Fuse,
    },
    /// A crashed node comes back from its disk.
    Restart {
        /// Which.
        #[serde(with = "id")]
        node: NodeId,
    },
    /// A node stops, as under `SIGSTOP`: everything that happens to it waits.
    Pause {
        /// Which.
        #[serde(with = "id")]
        node: NodeId,
    },
    /// A paused node goes on, and finds all that has waited for it.
    Resume {
        /// Which.
        #[serde(with = "id")]
        node: NodeId,
    },
    /// Nothing gets from one node to another any more; the other way still works.
    Cut {
        /// The sender that is not heard.
        #[serde(with = "id")]
        from: NodeId,
        /// The receiver that does not hear.
        #[serde(with = "id")]
        to: NodeId,
    },
    /// Nothing passes between these nodes and all others, either way.
    Partition {
        /// One side; the rest is the other.
        #[serde(with = "ids")]
        group: Vec<NodeId>,
    },
    /// Every cut and partition ends.
    Heal,
    /// Every link is like this from now on.
    Network {
        /// Like what.
        link: Link,
    },
    /// One link, in one direction, is like this from now on.
    Link {
        /// The sender.
        #[serde(with = "id")]
        from: NodeId,
        /// The receiver.
        #[serde(with = "id")]
        to: NodeId,
        /// Like what.
        link: Link,
    },
    /// A bit flips on a node's disk.
    FlipBit {
        /// Whose disk.
        #[serde(with = "id")]
        node: NodeId,
        /// In one of the files whose names contain this.
        within: String,
        /// Which file and bit: any number, taken modulo what there is.
        pick: u64,
    },
    /// A node's disk has only so much room left.
    DiskFull {
        /// Whose disk.
        #[serde(with = "id")]
        node: NodeId,
        /// Bytes that still fit.
        free: u64,
    },
    /// A full disk has room again.
    DiskFreed {
        /// Whose disk.
        #[serde(with = "id")]
        node: NodeId,
    },
    /// A node crashes and its disk is lost: it restarts with an empty one.
    LoseDisk {
        /// Which.
        #[serde(with = "id")]
        node: NodeId,
    },
}

/// A fault and its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timed {
    /// When, in microseconds since the world began.
    pub at_us: u64,
    /// What.
    #[serde(flatten)]
    pub fault: Fault,
}

impl Timed {
    /// `fault` at `at`.
    pub fn new(at: Time, fault: Fault) -> Timed {
        Timed {
            at_us: at.as_micros(),
            fault,
        }
    }
}

/// Faults to come, sorted by time.
pub type Schedule = Vec<Timed>;

/// Node ids are plain numbers in JSON.
pub(crate) mod id {
    use node::NodeId;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(id: &NodeId, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u32(id.0)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<NodeId, D::Error> {
        u32::deserialize(d).map(NodeId)
    }
}

/// As `id`, for lists.
mod ids {
    use node::NodeId;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(ids: &[NodeId], s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(ids.iter().map(|id| id.0))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<NodeId>, D::Error> {
        Ok(Vec::deserialize(d)?.into_iter().map(NodeId).collect())
    }
}
