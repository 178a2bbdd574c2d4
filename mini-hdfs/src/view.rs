//! What there is to see of a cluster at one moment: what the NameNode says, laid over what somebody outside knows of the
//! processes. The NameNode learns of a death only by silence; whoever looks from outside knows at once, and sees both. The lab shows
//! real clusters by it, and the simulator's traces simulated ones: it is this system's part of their state document, where
//! its lists become objects keyed by name. HDFS's web pages and its `fsck` show the same, without the outside.

use std::collections::BTreeMap;

use node::Time;
use serde::{Serialize, Serializer};

use crate::namenode::NameNode;
use crate::namenode::blocks::BlockState;
use crate::protocol::{
    AdminState, DatanodeReport, DatanodeState, FsStatus, FsckBlock, FsckFile, ReplicaHealth,
};

/// What the NameNode has answered.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// Figures of the whole file system.
    pub status: FsStatus,
    /// Every DataNode that it has heard of.
    pub datanodes: Vec<DatanodeReport>,
    /// Every file.
    pub files: Vec<FsckFile>,
}

impl Answers {
    /// What a NameNode that is at hand would answer.
    pub fn of(namenode: &NameNode, now: Time) -> Answers {
        Answers {
            status: namenode.status(now),
            datanodes: namenode.datanode_report(now),
            // It refuses paths that are none, and this is one.
            files: namenode.fsck("/", "", usize::MAX, now).unwrap_or_default(),
        }
    }
}

/// How a DataNode's process is, seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// It runs.
    Up,
    /// It is stopped in mid-step.
    Paused,
    /// It is not there.
    Down,
}

/// A DataNode as it is known outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// What it is called there: `dn1`.
    pub name: String,
    /// How its process is.
    pub process: Process,
}

/// Everything that there is to see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct View {
    /// Whether the NameNode answers; if not, all else is what it said last.
    pub answered: bool,
    /// Why safe mode is on, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safe_mode: Option<String>,
    /// Blocks that are being copied.
    pub copying: u64,
    /// Every DataNode that the NameNode has heard of.
    #[serde(serialize_with = "nodes_by_name")]
    pub nodes: Vec<DatanodeView>,
    /// Every file.
    #[serde(serialize_with = "files_by_path")]
    pub files: Vec<FileView>,
}

fn nodes_by_name<S: Serializer>(nodes: &[DatanodeView], s: S) -> Result<S::Ok, S::Error> {
    s.collect_map(nodes.iter().map(|node| (&node.name, node)))
}

fn files_by_path<S: Serializer>(files: &[FileView], s: S) -> Result<S::Ok, S::Error> {
    s.collect_map(files.iter().map(|file| (&file.path, file)))
}

fn blocks_by_id<S: Serializer>(blocks: &[BlockView], s: S) -> Result<S::Ok, S::Error> {
    s.collect_map(blocks.iter().map(|block| (&block.id, block)))
}

fn replicas_by_node<S: Serializer>(replicas: &[ReplicaView], s: S) -> Result<S::Ok, S::Error> {
    s.collect_map(
        replicas
            .iter()
            .map(|replica| (&replica.node, replica.health)),
    )
}

/// What the NameNode takes a DataNode for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DatanodeView {
    /// What it is called outside.
    #[serde(skip)]
    pub name: String,
    /// `live`, `stale` or `dead`.
    pub state: &'static str,
    /// Where it is on its way out of service; none while it is in service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<&'static str>,
    /// Bytes that its replicas use.
    pub used: u64,
    /// Other DataNodes find it slow: writers avoid it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub slow: bool,
    /// The volumes that have failed.
    #[serde(skip_serializing_if = "is_zero")]
    pub failed_volumes: usize,
}

// By the signature that serde asks for.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileView {
    /// Its full path.
    #[serde(skip)]
    pub path: String,
    /// Its length in bytes.
    pub len: u64,
    /// How many replicas its blocks should have.
    pub replication: u16,
    /// Somebody is still writing it.
    pub open: bool,
    /// Its blocks, in order.
    #[serde(serialize_with = "blocks_by_id")]
    pub blocks: Vec<BlockView>,
}

/// A block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BlockView {
    /// `blk_1073741825`.
    #[serde(skip)]
    pub id: String,
    /// Its place among the blocks of its file, from 0.
    pub index: usize,
    /// Its generation stamp.
    pub generation: u64,
    /// Its length in bytes.
    pub len: u64,
    /// `being written`, `committed` or `complete`.
    pub state: &'static str,
    /// How many replicas it should have.
    pub expected: u16,
    /// It has enough replicas, on too few racks.
    pub badly_distributed: bool,
    /// Its replicas, by the names of their nodes.
    #[serde(serialize_with = "replicas_by_node")]
    pub replicas: Vec<ReplicaView>,
}

