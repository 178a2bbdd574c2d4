//! A pipeline that is being rebuilt, as the NameNode sees it.

use super::*;
use crate::protocol::{AdditionalDatanodeRequest, ReplicaHealth};

impl Rig {
    /// A file with a block that is written by all three DataNodes, and a fourth one that is free.
    fn writing() -> (Rig, InodeId, Block) {
        let mut rig = Rig::new();
        let inode = rig.create("/f", "ada");
        let block = rig.add(inode, None).unwrap().block;
        rig.register(DatanodeId(4));
        (rig, inode, block)
    }

    /// The pipeline of `block` is rebuilt of `nodes`.
    fn rebuild(&mut self, inode: InodeId, block: Block, nodes: &[DatanodeId]) -> GenerationStamp {
        let namenode = &mut self.namenode;
        let generation = namenode.update_block_for_pipeline(inode, "ada", block);
        let generation = generation.unwrap();
        let new = Block {
            generation,
            ..block
        };
        let updated = namenode.update_pipeline(inode, "ada", block, new, nodes);
        updated.unwrap();
        generation
    }

    fn additional(
        &mut self,
        (inode, client): (InodeId, &str),
        block: Block,
        existing: &[u64],
        exclude: &[u64],
    ) -> Result<DatanodeId, FsError> {
        let ids = |ids: &[u64]| ids.iter().copied().map(DatanodeId).collect();
        let request = AdditionalDatanodeRequest {
            inode,
            client: client.to_owned(),
            block,
            existing: ids(existing),
            exclude: ids(exclude),
            client_host: None,
        };
        let named = self
            .namenode
            .get_additional_datanode(&request, NOW, &mut self.rng);
        named.map(|node| node.id)
    }
}

#[test]
fn another_node_is_one_that_is_neither_there_nor_failed_nor_out_of_date() {
    let (mut rig, inode, block) = Rig::writing();
    let ada = (inode, "ada");
    let four = Ok(DatanodeId(4));
    assert_eq!(rig.additional(ada, block, &[1, 2], &[3]), four);
    let none = rig.additional(ada, block, &[1, 2], &[3, 4]);
    assert!(matches!(none, Err(FsError::NoDatanodes { .. })), "{none:?}");
    // Node 3 is dropped: what it has is old, and it must not get a new one before that is gone.
    let generation = rig.rebuild(inode, block, &[DatanodeId(1), DatanodeId(2)]);
    let now = Block {
        generation,
        ..block
    };
    assert_eq!(rig.additional(ada, now, &[1, 2], &[]), four);
    let none = rig.additional(ada, now, &[1, 2, 4], &[]);
    assert!(matches!(none, Err(FsError::NoDatanodes { .. })), "{none:?}");

    let stale = rig.additional(ada, block, &[1, 2], &[]);
    assert!(
        matches!(stale, Err(FsError::StaleBlock { .. })),
        "{stale:?}"
    );
    let other = rig.additional((inode, "bob"), now, &[1, 2], &[]);
    assert!(
        matches!(other, Err(FsError::LeaseExpired { .. })),
        "{other:?}"
    );
    let txid = rig.namenode.last_txid();
    rig.additional(ada, now, &[1, 2], &[]).unwrap();
    assert_eq!(rig.namenode.last_txid(), txid, "asking changes nothing");
    rig.namenode.set_safe_mode(true, NOW);
    let refused = rig.additional(ada, now, &[1, 2], &[]);
    assert!(
        matches!(refused, Err(FsError::SafeMode { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_node_that_is_dropped_is_known_to_be_out_of_date_without_a_word_of_it() {
    let (mut rig, inode, block) = Rig::writing();
    rig.rebuild(inode, block, &[DatanodeId(1), DatanodeId(2)]);
    let shown = rig.namenode.blocks().fsck(block.id, NOW).unwrap();
    let health = |id| {
        let found = shown.replicas.iter().find(|(node, _)| node.id.0 == id);
        found.map(|(_, health)| *health)
    };
    assert_eq!(health(1), Some(ReplicaHealth::Rbw));
    assert_eq!(health(3), Some(ReplicaHealth::Corrupt));
    // What it wrote before it was dropped is old news.
    let events = [BlockEvent::Received(block)];
    let registration = rig.registrations[2];
    rig.namenode
        .incremental_block_report(DatanodeId(3), registration, &events, NOW)
        .unwrap();
    let info = rig.namenode.blocks().blocks().get(block.id).unwrap();
    assert!(info.early().is_empty() && !info.pipeline().contains(&DatanodeId(3)));
}

#[test]
fn the_namenode_restarts_between_the_new_generation_and_the_new_pipeline() {
    let (mut rig, inode, block) = Rig::writing();
    let generation = rig
        .namenode
        .update_block_for_pipeline(inode, "ada", block)
        .unwrap();
    let mut again = rig.restart();
    let new = Block {
        generation,
        ..block
    };
    // Nodes 1 and 2 have raised their replicas meanwhile, and report them; node 3 is cut off, and reports the old one.
    for (node, replica) in [(1, new), (2, new), (3, block)] {
        let events = [BlockEvent::Receiving(replica)];
        let registration = again.registrations[node - 1];
        again
            .namenode
            .incremental_block_report(DatanodeId(node as u64), registration, &events, NOW)
            .unwrap();
    }
    let two = [DatanodeId(1), DatanodeId(2)];
    for _ in 0..2 {
        again
            .namenode
            .update_pipeline(inode, "ada", block, new, &two)
            .unwrap();
    }
    let info = again.namenode.blocks().blocks().get(block.id).unwrap();
    assert_eq!((info.block, info.pipeline()), (new, &two[..]));
    assert_eq!(
        info.corrupt().keys().copied().collect::<Vec<_>>(),
        [DatanodeId(3)],
        "that it was in the pipeline was known from its report alone"
    );
    let next = again
        .namenode
        .update_block_for_pipeline(inode, "ada", new)
        .unwrap();
    assert!(next > generation, "no generation is handed out twice");
}
