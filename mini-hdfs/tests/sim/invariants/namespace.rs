//! The namespace after recovery equals that before, for every acknowledged operation.
//!
//! Looked at from both sides: the NameNode that has recovered must have the state that an earlier life had after the same
//! transaction, and no answer may have depended on a later one; and what clients were promised must be there.

use std::collections::BTreeMap;

use mini_hdfs::block::{Block, BlockId, GenerationStamp, InodeId, TxId};
use mini_hdfs::namenode::NameNode;
use mini_hdfs::namenode::namespace::Namespace;
use sim::{Invariant, World};

use crate::cluster::Member;
use crate::history::{Known, Shared};
use crate::wire::NAMENODE;

/// All that is durable of a NameNode.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Snapshot {
    namespace: Namespace,
    blocks: Vec<(Block, InodeId, u16)>,
    last_id: BlockId,
    last_generation: GenerationStamp,
}

impl Snapshot {
    pub(crate) fn of(core: &NameNode) -> Snapshot {
        let blocks = core.blocks().blocks();
        Snapshot {
            namespace: core.namespace().clone(),
            blocks: blocks
                .iter()
                .map(|info| (info.block, info.inode, info.replication))
                .collect(),
            last_id: blocks.last_id(),
            last_generation: blocks.last_generation(),
        }
    }
}

/// Whether a NameNode may have recovered `found`, the state after transaction `txid`.
pub(crate) fn judge_recovery(
    acked: TxId,
    snapshots: &BTreeMap<TxId, Snapshot>,
    (txid, found): (TxId, &Snapshot),
) -> Result<(), String> {
    if txid < acked {
        return Err(format!(
            "the NameNode came back with transaction {txid}, and {acked} was acknowledged"
        ));
    }
    match snapshots.get(&txid) {
        Some(before) if before != found => Err(format!(
            "after transaction {txid} there was {before:?}, and after recovery {found:?}"
        )),
        _ => Ok(()),
    }
}

pub(crate) struct Recovered {
    history: Shared,
    /// What was looked at last: nothing new, nothing to check.
    seen: (u32, TxId, u64),
}

impl Recovered {
    pub(crate) fn new(history: Shared) -> Recovered {
        Recovered {
            history,
            seen: (0, TxId(0), 0),
        }
    }
}

impl Invariant<Member> for Recovered {
    fn name(&self) -> &'static str {
        "acknowledged-operations-survive"
    }

    fn sentence(&self) -> &'static str {
        "The namespace after recovery equals that before, for every acknowledged operation"
    }

    fn check(&mut self, world: &World<Member>) -> Result<(), String> {
        let mut history = self.history.borrow_mut();
        if let Some(wrong) = history.wrong_recoveries.pop() {
            return Err(wrong);
        }
        let Some(core) = world.node(NAMENODE).and_then(Member::namenode) else {
            return Ok(());
        };
        let seen = (world.life(NAMENODE), core.last_txid(), history.version);
        if self.seen != seen {
            self.seen = seen;
            for (path, known) in &history.paths {
                judge_path(path, known, core)?;
            }
        }
        Ok(())
    }
}

/// Whether a path is as a client was told.
fn judge_path(path: &str, known: &Known, core: &NameNode) -> Result<(), String> {
    let inode = core.namespace().lookup(path);
    let file = match known {
        Known::Unknown => return Ok(()),
        Known::Absent if inode.is_none() => return Ok(()),
        Known::Absent => return Err(format!("{path} was deleted and is there")),
        Known::Directory if inode.is_some_and(|i| i.as_directory().is_some()) => return Ok(()),
        Known::Directory => return Err(format!("the directory {path} is gone")),
        Known::Closed(file) => file,
    };
    let Some(found) = inode.and_then(|inode| inode.as_file()) else {
        return Err(format!("the closed file {path} is gone"));
    };
    let block = |id: &BlockId| core.blocks().blocks().get(*id).map(|info| info.block);
    let blocks: Vec<Block> = found.blocks.iter().filter_map(block).collect();
    let replication = file.replication.unwrap_or(found.replication);
    if blocks != file.blocks || found.client.is_some() || found.replication != replication {
        return Err(format!(
            "{path} was closed with {:?} × {replication}, and is {found:?} with {blocks:?}",
            file.blocks
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use mini_hdfs::namenode::Config;
    use node::{MemDisk, Rng, Time};

    use super::*;
    use crate::history::ClosedFile;
    use crate::name_node::permission;

    fn core() -> NameNode {
        let mut disk = MemDisk::default();
        NameNode::format(&mut disk, &mut Rng::new(1)).unwrap();
        NameNode::load(Config::default(), &mut disk, Time::ZERO).unwrap()
    }

    #[test]
    fn nothing_acknowledged_is_missing_after_recovery() {
        let mut core = core();
        let empty = Snapshot::of(&core);
        core.mkdirs("/a", true, &permission(), Time::ZERO).unwrap();
        let full = Snapshot::of(&core);
        let snapshots = BTreeMap::from([(TxId(1), full.clone())]);
        let judge = |acked, found: &Snapshot, txid| {
            judge_recovery(TxId(acked), &snapshots, (TxId(txid), found))
        };
        assert_eq!(judge(1, &full, 1), Ok(()));
        assert_eq!(judge(0, &empty, 0), Ok(()));
        assert!(judge(1, &empty, 0).is_err());
        assert!(judge(1, &empty, 1).is_err());
    }

    #[test]
    fn what_a_client_was_told_is_there() {
        let mut core = core();
        core.mkdirs("/a", true, &permission(), Time::ZERO).unwrap();
        let judge = |path, known| judge_path(path, &known, &core);
        assert_eq!(judge("/a", Known::Directory), Ok(()));
        assert_eq!(judge("/b", Known::Absent), Ok(()));
        assert_eq!(judge("/b", Known::Unknown), Ok(()));
        assert!(judge("/a", Known::Absent).is_err());
        assert!(judge("/b", Known::Directory).is_err());
        let file = ClosedFile {
            bytes: [].into(),
            blocks: vec![],
            replication: None,
        };
        assert!(judge("/a", Known::Closed(file)).is_err());
    }
}
