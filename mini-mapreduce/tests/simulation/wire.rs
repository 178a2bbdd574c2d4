//! What the processes say to each other.

use mini_mapreduce::coordinator::job::JobState;
use mini_mapreduce::job::{JobSpec, Split};
use mini_mapreduce::protocol::{AttemptId, JobId, Registration, Reply, Report};
use node::NodeId;

use crate::text::Counts;

/// The coordinator's node, and the client's. The others are workers.
pub(crate) const COORDINATOR: NodeId = NodeId(0);
pub(crate) const CLIENT: NodeId = NodeId(1);

/// What travels.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    Submit(u64, JobSpec, Vec<Split>),
    Submitted(u64, JobId),
    AskState(JobId),
    StateIs(JobId, JobState),
    Register(Registration),
    /// The number of the registered worker, and what it may remove.
    Registered(u64, Vec<AttemptId>),
    Heartbeat(Report),
    Reply(u64, Reply),
    /// That worker has to register.
    Unknown(u64),
    Fetch {
        reduce: AttemptId,
        map: AttemptId,
    },
    /// None: it is not there, or damaged.
    Segment {
        reduce: AttemptId,
        map: AttemptId,
        counts: Option<Counts>,
    },
}

impl Message {
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Message::Submit(..) | Message::Submitted(..) => "submit",
            Message::AskState(_) | Message::StateIs(..) => "state",
            Message::Register(_) | Message::Registered(..) => "register",
            Message::Heartbeat(_) | Message::Reply(..) | Message::Unknown(_) => "heartbeat",
            Message::Fetch { .. } | Message::Segment { .. } => "fetch",
        }
    }
}

/// Timers of all roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Client,
    Tick,
    Reopen,
    SetUp(JobId),
    Commit(JobId),
    Abort(JobId),
    Heartbeat,
    Work(AttemptId),
    /// A reduce's fetch of a map's output has taken too long.
    Fetch(AttemptId, AttemptId),
}

/// Where a worker's map outputs are served, and who that is.
pub(crate) fn address_of(node: NodeId) -> String {
    format!("n{}", node.0)
}

pub(crate) fn node_of(address: &str) -> NodeId {
    NodeId(address[1..].parse().unwrap())
}
