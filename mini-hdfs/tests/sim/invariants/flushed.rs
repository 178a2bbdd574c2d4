//! What was flushed is on every node of the pipeline that has lived since: a reader may see it there, whatever
//! has become of the others, of the writer, or of the rebuilding of the pipeline.

use mini_hdfs::block::{Block, DatanodeId, ReplicaState};
use mini_hdfs::datanode::Replica;
use mini_hdfs::datanode::storage::Place;
use node::NodeId;
use sim::{Invariant, World};

use crate::cluster::Member;
use crate::history::{History, Promise, Shared};

/// Whether a node that lives keeps the promise that the first bytes of a block, `expected`, are there.
fn judge(
    expected: &[u8],
    block: Block,
    replica: Option<&Replica>,
    data: Option<&[u8]>,
) -> Result<(), String> {
    let Some(replica) = replica else {
        return Err(format!("it has no replica of {block}"));
    };
    let readable = matches!(replica.state, ReplicaState::Rbw | ReplicaState::Finalized);
    if !readable || replica.block.generation < block.generation {
        return Err(format!("it has {}, {:?}", replica.block, replica.state));
    }
    let (visible, least) = (replica.block.len, expected.len() as u64);
    if visible < least {
        return Err(format!(
            "it shows {visible} bytes of {block}, and {least} were flushed"
        ));
    }
    if !data.is_some_and(|data| data.starts_with(expected)) {
        return Err(format!("its first {least} bytes of {block} are others"));
    }
    Ok(())
}

/// The nodes of a pipeline that have not crashed since it was set up, which takes what was not synced, and whose disks are whole.
pub(super) fn faithful(
    promise: &Promise,
    history: &History,
    world: &World<Member>,
) -> Vec<(DatanodeId, NodeId)> {
    let known = promise.nodes.iter().filter_map(|(id, boots)| {
        let node = *history.datanodes.get(id)?;
        (history.boots.get(&node) == Some(boots)).then_some((*id, node))
    });
    let lives = |node: NodeId| {
        let disk = world.disk(node);
        world.node(node).is_some() && disk.is_some_and(|disk| disk.damage() == 0)
    };
    known.filter(|(_, node)| lives(*node)).collect()
}

pub(crate) struct Flushed(pub(crate) Shared);

impl Invariant<Member> for Flushed {
    fn name(&self) -> &'static str {
        "what-was-flushed-is-kept"
    }

    fn sentence(&self) -> &'static str {
        "What was flushed is on every node of the pipeline that has lived since"
    }

    fn check(&mut self, world: &World<Member>) -> Result<(), String> {
        let history = self.0.borrow();
        for (path, promise) in &history.promised {
            let Some(bytes) = history.open.get(path) else {
                continue;
            };
            let expected = &bytes[promise.before..promise.bytes];
            if expected.is_empty() || history.is_recovered(path) {
                continue;
            }
            for (_, node) in faithful(promise, &history, world) {
                let replica = world.node(node).and_then(Member::datanode);
                let replica = replica.and_then(|datanode| datanode.replica(promise.block.id));
                let place = replica.map_or(Place::Rbw, |replica| Place::of(replica.state));
                let disk = world.disk(node);
                let data = disk.and_then(|disk| disk.contents(&place.data(promise.block.id)));
                judge(expected, promise.block, replica, data)
                    .map_err(|wrong| format!("{path}: {node} was in its pipeline, and {wrong}"))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_lives_must_have_what_was_flushed() {
        let block = Block::new(7, 1002, 3);
        let judge = |generation, len, state, data: &[u8]| {
            let replica = Replica::new(Block::new(7, generation, len), state);
            judge(b"abc", block, Some(&replica), Some(data))
        };
        let rbw = ReplicaState::Rbw;
        assert_eq!(judge(1002, 3, rbw, b"abcd"), Ok(()));
        assert_eq!(judge(1003, 4, ReplicaState::Finalized, b"abcd"), Ok(()));
        assert!(judge(1002, 2, rbw, b"abcd").is_err(), "not shown");
        assert!(judge(1001, 3, rbw, b"abcd").is_err(), "out of date");
        assert!(judge(1002, 3, ReplicaState::Rwr, b"abcd").is_err());
        assert!(judge(1002, 3, rbw, b"abd").is_err());
        assert!(super::judge(b"abc", block, None, None).is_err());
    }
}
