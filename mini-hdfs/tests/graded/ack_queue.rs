//! The pipeline's acknowledgements: what is sent, what may be forgotten, what must be sent again.

use autograder::{Test, tests};
use mini_hdfs::client::ack_queue::{AckQueue, PACKETS_IN_FLIGHT_MAX};
use mini_hdfs::packet::{AckStatus, Packet, PipelineAck};

pub(crate) const TESTS: &[Test] = tests![
    ack_queue_counts_and_sends_in_order,
    ack_queue_forgets_only_what_every_node_has,
    ack_queue_names_the_first_bad_node,
    ack_queue_sends_again_what_was_not_acknowledged,
    ack_queue_sends_again_what_a_node_refused,
    ack_queue_promises_nothing_that_waits,
    ack_queue_does_not_believe_an_answer_out_of_turn,
    ack_queue_length_never_shrinks,
    ack_queue_is_full_at_the_window,
];

const OK: AckStatus = AckStatus::Success;
const ERROR: AckStatus = AckStatus::Error;

/// A queue with `packets` packets of one chunk each pushed.
fn queue(packets: u64) -> AckQueue {
    let mut queue = AckQueue::new();
    for i in 0..packets {
        assert_eq!(queue.push(Packet::new(0, i * 512, vec![1; 512])), i);
    }
    queue
}

fn send_all(queue: &mut AckQueue) -> Vec<u64> {
    std::iter::from_fn(|| queue.next_to_send())
        .map(|packet| packet.seqno)
        .collect()
}

fn ack(seqno: u64, replies: &[AckStatus]) -> PipelineAck {
    PipelineAck {
        seqno,
        replies: replies.to_vec(),
    }
}

fn ack_queue_counts_and_sends_in_order() {
    let mut queue = queue(3);
    assert_eq!(
        send_all(&mut queue),
        [0, 1, 2],
        "packets leave in the order in which they were pushed"
    );
    assert!(!queue.all_acked(), "what was sent is not yet acknowledged");
    assert_eq!(queue.acked_len(), 0, "sent is not acknowledged");
}

fn ack_queue_forgets_only_what_every_node_has() {
    let mut queue = queue(2);
    send_all(&mut queue);
    assert_eq!(
        queue.on_ack(&ack(0, &[OK, OK, OK]), 3),
        Ok(512),
        "all three nodes have packet 0, bytes 0 to 511"
    );
    assert!(
        queue.is_acked(0) && !queue.is_acked(1),
        "packet 0 is acknowledged, and packet 1 is not"
    );
    assert_eq!(
        queue.on_ack(&ack(1, &[OK, OK, OK]), 3),
        Ok(1024),
        "and packet 1, up to byte 1023"
    );
    assert!(queue.all_acked(), "nothing waits any more");
}

fn ack_queue_names_the_first_bad_node() {
    for (replies, bad) in [
        (&[ERROR, OK, OK][..], 0),
        (&[OK, ERROR][..], 1),
        (&[OK, OK, AckStatus::ErrorChecksum][..], 2),
        (&[OK, ERROR, ERROR][..], 1),
        // The last node is silent: nobody said that it has the packet.
        (&[OK, OK][..], 2),
    ] {
        let mut queue = queue(2);
        send_all(&mut queue);
        let answer = queue.on_ack(&ack(0, replies), 3).map_err(|bad| bad.index);
        assert_eq!(
            answer,
            Err(bad),
            "the first node of {replies:?} that did not succeed"
        );
        assert_eq!(
            queue.acked_len(),
            0,
            "a packet that one node lacks is not acknowledged"
        );
        assert!(!queue.is_acked(0), "nor does is_acked say so");
    }
}