/// A replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaView {
    /// The node that holds it, by its name outside.
    pub node: String,
    /// How it is.
    pub health: Health,
}

/// How a replica is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// Finalised, and its node runs.
    Good,
    /// Being written.
    Writing,
    /// Its node runs, but the NameNode has not heard it for a while.
    Stale,
    /// Its node is paused; the NameNode may not have noticed yet.
    Paused,
    /// Its node is down; the NameNode may not have noticed yet.
    Lost,
    /// Its bytes, its length or its generation are wrong.
    Corrupt,
    /// One more than needed; it will be deleted.
    Excess,
    /// Its node leaves the service, or has left it: it is good, but does not count.
    Leaving,
}

const COMPLETE: &str = "complete";

impl BlockView {
    /// Replicas that are as they should be.
    pub fn good(&self) -> usize {
        let good = self.replicas.iter().filter(|r| r.health == Health::Good);
        good.count()
    }

    /// Whether it can be read somewhere. That a node was not heard for a while, or has one replica too many, keeps
    /// nobody from reading there.
    pub fn is_readable(&self) -> bool {
        let mut health = self.replicas.iter().map(|replica| replica.health);
        health.any(|health| {
            matches!(
                health,
                Health::Good | Health::Stale | Health::Excess | Health::Leaving
            )
        })
    }

    /// Whether a writer has finished it.
    pub fn is_complete(&self) -> bool {
        self.state == COMPLETE
    }
}

impl View {
    /// Lays what the NameNode said over what is known `outside` of each DataNode, by the address at which it listens.
    pub fn new(answers: &Answers, outside: &BTreeMap<String, Outside>) -> View {
        let nodes = answers.datanodes.iter();
        let files = answers.files.iter().map(|file| FileView {
            path: file.status.path.clone(),
            len: file.status.len,
            replication: file.status.replication,
            open: file.status.under_construction,
            blocks: (0..)
                .zip(&file.blocks)
                .map(|(index, it)| block(index, it, outside))
                .collect(),
        });
        View {
            answered: true,
            safe_mode: answers.status.safe_mode.clone(),
            copying: answers.status.pending_replication,
            nodes: nodes.map(|report| datanode(report, outside)).collect(),
            files: files.collect(),
        }
    }

    /// The DataNode called `name`, if the NameNode has heard of it.
    pub fn node(&self, name: &str) -> Option<&DatanodeView> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// The file at `path`.
    pub fn file(&self, path: &str) -> Option<&FileView> {
        self.files.iter().find(|file| file.path == path)
    }

    /// All blocks of all files.
    pub fn blocks(&self) -> impl Iterator<Item = &BlockView> {
        self.files.iter().flat_map(|file| &file.blocks)
    }

    /// The blocks that a writer has finished.
    pub fn complete_blocks(&self) -> impl Iterator<Item = &BlockView> {
        self.blocks().filter(|block| block.is_complete())
    }
}

fn name<'a>(address: &'a String, outside: &'a BTreeMap<String, Outside>) -> &'a String {
    outside.get(address).map_or(address, |node| &node.name)
}

fn datanode(report: &DatanodeReport, outside: &BTreeMap<String, Outside>) -> DatanodeView {
    DatanodeView {
        name: name(&report.info.address, outside).clone(),
        state: match report.state {
            DatanodeState::Live => "live",
            DatanodeState::Stale => "stale",
            DatanodeState::Dead => "dead",
        },
        service: match report.admin {
            AdminState::Normal => None,
            AdminState::DecommissionInProgress => Some("decommission in progress"),
            AdminState::Decommissioned => Some("decommissioned"),
            AdminState::EnteringMaintenance => Some("entering maintenance"),
            AdminState::InMaintenance => Some("in maintenance"),
        },
        used: report.heartbeat.dfs_used,
        slow: report.slow_reports > 0,
        failed_volumes: report.details.failed_volumes.len(),
    }
}

