//! No replica of an old generation is served: the NameNode names none, and a DataNode gives none out.

use std::cell::RefCell;
use std::rc::Rc;

use mini_hdfs::block::{Block, DatanodeId, GenerationStamp};
use mini_hdfs::datanode::storage::Place;
use node::Disk;
use sim::{Invariant, SimDisk, World};

use crate::cluster::Member;
use crate::history::Shared;
use crate::truth::Truth;

/// A DataNode began to send a replica to a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Served {
    /// Which.
    pub(crate) by: DatanodeId,
    /// What was asked for.
    pub(crate) asked: Block,
    /// What it has.
    pub(crate) replica: Block,
}

/// The NameNode told a reader where to find a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Located {
    /// The block.
    pub(crate) block: Block,
    /// Who has it.
    pub(crate) nodes: Vec<DatanodeId>,
}

/// Whether a replica may be served, where the block was closed in the generation `newest`.
fn judge(served: &Served, newest: Option<GenerationStamp>) -> Result<(), String> {
    let Served { by, asked, replica } = served;
    // A newer one is that of a pipeline being rebuilt: it has all that was acknowledged.
    if replica.generation < asked.generation {
        return Err(format!("{by} was asked for {asked} and served {replica}"));
    }
    match newest {
        Some(newest) if newest != replica.generation => Err(format!(
            "{by} served {replica}, and the block was closed in generation {newest}"
        )),
        _ => Ok(()),
    }
}

/// The generations of a block on a disk.
fn generations(disk: &SimDisk, block: Block) -> Vec<GenerationStamp> {
    let prefix = format!("{}_", block.id);
    let names = [Place::Finalized, Place::Rbw].map(|place| disk.list(&place.dir(block.id)));
    names
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|name| {
            let generation = name.strip_prefix(&prefix)?.strip_suffix(".meta")?;
            generation.parse().ok().map(GenerationStamp)
        })
        .collect()
}

/// Whether a node with replicas of these generations may be named for a block of the generation `block`.
fn judge_location(
    block: GenerationStamp,
    there: &[GenerationStamp],
) -> Result<(), GenerationStamp> {
    match there.iter().max() {
        Some(newest) if *newest < block => Err(*newest),
        // None at all: it was deleted or lost a moment ago, and will refuse.
        _ => Ok(()),
    }
}

pub(crate) struct NewestGeneration {
    history: Shared,
    truth: Rc<RefCell<Truth>>,
}

impl NewestGeneration {
    pub(crate) fn new(history: Shared, truth: Rc<RefCell<Truth>>) -> NewestGeneration {
        NewestGeneration { history, truth }
    }
}

impl Invariant<Member> for NewestGeneration {
    fn name(&self) -> &'static str {
        "no-old-generation-is-served"
    }

    fn sentence(&self) -> &'static str {
        "No replica of an old generation is served"
    }

    fn check(&mut self, world: &World<Member>) -> Result<(), String> {
        let truth = self.truth.borrow();
        let mut history = self.history.borrow_mut();
        for served in std::mem::take(&mut history.served) {
            let id = served.asked.id;
            let closed = truth.block(id).map(|b| b.block.generation);
            let newest = closed.filter(|_| !history.located_open.contains(&id));
            judge(&served, newest)?;
        }
        for Located { block, nodes } in std::mem::take(&mut history.located) {
            for id in nodes {
                let node = history.datanodes.get(&id).copied();
                let Some(disk) = node.and_then(|node| world.disk(node)) else {
                    continue;
                };
                if let Err(old) = judge_location(block.generation, &generations(disk, block)) {
                    return Err(format!(
                        "a reader of {block} was sent to {id}, which has {old}"
                    ));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_replica_must_not_be_served() {
        let served = |asked, replica| Served {
            by: DatanodeId(1),
            asked: Block::new(7, asked, 0),
            replica: Block::new(7, replica, 0),
        };
        let newest = Some(GenerationStamp(1002));
        assert_eq!(judge(&served(1002, 1002), newest), Ok(()));
        assert_eq!(judge(&served(1001, 1001), None), Ok(()));
        assert_eq!(judge(&served(1001, 1002), newest), Ok(()));
        assert!(judge(&served(1002, 1001), newest).is_err());
        assert!(judge(&served(1001, 1001), newest).is_err());
    }

    #[test]
    fn a_node_with_an_old_replica_must_not_be_named() {
        let mut disk = SimDisk::default();
        let block = Block::new(7, 1002, 0);
        let meta = |generation| Place::Rbw.meta(block.id, GenerationStamp(generation));
        let judge = |disk: &SimDisk| judge_location(block.generation, &generations(disk, block));
        assert_eq!(judge(&disk), Ok(()));
        disk.append(&meta(1001), b"x").unwrap();
        assert_eq!(judge(&disk), Err(GenerationStamp(1001)));
        disk.append(&meta(1002), b"x").unwrap();
        assert_eq!(judge(&disk), Ok(()));
    }
}
