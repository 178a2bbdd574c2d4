//! What happened, as somebody outside of the system knows it: what clients were promised, and what the processes did that an
//! invariant judges. Crashes do not touch it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use mini_hdfs::block::{Block, BlockId, DatanodeId, TxId};
use mini_hdfs::namenode::hosts::Hosts;
use mini_hdfs::protocol::RecoveringBlock;
use node::NodeId;

use crate::invariants::{
    Deletion, Grant, Located, OrderNews, SafeModeStep, Served, Snapshot, judge_recovery,
};
use crate::operator;

/// Shared by all processes and invariants of a run.
pub(crate) type Shared = Rc<RefCell<History>>;

/// A file that a client was told is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClosedFile {
    /// Its contents.
    pub(crate) bytes: Arc<[u8]>,
    /// Its blocks, in their final generations.
    pub(crate) blocks: Vec<Block>,
    /// How many replicas its blocks should have; none while a change of it is unanswered.
    pub(crate) replication: Option<u16>,
}

/// What clients know of a path. Each path has one client that changes it, one operation at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// A directory.
    Directory,
    /// A closed file.
    Closed(ClosedFile),
    /// Nothing is there: it was deleted or renamed.
    Absent,
    /// An operation on it is under way, or was never answered.
    Unknown,
}

/// What a writer was told of a block that he is writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// The file.
    pub(crate) path: String,
    /// Bytes that are in the memory of every node of the pipeline.
    pub(crate) len: u64,
    /// Bytes that are on their disks.
    pub(crate) synced: u64,
    /// The pipeline.
    pub(crate) nodes: Vec<DatanodeId>,
}

/// What the writer of an open file was told: these bytes are on every node of the pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Promise {
    /// Bytes in the blocks before.
    pub(crate) before: usize,
    /// Bytes in all.
    pub(crate) bytes: usize,
    /// The current block in the generation that the NameNode knows, with the length that every node has.
    pub(crate) block: Block,
    /// The nodes of its pipeline, each with how often it had been started when the pipeline was set up; none between two
    /// blocks.
    pub(crate) nodes: Vec<(DatanodeId, u32)>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Counts changes of `paths` and `lost`.
    pub(crate) version: u64,
    /// What clients were promised.
    pub(crate) paths: BTreeMap<String, Known>,
    /// What files being written, or given up, are to hold.
    pub(crate) open: BTreeMap<String, Arc<[u8]>>,
    /// What writers of these files were told so far.
    pub(crate) promised: BTreeMap<String, Promise>,
    /// Blocks that a reader has located while they were being written: he may ask for a generation that ends meanwhile.
    pub(crate) located_open: BTreeSet<BlockId>,
    /// Blocks whose every replica was on disks that faults have damaged: nothing can be asked of them any more.
    pub(crate) lost: BTreeSet<BlockId>,
    /// A fault has damaged some disk. Blocks of files of which nobody knows may be lost then, too.
    pub(crate) damaged: bool,
    /// Reads of closed files that gave other bytes than were written.
    pub(crate) wrong_reads: Vec<String>,
    /// Deletions that the NameNode has handed out and what became of them, not judged yet.
    pub(crate) orders: Vec<OrderNews>,
    /// Good replicas that DataNodes were told to delete, not judged yet.
    pub(crate) deletions: Vec<Deletion>,
    /// Reads that DataNodes have served, not judged yet.
    pub(crate) served: Vec<Served>,
    /// Locations that the NameNode has given to readers, not judged yet.
    pub(crate) located: Vec<Located>,
    /// What the NameNode did in safe mode, not judged yet.
    pub(crate) safe_mode_steps: Vec<SafeModeStep>,
    /// The namespace after each transaction that is not known to be durable, and after the last one that is.
    pub(crate) snapshots: BTreeMap<TxId, Snapshot>,
    /// The last transaction on which an answer depends that has left the NameNode.
    pub(crate) acked: TxId,
    /// Recoveries of the NameNode that were not as they should be.
    pub(crate) wrong_recoveries: Vec<String>,
    /// The NameNode has been formatted: from now on it must always start.
    pub(crate) formatted: bool,
    /// What the operator's file says of DataNodes.
    pub(crate) hosts: Hosts,
    /// What the operator will write into it, in order of time.
    pub(crate) orders_of_operator: Vec<operator::Order>,
    /// How often each DataNode has been started.
    pub(crate) boots: BTreeMap<NodeId, u32>,
    /// Which process is which DataNode.
    pub(crate) datanodes: BTreeMap<DatanodeId, NodeId>,
    /// What writers were told of their current and earlier blocks.
    pub(crate) told: BTreeMap<BlockId, Told>,
    /// Blocks that DataNodes were told to recover: what was flushed of them is judged when they are closed.
    pub(crate) recovered: BTreeSet<BlockId>,
    /// Recoveries of blocks that DataNodes were told to make, not judged yet.
    pub(crate) recoveries: Vec<RecoveringBlock>,
    /// Who was allowed to write what, not judged yet.
    pub(crate) grants: Vec<Grant>,
    /// Clients that have done all they wanted, and read back every file of theirs after the faults were over.
    pub(crate) finished: BTreeSet<NodeId>,
}

impl History {
    /// The closed files of which no block is lost.
    pub(crate) fn closed_files(&self) -> impl Iterator<Item = (&String, &ClosedFile)> {
        let lost = |file: &ClosedFile| file.blocks.iter().any(|b| self.lost.contains(&b.id));
        self.paths
            .iter()
            .filter_map(move |(path, known)| match known {
                Known::Closed(file) if !lost(file) => Some((path, file)),
                _ => None,
            })
    }

    /// Whether the last block of an open file was to be recovered, or there is no such file.
    pub(crate) fn is_recovered(&self, path: &str) -> bool {
        let promise = self.promised.get(path);
        let recovered = promise.is_some_and(|p| self.recovered.contains(&p.block.id));
        recovered || !self.open.contains_key(path)
    }

    /// Bytes of an open file that its writer was told are safe; 0 where nothing is known.
    pub(crate) fn promised_len(&self, path: &str) -> usize {
        self.promised.get(path).map_or(0, |promise| promise.bytes)
    }

    /// Notes what a client knows of a path, and returns what it knew before.
    pub(crate) fn set(&mut self, path: &str, known: Known) -> Option<Known> {
        self.version += 1;
        self.paths.insert(path.to_owned(), known)
    }

    /// Notes how many replicas a closed file should have.
    pub(crate) fn set_replication(&mut self, path: &str, replication: Option<u16>) {
        self.version += 1;
        if let Some(Known::Closed(file)) = self.paths.get_mut(path) {
            file.replication = replication;
        }
    }

    /// Faults have taken all of a block.
    pub(crate) fn lose(&mut self, block: BlockId) {
        self.version += 1;
        self.lost.insert(block);
    }

    /// The NameNode has started, with this state.
    pub(crate) fn recovered(&mut self, txid: TxId, found: Snapshot) {
        let judged = judge_recovery(self.acked, &self.snapshots, (txid, &found));
        self.wrong_recoveries.extend(judged.err());
        // What came after it never happened.
        self.snapshots.split_off(&txid);
        self.snapshots.insert(txid, found);
    }
}
