use super::super::pipeline_recovery::BLOCK_WRITE_RETRIES;
use super::*;
use crate::block::GenerationStamp;
use crate::client::replace_datanode::Policy;
use crate::packet::AckStatus;

fn located(id: u64, nodes: &[u64]) -> LocatedBlock {
    LocatedBlock {
        block: Block::new(id, 1001, 0),
        offset: 0,
        locations: nodes
            .iter()
            .map(|n| DatanodeInfo {
                id: DatanodeId(*n),
                hostname: String::new(),
                address: format!("node{n}"),
                rack: String::new(),
            })
            .collect(),
        corrupt: false,
        under_construction: true,
    }
}

fn streamer() -> DataStreamer {
    DataStreamer::new(WriteSettings::new(2))
}

fn bad(index: usize) -> BadNode {
    BadNode {
        index,
        reason: "is gone".into(),
    }
}

fn ack_all(streamer: &mut DataStreamer, nodes: usize) {
    while let Some(packet) = streamer.next_to_send() {
        streamer.on_ack(&PipelineAck {
            seqno: packet.seqno,
            replies: vec![AckStatus::Success; nodes],
        });
    }
}

#[test]
fn a_node_that_fails_before_the_first_byte_costs_the_block_only() {
    let mut streamer = streamer();
    streamer.on_block(located(1, &[1, 2, 3]));
    streamer.on_node_failed(bad(1));
    assert_eq!(streamer.action(), Action::Abandon(Block::new(1, 1001, 0)));
    streamer.on_abandoned();
    let exclude = vec![DatanodeId(2)];
    assert_eq!(streamer.action(), Action::AddBlock { exclude });
    assert!(streamer.on_no_datanodes());
    assert_eq!(streamer.action(), Action::AddBlock { exclude: vec![] });
    assert!(!streamer.on_no_datanodes());
    for _ in 0..BLOCK_WRITE_RETRIES {
        streamer.on_block(located(2, &[1]));
        streamer.on_node_failed(bad(0));
    }
    assert!(matches!(
        streamer.action(),
        Action::Fail(WriteError::NoPipeline { attempts: 4, .. })
    ));
}

#[test]
fn survivors_go_on_under_a_new_generation_from_what_all_of_them_have() {
    let mut streamer = streamer();
    streamer.on_block(located(1, &[1, 2, 3]));
    streamer.on_connected();
    streamer.push(Packet::new(0, 0, [1; 512]));
    ack_all(&mut streamer, 3);
    streamer.push(Packet::new(0, 512, [2; 100]));
    streamer.push(Packet {
        last: true,
        ..packets::empty(612)
    });
    let lost = streamer.next_to_send();
    streamer.on_ack(&PipelineAck {
        seqno: 1,
        replies: vec![AckStatus::Success, AckStatus::Error],
    });
    assert_eq!(streamer.next_to_send(), None, "there is no pipeline");
    assert_eq!(
        streamer.action(),
        Action::NewGeneration(Block::new(1, 1001, 0))
    );
    streamer.on_generation(GenerationStamp(1002));
    streamer.on_node_failed(bad(1)); // Node 3 refuses.
    streamer.on_generation(GenerationStamp(1003));
    let nodes = located(1, &[1]).locations;
    let (block, recovery) = (Block::new(1, 1001, 512), Some(GenerationStamp(1003)));
    let setup = Setup {
        block,
        recovery,
        nodes,
    };
    assert_eq!(streamer.action(), Action::Connect(setup));
    streamer.on_connected();
    let (old, new, nodes) = (
        Block::new(1, 1001, 0),
        Block::new(1, 1003, 512),
        vec![DatanodeId(1)],
    );
    assert_eq!(
        streamer.action(),
        Action::UpdatePipeline { old, new, nodes }
    );
    streamer.on_pipeline_updated();
    assert_eq!(streamer.take_finished(), None);
    assert_eq!(
        streamer.next_to_send(),
        lost,
        "the packet in flight is sent again"
    );
    streamer.on_ack(&PipelineAck {
        seqno: 1,
        replies: vec![AckStatus::Success],
    });
    ack_all(&mut streamer, 1);
    assert_eq!(streamer.take_finished(), Some(Block::new(1, 1003, 612)));
    let exclude = vec![DatanodeId(2), DatanodeId(3)];
    assert_eq!(streamer.action(), Action::AddBlock { exclude });
}

