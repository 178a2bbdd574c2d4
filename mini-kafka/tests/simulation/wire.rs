//! What the processes say to each other: Kafka's requests, as the values that the broker's cores take and give.

use std::fmt;

use mini_kafka::error::ErrorCode;
use mini_kafka::group::{
    CommitRequest, JoinAnswer, JoinRequest, LeavingMember, MemberRef, SyncAnswer, SyncRequest,
};
use node::NodeId;

/// The broker's node; the others are clients.
pub(crate) const BROKER: NodeId = NodeId(0);
/// The one group of consumers.
pub(crate) const GROUP: &str = "readers";

/// A partition as the group's records name it.
pub(crate) fn topic_of(partition: usize) -> (&'static str, i32) {
    ("data", i32::try_from(partition).unwrap_or(0))
}

/// A request's number, which its answer repeats (`correlation_id`). Never used twice in a run.
pub(crate) type Correlation = u64;

/// What travels.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    Request(Correlation, Request),
    Answer(Correlation, Answer),
}

/// What a client asks for. Partitions are numbered through all topics.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    Produce {
        partition: usize,
        batch: Bytes,
    },
    Fetch {
        partition: usize,
        offset: i64,
        /// The leader epoch that the consumer believes in; −1: any.
        epoch: i32,
    },
    /// Where did this epoch end?
    OffsetForLeaderEpoch {
        partition: usize,
        epoch: i32,
    },
    JoinGroup(JoinRequest),
    SyncGroup(SyncRequest),
    Heartbeat(MemberRef),
    LeaveGroup(LeavingMember),
    OffsetCommit(CommitRequest),
    OffsetFetch,
}

/// What the broker answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The base offset.
    Produce(Result<i64, ErrorCode>),
    Fetch(Result<Fetched, ErrorCode>),
    OffsetForLeaderEpoch {
        /// The leader epoch of now, which Kafka tells with a topic's metadata.
        current: i32,
        /// The largest epoch not higher than the one asked for, and where it ended.
        end: Option<(i32, i64)>,
    },
    JoinGroup(JoinAnswer),
    SyncGroup(SyncAnswer),
    Heartbeat(Result<(), ErrorCode>),
    LeaveGroup,
    OffsetCommit(Vec<ErrorCode>),
    /// For each partition the committed offset, and the epoch of the record before it.
    OffsetFetch(Vec<Option<(i64, i32)>>),
}

/// What a fetch brings.
#[derive(Clone, Debug)]
pub(crate) struct Fetched {
    pub(crate) batches: Bytes,
    pub(crate) log_start: i64,
    /// The leader epoch of the broker's life.
    pub(crate) epoch: i32,
    /// What it was served with, for those who judge.
    pub(crate) serving: u64,
    /// The offset is not in the log. (In Kafka a consumer asks then with ListOffsets where it begins.)
    pub(crate) is_out_of_range: bool,
}

/// Batches; a trace shows how many bytes they are.
#[derive(Clone)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Message {
    /// The name of the API, as Kafka has it.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Message::Request(_, request) => match request {
                Request::Produce { .. } => "Produce",
                Request::Fetch { .. } => "Fetch",
                Request::OffsetForLeaderEpoch { .. } => "OffsetForLeaderEpoch",
                Request::JoinGroup(_) => "JoinGroup",
                Request::SyncGroup(_) => "SyncGroup",
                Request::Heartbeat(_) => "Heartbeat",
                Request::LeaveGroup(_) => "LeaveGroup",
                Request::OffsetCommit(_) => "OffsetCommit",
                Request::OffsetFetch => "OffsetFetch",
            },
            Message::Answer(_, answer) => match answer {
                Answer::Produce(_) => "Produce",
                Answer::Fetch(_) => "Fetch",
                Answer::OffsetForLeaderEpoch { .. } => "OffsetForLeaderEpoch",
                Answer::JoinGroup(_) => "JoinGroup",
                Answer::SyncGroup(_) => "SyncGroup",
                Answer::Heartbeat(_) => "Heartbeat",
                Answer::LeaveGroup => "LeaveGroup",
                Answer::OffsetCommit(_) => "OffsetCommit",
                Answer::OffsetFetch(_) => "OffsetFetch",
            },
        }
    }
}

/// A process's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A client looks what there is to do.
    Client,
    /// The broker looks whether syncs are due.
    Flush,
    /// The disk has finished a sync of this partition.
    Synced(usize),
    /// Retention, compaction, a checkpoint.
    Housekeeping,
    /// A compaction pass has been written.
    Cleaned,
    /// The coordinator has something to do.
    Groups,
    /// A partition that could not be opened is tried again.
    Reopen,
}
