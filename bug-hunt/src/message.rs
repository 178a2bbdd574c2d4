//! What the parts say to each other.

use std::collections::BTreeMap;

use node::NodeId;

use crate::view::{FileId, Generation, Registration, Replica};

/// Every message. Each may be lost, delayed, repeated, or overtaken; a name in brackets is HDFS's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Client → NameNode: I begin to write (`create`, `append`, `updateBlockForPipeline`).
    Open {
        /// Which file; a new one is created.
        file: FileId,
        /// Who has failed me last time is not among these; empty when I have not tried yet.
        survivors: Vec<NodeId>,
    },
    /// NameNode → client: write to these.
    Opened {
        /// Which file.
        file: FileId,
        /// In this generation.
        generation: Generation,
        /// The pipeline.
        datanodes: Vec<NodeId>,
    },
    /// Client → NameNode: I have written all (`complete`).
    Complete {
        /// Which file.
        file: FileId,
        /// In which generation.
        generation: Generation,
        /// How many bytes the file has now.
        length: u32,
    },
    /// NameNode → client: the file is closed, and that is safe.
    Completed {
        /// Which file.
        file: FileId,
        /// In which generation.
        generation: Generation,
    },
    /// Client → NameNode (`delete`).
    Delete {
        /// Which file.
        file: FileId,
    },
    /// NameNode → client: the file is gone, and that is safe.
    Deleted {
        /// Which file.
        file: FileId,
    },
    /// NameNode → client: this cannot be done now, or not in this generation any more.
    Refused {
        /// Which file.
        file: FileId,
    },
    /// Client → DataNode. Holds the whole replica: a short one for every length.
    Write {
        /// Of which file.
        file: FileId,
        /// The replica.
        replica: Replica,
    },
    /// DataNode → client: it is on my disk.
    Written {
        /// Of which file.
        file: FileId,
        /// In which generation.
        generation: Generation,
    },
    /// DataNode → NameNode: I am new here, and this is what I have (`registerDatanode`, `blockReport`).
    Register {
        /// Greater than every earlier one.
        registration: Registration,
        /// All replicas.
        replicas: BTreeMap<FileId, Replica>,
    },
    /// DataNode → NameNode: I live.
    Heartbeat {
        /// Who speaks.
        registration: Registration,
    },
    /// DataNode → NameNode, every few seconds: this is what I have (`blockReport`).
    Report {
        /// Who speaks.
        registration: Registration,
        /// Counts this registration's reports of all three kinds.
        number: u64,
        /// All replicas.
        replicas: BTreeMap<FileId, Replica>,
    },
    /// DataNode → NameNode: I have got a replica (`blockReceivedAndDeleted`).
    Received {
        /// Who speaks.
        registration: Registration,
        /// As in `Report`.
        number: u64,
        /// Of which file.
        file: FileId,
        /// In which generation.
        generation: Generation,
    },
    /// DataNode → NameNode: I have erased a replica (`blockReceivedAndDeleted`).
    Erased {
        /// Who speaks.
        registration: Registration,
        /// As in `Report`.
        number: u64,
        /// Of which file.
        file: FileId,
        /// In which generation it was.
        generation: Generation,
    },
    /// NameNode → DataNode: I do not know you (any more).
    RegisterAgain,
    /// NameNode → DataNode: send your replica to another one (`DNA_TRANSFER`).
    Copy {
        /// Who is meant.
        registration: Registration,
        /// Of which file.
        file: FileId,
        /// To whom.
        to: NodeId,
    },
    /// NameNode → DataNode (`DNA_INVALIDATE`). It is done after a while: erasing is slow.
    Erase {
        /// Who is meant.
        registration: Registration,
        /// Of which file.
        file: FileId,
        /// Up to this generation.
        generation: Generation,
    },
    /// DataNode → DataNode: the copy.
    Transfer {
        /// Of which file.
        file: FileId,
        /// As it was when the copying began.
        replica: Replica,
    },
}

/// Every timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// A DataNode's heartbeat is due.
    Heartbeat,
    /// A DataNode's report is due.
    Report,
    /// A DataNode gets round to erasing a replica.
    Erase(FileId),
    /// A DataNode has copied a replica to another one.
    Copy(FileId, NodeId),
    /// The NameNode looks at its DataNodes and files.
    Check,
    /// The NameNode writes its log, and then answers.
    Flush,
    /// A client has waited long enough.
    Retry,
}