#[test]
fn when_no_node_is_left_the_error_names_each() {
    let mut streamer = streamer();
    streamer.on_block(located(1, &[1, 2]));
    streamer.on_connected();
    streamer.on_node_failed(bad(0));
    streamer.on_node_failed(bad(7));
    let Action::Fail(error) = streamer.action() else {
        panic!("expected a failure, not {:?}", streamer.action());
    };
    assert_eq!(
        error.to_string(),
        "every DataNode that blk_1_1001 was written to failed; 0 bytes of it were acknowledged:\
         \n  node1: is gone\n  node2: is gone"
    );
}

/// A streamer with one packet acknowledged by three nodes, of which the second has just failed, and one sent.
fn one_of_three_failed(settings: WriteSettings) -> DataStreamer {
    let mut streamer = DataStreamer::new(settings);
    streamer.on_block(located(1, &[1, 2, 3]));
    streamer.on_connected();
    streamer.push(Packet::new(0, 0, [1; 512]));
    ack_all(&mut streamer, 3);
    streamer.set_hflushed();
    streamer.push(Packet::new(0, 512, [2; 100]));
    streamer.next_to_send();
    streamer.on_node_failed(bad(1));
    streamer
}

#[test]
fn a_failed_node_is_replaced_before_the_block_goes_on() {
    let mut streamer = one_of_three_failed(WriteSettings::new(3));
    let [one, _, three, four] = &located(1, &[1, 2, 3, 4]).locations[..] else {
        panic!("four nodes");
    };
    let ids = |nodes: &[u64]| nodes.iter().copied().map(DatanodeId).collect::<Vec<_>>();
    assert_eq!(
        streamer.action(),
        Action::AdditionalDatanode {
            block: Block::new(1, 1001, 0),
            existing: ids(&[1, 3]),
            exclude: ids(&[2]),
        }
    );
    streamer.on_additional(four.clone());
    let transfer = |source: &DatanodeInfo| Action::Transfer {
        block: Block::new(1, 1001, 512),
        source: source.clone(),
        target: four.clone(),
    };
    assert_eq!(streamer.action(), transfer(one));
    streamer.on_transfer_failed(Blame::Source, "is gone".into());
    assert_eq!(streamer.action(), transfer(three));
    assert_eq!(streamer.next_to_send(), None, "nothing goes on meanwhile");
    streamer.on_transferred();
    streamer.on_generation(GenerationStamp(1002));
    let Action::Connect(setup) = streamer.action() else {
        panic!("expected a pipeline, not {:?}", streamer.action());
    };
    assert_eq!(setup.nodes, [one.clone(), three.clone(), four.clone()]);
    assert_eq!(setup.block, Block::new(1, 1001, 512));

    // The first one was gone indeed: it is replaced too.
    streamer.on_node_failed(bad(0));
    assert_eq!(
        streamer.action(),
        Action::AdditionalDatanode {
            block: Block::new(1, 1001, 0),
            existing: ids(&[3, 4]),
            exclude: ids(&[1, 2]),
        }
    );
}

#[test]
fn without_another_node_the_write_ends_or_goes_on_as_the_settings_say() {
    let mut streamer = one_of_three_failed(WriteSettings::new(3));
    streamer.on_no_additional("there are three".into());
    let Action::Fail(error) = streamer.action() else {
        panic!("expected a failure, not {:?}", streamer.action());
    };
    let text = error.to_string();
    assert!(text.contains("2 of 3 are too few"), "{text}");
    assert!(text.ends_with("the NameNode: there are three"), "{text}");

    let settings = WriteSettings {
        best_effort: true,
        ..WriteSettings::new(3)
    };
    let mut streamer = one_of_three_failed(settings);
    streamer.on_no_additional("there are three".into());
    assert_eq!(
        streamer.action(),
        Action::NewGeneration(Block::new(1, 1001, 0))
    );
    let never = WriteSettings {
        policy: Policy::Never,
        ..WriteSettings::new(3)
    };
    assert_eq!(
        one_of_three_failed(never).action(),
        Action::NewGeneration(Block::new(1, 1001, 0))
    );
}

#[test]
fn a_block_that_only_has_to_be_ended_gets_no_new_node() {
    let settings = WriteSettings {
        policy: Policy::Always,
        ..WriteSettings::new(3)
    };
    let mut streamer = DataStreamer::new(settings);
    streamer.on_block(located(1, &[1, 2, 3]));
    streamer.on_connected();
    streamer.push(Packet::new(0, 0, [1; 512]));
    ack_all(&mut streamer, 3);
    let last = Packet {
        last: true,
        ..packets::empty(512)
    };
    streamer.push(last);
    streamer.next_to_send();
    streamer.on_node_failed(bad(2));
    assert_eq!(
        streamer.action(),
        Action::NewGeneration(Block::new(1, 1001, 0))
    );
}
