//! The story that a failure tells: what had to do with one block, in the order in which the manager heard it.

use mini_hdfs::block::{BlockId, DatanodeId};
use mini_hdfs::namenode::capstone::{Command, Event};

use super::judge::{name, show};

/// A line of the story that a failure tells.
#[derive(Clone, Debug)]
pub(crate) enum Line {
    Told(Event),
    Ordered(Command),
    Fault(Option<BlockId>, Option<DatanodeId>, &'static str),
}

impl Line {
    /// The line, if it has to do with this block.
    pub(crate) fn about(&self, block: Option<BlockId>) -> Option<String> {
        let ours = |id: BlockId| block.is_none_or(|block| block == id);
        match self {
            Line::Ordered(order) => {
                let (Command::Copy { block, .. } | Command::Delete { block, .. }) = order;
                ours(block.id).then(|| match order {
                    Command::Copy { block, from, to } => {
                        let (from, to) = (name(*from), name(*to));
                        format!("ORDER copy {} from {from} to {to}", show(*block))
                    }
                    Command::Delete { block, datanode } => {
                        format!("ORDER delete {} on {}", show(*block), name(*datanode))
                    }
                })
            }
            Line::Fault(id, at, what) => {
                let at = at.map_or_else(String::new, |at| format!("{}: ", name(at)));
                id.is_none_or(ours).then(|| format!("{at}{what}"))
            }
            Line::Told(event) => match event {
                Event::BlockReport { datanode, replicas } => {
                    let listed = replicas.iter().find(|r| block == Some(r.id));
                    let (at, count) = (name(*datanode), replicas.len());
                    Some(match listed {
                        Some(listed) => {
                            format!(
                                "{at} reports {count} replicas, {} among them",
                                show(*listed)
                            )
                        }
                        None => format!("{at} reports {count} replicas, none of this block"),
                    })
                }
                Event::Registered { datanode, rack } => {
                    Some(format!("{} registers, in {rack}", name(*datanode)))
                }
                Event::NodeDead { datanode } => {
                    Some(format!("{} is declared dead", name(*datanode)))
                }
                Event::BlockClosed { block, replication } => ours(block.id)
                    .then(|| format!("{} is closed, to have {replication} replicas", show(*block))),
                Event::ReplicationChanged { block, replication } => {
                    ours(*block).then(|| format!("{block} should have {replication} replicas now"))
                }
                Event::BlockRemoved { block } => {
                    ours(*block).then(|| format!("{block} is removed"))
                }
                Event::BlockReceived { datanode, block } => ours(block.id)
                    .then(|| format!("{} has received {}", name(*datanode), show(*block))),
                Event::BlockDeleted { datanode, block } => {
                    ours(*block).then(|| format!("{} has deleted {block}", name(*datanode)))
                }
                Event::ReplicaCorrupt { datanode, block } => ours(*block)
                    .then(|| format!("{}'s replica of {block} is corrupt", name(*datanode))),
                Event::Heartbeat { .. } => None,
            },
        }
    }
}