fn block(index: usize, block: &FsckBlock, outside: &BTreeMap<String, Outside>) -> BlockView {
    let replicas = block.replicas.iter().map(|(info, said)| {
        let process = outside.get(&info.address).map(|node| node.process);
        ReplicaView {
            node: name(&info.address, outside).clone(),
            health: health(*said, process),
        }
    });
    let mut replicas: Vec<ReplicaView> = replicas.collect();
    replicas.sort_by(|a, b| a.node.cmp(&b.node));
    BlockView {
        id: block.block.id.to_string(),
        index,
        generation: block.block.generation.0,
        len: block.block.len,
        state: match block.state {
            BlockState::Complete => COMPLETE,
            BlockState::Committed => "committed",
            _ => "being written",
        },
        expected: block.expected,
        badly_distributed: block.badly_distributed,
        replicas,
    }
}

fn health(said: ReplicaHealth, process: Option<Process>) -> Health {
    match (process, said) {
        (_, ReplicaHealth::Corrupt) => Health::Corrupt,
        (Some(Process::Down), _) => Health::Lost,
        (Some(Process::Paused), _) => Health::Paused,
        (_, ReplicaHealth::Live) => Health::Good,
        (_, ReplicaHealth::Stale) => Health::Stale,
        (_, ReplicaHealth::Excess) => Health::Excess,
        (_, ReplicaHealth::Rbw) => Health::Writing,
        (
            _,
            ReplicaHealth::Decommissioning
            | ReplicaHealth::Decommissioned
            | ReplicaHealth::EnteringMaintenance
            | ReplicaHealth::InMaintenance,
        ) => Health::Leaving,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::{Block, DatanodeId, DatanodeInfo, InodeId};
    use crate::protocol::{FileStatus, Permission};

    fn info(id: u64) -> DatanodeInfo {
        DatanodeInfo {
            id: DatanodeId(id),
            address: format!("127.0.0.1:{id}"),
            hostname: format!("host{id}"),
            rack: "/rack1".to_owned(),
        }
    }

    /// One block, which the NameNode takes to be on all of these.
    fn answers(replicas: &[(u64, ReplicaHealth)]) -> Answers {
        let block = FsckBlock {
            block: Block::new(7, 1001, 5),
            state: BlockState::Complete,
            expected: 2,
            replicas: replicas
                .iter()
                .map(|(id, health)| (info(*id), *health))
                .collect(),
            badly_distributed: false,
        };
        let status = FileStatus {
            path: "/a".to_owned(),
            inode: InodeId(9),
            is_directory: false,
            len: 5,
            replication: 2,
            block_size: 8,
            modified_ms: 0,
            accessed_ms: 0,
            permission: Permission {
                owner: "ada".to_owned(),
                group: "ada".to_owned(),
                mode: 0o644,
            },
            under_construction: false,
            children: 0,
        };
        Answers {
            files: vec![FsckFile {
                status,
                blocks: vec![block],
            }],
            ..Answers::default()
        }
    }

    #[test]
    fn what_is_seen_from_outside_comes_before_what_the_namenode_has_not_noticed_yet() {
        let outside = [
            (1, Process::Up),
            (2, Process::Down),
            (3, Process::Paused),
            (4, Process::Down),
        ];
        let outside = outside.map(|(id, process)| {
            let name = format!("dn{id}");
            (info(id).address, Outside { name, process })
        });
        let live = ReplicaHealth::Live;
        let said = [
            (1, live),
            (2, live),
            (3, live),
            (4, ReplicaHealth::Corrupt),
            (5, live),
        ];
        let view = View::new(&answers(&said), &outside.into());
        let block = view.complete_blocks().next().unwrap();
        assert_eq!(block.id, "blk_7");
        let expected = [
            ("127.0.0.1:5", Health::Good),
            ("dn1", Health::Good),
            ("dn2", Health::Lost),
            ("dn3", Health::Paused),
            ("dn4", Health::Corrupt),
        ];
        let replicas = block.replicas.iter().map(|r| (r.node.as_str(), r.health));
        assert_eq!(replicas.collect::<Vec<_>>(), expected);
        assert_eq!(block.good(), 2);
    }

    #[test]
    fn a_replica_that_does_not_count_can_still_be_read() {
        for (health, readable) in [
            (ReplicaHealth::Live, true),
            (ReplicaHealth::Stale, true),
            (ReplicaHealth::Excess, true),
            (ReplicaHealth::Decommissioned, true),
            (ReplicaHealth::Corrupt, false),
            (ReplicaHealth::Rbw, false),
        ] {
            let view = View::new(&answers(&[(1, health)]), &BTreeMap::new());
            let block = view.blocks().next().unwrap();
            assert_eq!(block.is_readable(), readable, "{health:?}");
        }
    }
}