fn ack_queue_sends_again_what_was_not_acknowledged() {
    let mut queue = queue(4);
    let sent: Vec<_> = (0..3).filter_map(|_| queue.next_to_send()).collect();
    queue.on_ack(&ack(0, &[OK, OK]), 2).unwrap();
    queue.requeue_unacked();
    assert_eq!(queue.acked_len(), 512, "rebuilding takes nothing back");
    let again = queue.next_to_send();
    assert_eq!(
        again.as_ref(),
        Some(&sent[1]),
        "the oldest without an acknowledgement comes first, unchanged"
    );
    assert_eq!(
        send_all(&mut queue),
        [2, 3],
        "and those behind it in order, the one never sent last"
    );
    for seqno in 1..4 {
        queue.on_ack(&ack(seqno, &[OK]), 1).unwrap();
    }
    assert!(
        queue.all_acked(),
        "every packet was acknowledged by the node that is left"
    );
    assert_eq!(queue.acked_len(), 2048, "4 packets of 512 bytes");
}

fn ack_queue_sends_again_what_a_node_refused() {
    let mut queue = queue(2);
    let first = queue.next_to_send();
    let refused = queue.on_ack(&ack(0, &[OK, ERROR]), 2);
    assert!(refused.is_err(), "the second node does not have packet 0");
    queue.requeue_unacked();
    assert_eq!(
        queue.next_to_send(),
        first,
        "packet 0 is sent again down the pipeline that is left"
    );
    assert_eq!(
        queue.on_ack(&ack(0, &[OK]), 1),
        Ok(512),
        "the node that is left has it now"
    );
}

fn ack_queue_promises_nothing_that_waits() {
    let mut queue = queue(2);
    assert!(!queue.is_acked(0), "packet 0 waits to be sent");
    send_all(&mut queue);
    assert!(!queue.is_acked(0), "packet 0 waits for its acknowledgement");
    queue.on_ack(&ack(0, &[OK, OK]), 2).unwrap();
    queue.requeue_unacked();
    assert!(
        queue.is_acked(0),
        "what was acknowledged stays so while the pipeline is rebuilt"
    );
    assert!(
        !queue.is_acked(1),
        "packet 1 waits to be sent again: nobody may be told that it is safe"
    );
    send_all(&mut queue);
    queue.on_ack(&ack(1, &[OK]), 1).unwrap();
    assert!(queue.is_acked(1), "the node that is left has packet 1 now");
    assert!(!queue.is_acked(2), "there is no packet 2 yet");
}

fn ack_queue_does_not_believe_an_answer_out_of_turn() {
    let mut queue = queue(3);
    queue.next_to_send();
    queue.next_to_send();
    assert!(
        queue.on_ack(&ack(1, &[OK]), 1).is_err(),
        "packet 0 is due first"
    );
    assert!(
        queue.on_ack(&ack(2, &[OK]), 1).is_err(),
        "packet 2 was never sent"
    );
    assert_eq!(
        queue.acked_len(),
        0,
        "an answer that is refused changes nothing"
    );
    queue.on_ack(&ack(0, &[OK]), 1).unwrap();
    assert_eq!(
        queue.on_ack(&ack(0, &[OK]), 1),
        Ok(512),
        "an old answer changes nothing"
    );
    assert!(
        !queue.is_acked(1),
        "packet 1 still waits for its own answer"
    );
}

fn ack_queue_length_never_shrinks() {
    // After an hflush in mid-chunk the next packet begins before the acknowledged end.
    let mut queue = AckQueue::new();
    queue.push(Packet::new(0, 0, vec![1; 700]));
    queue.push(Packet::new(0, 512, vec![1; 100]));
    send_all(&mut queue);
    assert_eq!(
        queue.on_ack(&ack(0, &[OK]), 1),
        Ok(700),
        "packet 0 ends at byte 700"
    );
    assert_eq!(
        queue.on_ack(&ack(1, &[OK]), 1),
        Ok(700),
        "packet 1 ends at byte 612, and all nodes have 700 all the same"
    );
}

fn ack_queue_is_full_at_the_window() {
    let mut queue = queue(PACKETS_IN_FLIGHT_MAX as u64);
    assert!(queue.is_full(), "as many packets wait to be sent as may");
    send_all(&mut queue);
    assert!(
        queue.is_full(),
        "packets that wait for their acknowledgement count too"
    );
    queue.on_ack(&ack(0, &[OK]), 1).unwrap();
    assert!(
        !queue.is_full(),
        "one packet less waits, so there is room for another"
    );
}
