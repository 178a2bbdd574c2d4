//! Acknowledgements in a pipeline: a promise of every node from here down, in the order of the packets.

use autograder::{Test, tests};
use mini_hdfs::datanode::PacketResponder;
use mini_hdfs::packet::{AckStatus, PipelineAck};
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    acks_of_the_last_node_follow_its_writes,
    acks_wait_for_both_the_disk_and_the_node_below,
    acks_go_up_together_when_several_become_ready,
    acks_of_sync_packets_wait_for_the_disk,
    acks_tell_of_a_lost_node_below,
    acks_that_came_before_the_node_below_was_lost_still_count,
    acks_tell_of_a_failure_here,
    acks_from_below_pass_on_what_failed_there,
    acks_out_of_order_are_refused,
    acks_keep_their_promise_in_any_interleaving,
];

const OK: AckStatus = AckStatus::Success;
const ERROR: AckStatus = AckStatus::Error;

fn ack(seqno: u64, replies: &[AckStatus]) -> PipelineAck {
    PipelineAck {
        seqno,
        replies: replies.to_vec(),
    }
}

/// A node with `packets` packets received, none of which asks for a sync.
fn node(has_downstream: bool, packets: u64) -> PacketResponder {
    let mut responder = PacketResponder::new(has_downstream);
    for seqno in 0..packets {
        responder.received(seqno, false);
    }
    responder
}

fn acks_of_the_last_node_follow_its_writes() {
    let mut responder = node(false, 2);
    assert_eq!(
        responder.local_written(0),
        [ack(0, &[OK])],
        "it has packet 0, and there is no node below"
    );
    assert_eq!(
        responder.local_written(1),
        [ack(1, &[OK])],
        "it has packet 1, and there is no node below"
    );
    assert!(responder.is_idle(), "both packets are acknowledged");
}

fn acks_wait_for_both_the_disk_and_the_node_below() {
    let mut responder = node(true, 2);
    assert_eq!(
        responder.local_written(0),
        [],
        "the node below has not answered"
    );
    let sent = responder.downstream_ack(ack(0, &[OK, OK])).unwrap();
    assert_eq!(
        sent,
        [ack(0, &[OK, OK, OK])],
        "this node first, then those below"
    );
    let sent = responder.downstream_ack(ack(1, &[OK, OK])).unwrap();
    assert_eq!(sent, [], "the packet is not written here yet");
    assert_eq!(
        responder.local_written(1),
        [ack(1, &[OK, OK, OK])],
        "now both have packet 1"
    );
}

fn acks_go_up_together_when_several_become_ready() {
    let mut responder = node(true, 3);
    for seqno in 0..3 {
        let sent = responder.downstream_ack(ack(seqno, &[OK])).unwrap();
        assert_eq!(sent, [], "nothing is written here yet");
    }
    let all: Vec<_> = (0..3).map(|seqno| ack(seqno, &[OK, OK])).collect();
    assert_eq!(
        responder.local_written(2),
        all,
        "what is written up to 2 is written"
    );
}

fn acks_of_sync_packets_wait_for_the_disk() {
    let mut responder = PacketResponder::new(false);
    responder.received(0, false);
    responder.received(1, true);
    responder.received(2, false);
    assert_eq!(
        responder.local_written(0),
        [ack(0, &[OK])],
        "packet 0 asks for no sync"
    );
    assert_eq!(responder.local_written(1), [], "written is not yet synced");
    assert_eq!(
        responder.local_written(2),
        [],
        "packet 1 comes before packet 2"
    );
    assert_eq!(
        responder.local_synced(1),
        [ack(1, &[OK]), ack(2, &[OK])],
        "packet 1 is on the disk, and packet 2 has waited only for it"
    );
}

fn acks_tell_of_a_lost_node_below() {
    let mut responder = node(true, 3);
    assert_eq!(
        responder.local_written(1),
        [],
        "the node below has not answered"
    );
    let sent = responder.downstream_ack(ack(0, &[OK, OK])).unwrap();
    assert_eq!(
        sent,
        [ack(0, &[OK, OK, OK])],
        "both have packet 0, written together with packet 1"
    );
    assert_eq!(
        responder.downstream_failed(),
        [ack(1, &[OK, ERROR])],
        "this node has packet 1, the next one is lost; packet 2 is not written here yet"
    );
    assert_eq!(
        responder.local_written(2),
        [ack(2, &[OK, ERROR])],
        "a packet written after the loss is told of in the same way"
    );
}

