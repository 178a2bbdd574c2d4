//! What an invariant looks at: the whole cluster at one moment, as plain data.
//!
//! Nobody inside the cluster ever sees this. A client knows what it was told, the NameNode what reached it, a DataNode its
//! own disk. You see all of it at once, and that is how a simulation finds what no log shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug, Display};

use node::{NodeId, Time};

/// How many replicas every file should have (`dfs.replication`).
pub const REPLICATION: usize = 2;

/// A file. It has one block, so there are no block ids here. Ids are never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(pub u32);

impl Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "f{}", self.0)
    }
}

impl Debug for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// A generation stamp: the NameNode raises it each time that somebody begins to write the file, and each time that a
/// writer goes on without a DataNode that failed. A replica of an older one lacks something.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(pub u32);

impl Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "g{}", self.0)
    }
}

impl Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

// ANCHOR: view
/// The cluster at one moment, after one event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The present.
    pub now: Time,
    /// What clients asked for and were told, by file.
    pub promises: BTreeMap<FileId, Promise>,
    /// The NameNode's namespace and what it believes about replicas; none while it is down. After a restart it has
    /// read its log, and no DataNode has reported yet.
    pub namenode: Option<BTreeMap<FileId, File>>,
    /// All DataNodes, down ones too.
    pub datanodes: BTreeMap<NodeId, DataNodeView>,
    /// Every order to erase a replica that the NameNode has sent, oldest first.
    pub orders: Vec<Order>,
}
// ANCHOR_END: view

/// What clients know of a file. It outlives every crash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Promise {
    /// The length of which a client was told: it is closed and safe. 0 before the first time. It only grows.
    pub acknowledged: u32,
    /// The greatest length with which a client asked to close the file. The NameNode may have done it, or may do it yet.
    pub asked: u32,
    /// A client has asked to delete it. The NameNode may have done it, or may do it yet.
    pub deletion_asked: bool,
}

/// A file as the NameNode sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// Its newest generation.
    pub generation: Generation,
    /// Its length when it was last closed.
    pub length: u32,
    /// Nobody is writing it.
    pub closed: bool,
    /// The DataNodes whose replicas the NameNode counts as good.
    pub replicas: BTreeSet<NodeId>,
}

/// A DataNode, as it really is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataNodeView {
    /// It runs (perhaps paused, perhaps cut off).
    pub up: bool,
    /// It has lost its whole disk at some time.
    pub disk_lost: bool,
    /// What is on its disk.
    pub replicas: BTreeMap<FileId, Replica>,
}

/// A replica on a disk.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Replica {
    /// The generation in which it was last written.
    pub generation: Generation,
    /// Its bytes.
    pub length: u32,
}

impl Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes in {}", self.length, self.generation)
    }
}

/// The NameNode told a DataNode to erase a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// When it was sent. Equal to [`View::now`] when it was in the very last event.
    pub at: Time,
    /// To whom.
    pub to: NodeId,
    /// The DataNode's registration that it is meant for.
    pub registration: Registration,
    /// Of which file.
    pub file: FileId,
    /// Up to which generation: a newer replica is not erased.
    pub generation: Generation,
    /// What has become of it.
    pub state: OrderState,
}

/// What became of an [`Order`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderState {
    /// It is under way, or the DataNode has not got round to it, or it was lost. As far as anybody in the cluster knows,
    /// the replica may go at any moment.
    Standing,
    /// The replica was erased.
    Done,
    /// It will never be carried out: the DataNode restarted, or registered anew, or has a newer replica.
    Void,
}

/// One registration of a DataNode at the NameNode: later ones are greater. Who restarts, or is told that it is not known
/// any more, registers anew, and orders for earlier registrations are void.
pub type Registration = u64;