fn acks_that_came_before_the_node_below_was_lost_still_count() {
    let mut responder = node(true, 2);
    assert_eq!(
        responder.downstream_ack(ack(0, &[OK])),
        Ok(vec![]),
        "packet 0 is not written here yet"
    );
    assert_eq!(responder.downstream_failed(), [], "nothing is written here");
    assert_eq!(
        responder.local_written(1),
        [ack(0, &[OK, OK]), ack(1, &[OK, ERROR])],
        "below had packet 0 before it was lost; nobody knows whether it had packet 1"
    );
}

fn acks_tell_of_a_failure_here() {
    let mut responder = node(true, 2);
    assert_eq!(
        responder.local_written(0),
        [],
        "the node below has not answered"
    );
    let failed = responder.local_failed(1, AckStatus::ErrorChecksum);
    assert_eq!(
        failed,
        [],
        "packet 0 is written here, and waits for the node below"
    );
    let sent = responder.downstream_ack(ack(0, &[OK])).unwrap();
    assert_eq!(
        sent.len(),
        2,
        "packet 0 is complete, and packet 1 failed here, so it waits for nobody"
    );
    assert_eq!(
        sent[0],
        ack(0, &[OK, OK]),
        "packet 0 is on both nodes: a later failure takes nothing back"
    );
    assert_eq!(
        sent[1].replies[0],
        AckStatus::ErrorChecksum,
        "packet 1 failed here"
    );
}

fn acks_from_below_pass_on_what_failed_there() {
    let mut responder = node(true, 1);
    let sent = responder.downstream_ack(ack(0, &[OK, ERROR])).unwrap();
    assert_eq!(sent, [], "packet 0 is not written here yet");
    assert_eq!(
        responder.local_written(0),
        [ack(0, &[OK, OK, ERROR])],
        "this node, the next one, and the one that failed, in the order of the pipeline"
    );
}

fn acks_out_of_order_are_refused() {
    let mut responder = node(true, 2);
    let refused = responder.downstream_ack(ack(1, &[OK]));
    assert!(
        refused.is_err(),
        "packet 0 is the next that the node below has to acknowledge"
    );
    assert_eq!(
        responder.downstream_ack(ack(0, &[OK])),
        Ok(vec![]),
        "packet 0 is due below; a refused answer changes nothing"
    );
    assert!(
        responder.downstream_ack(ack(0, &[OK])).is_err(),
        "it did so already"
    );
    assert_eq!(
        responder.downstream_ack(ack(1, &[OK])),
        Ok(vec![]),
        "packet 1 is due now, though nothing is written here"
    );
    assert!(
        responder.downstream_ack(ack(2, &[OK])).is_err(),
        "it was never sent"
    );
}

proptest! {
    #![proptest_config(autograder::property(256))]

    /// However the disk and the node below race each other: each packet is acknowledged once, in order, and not
    /// before both have it.
    fn acks_keep_their_promise_in_any_interleaving(
        sync in prop::collection::vec(any::<bool>(), 1..20),
        turns in prop::collection::vec(0..4_u8, 200),
    ) {
        let mut responder = PacketResponder::new(true);
        let packets = sync.len() as u64;
        let (mut received, mut written, mut synced, mut below) = (0, 0, 0, 0);
        let mut acked = 0;
        for turn in turns.into_iter().chain([0, 1, 2, 3].repeat(20)) {
            let sent = match turn {
                0 if received < packets => {
                    responder.received(received, sync[usize::try_from(received).unwrap()]);
                    received += 1;
                    Vec::new()
                }
                1 if written < received => {
                    written += 1;
                    responder.local_written(written - 1)
                }
                2 if synced < written => {
                    synced = written;
                    responder.local_synced(synced - 1)
                }
                3 if below < received => {
                    below += 1;
                    let seqno = below - 1;
                    let sent = responder.downstream_ack(ack(seqno, &[OK]));
                    prop_assert!(sent.is_ok(), "packet {} is due, but it is refused: {:?}", seqno, sent);
                    sent.unwrap()
                }
                _ => Vec::new(),
            };
            for one in sent {
                prop_assert_eq!(&one, &ack(acked, &[OK, OK]), "each once, in order");
                let here = if sync[usize::try_from(acked).unwrap()] { synced } else { written };
                prop_assert!(acked < here, "packet {} is not here yet", acked);
                prop_assert!(acked < below, "packet {} is not below yet", acked);
                acked += 1;
            }
        }
        prop_assert_eq!(acked, packets, "every packet is acknowledged in the end");
        prop_assert!(responder.is_idle(), "nothing waits any more");
    }
}
