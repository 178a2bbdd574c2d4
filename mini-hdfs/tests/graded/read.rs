//! The verified read: every byte handed on was checked, and a replica that fails costs nothing but time.

use std::collections::BTreeSet;

use autograder::{Test, tests};
use mini_hdfs::block::{Block, DatanodeId, DatanodeInfo, LocatedBlock};
use mini_hdfs::client::block_reader::{BLOCK_ACQUIRE_FAILURES_MAX, BlockReader, ReadAction};
use mini_hdfs::packet::Packet;

pub(crate) const TESTS: &[Test] = tests![
    read_hands_on_exactly_the_range,
    read_never_hands_on_a_bad_chunk_and_reports_its_replica,
    read_checks_the_chunk_that_a_range_only_touches,
    read_checks_every_chunk_of_a_packet,
    read_goes_on_after_a_lost_connection_and_leaves_the_node_alone,
    read_notices_a_gap_and_a_short_replica,
    read_hands_on_what_a_short_replica_still_had,
    read_asks_for_new_locations_and_then_gives_up_with_every_reason,
    read_takes_the_new_version_of_a_block,
    read_of_a_block_being_written_ends_where_the_node_says,
];

const LEN: usize = 3000;

fn contents() -> Vec<u8> {
    (0..251).cycle().take(LEN).collect()
}

fn located(nodes: u64) -> LocatedBlock {
    LocatedBlock {
        block: Block::new(1, 1001, LEN as u64),
        offset: 0,
        locations: (1..=nodes)
            .map(|n| DatanodeInfo {
                id: DatanodeId(n),
                hostname: format!("host{n}"),
                address: format!("10.0.0.{n}:9866"),
                rack: "/default-rack".into(),
            })
            .collect(),
        corrupt: false,
        under_construction: false,
    }
}

fn reader(nodes: u64, offset: u64, len: u64) -> BlockReader {
    BlockReader::new(&located(nodes), offset, len, BTreeSet::new())
}

/// The packets of one chunk each that a good DataNode sends from `offset` on, the empty last one included.
fn packets(offset: u64) -> Vec<Packet> {
    let mut packets: Vec<Packet> = contents()
        .chunks(512)
        .enumerate()
        .map(|(i, chunk)| Packet::new(i as u64, i as u64 * 512, chunk))
        .filter(|packet| packet.end() > offset)
        .collect();
    packets.push(Packet {
        last: true,
        ..Packet::new(99, LEN as u64, [])
    });
    packets
}

/// The node to ask and from where.
fn asks(reader: &BlockReader) -> (u64, u64) {
    match reader.action() {
        ReadAction::Read { from, offset, .. } => (from.id.0, offset),
        other => panic!("expected to read, not {other:?}"),
    }
}

/// Feeds packets until they end, the reader is done, or the replica fails.
fn feed(reader: &mut BlockReader, packets: &[Packet], got: &mut Vec<u8>) -> bool {
    packets.iter().all(|packet| {
        if reader.action() == ReadAction::Done {
            return true;
        }
        let Some(range) = reader.on_packet(packet) else {
            return false;
        };
        got.extend_from_slice(&packet.data[range]);
        true
    })
}

/// Compares bytes, and says where they differ instead of printing them all.
#[track_caller]
fn assert_bytes(got: &[u8], expected: &[u8], what: &str) {
    let differ = got.iter().zip(expected).position(|(a, b)| a != b);
    if let Some(at) = differ {
        let (got, expected) = (got[at], expected[at]);
        panic!("{what}: byte {at} should be {expected} and is {got}");
    }
    assert_eq!(got.len(), expected.len(), "{what}: the number of bytes");
}

fn flip(packet: &mut Packet, at: usize) {
    let mut data = packet.data.to_vec();
    data[at] ^= 1;
    packet.data = data.into();
}

fn read_hands_on_exactly_the_range() {
    for (offset, len) in [
        (0, LEN as u64),
        (0, 1),
        (511, 2),
        (700, 1000),
        (2999, 1),
        (2560, 440),
    ] {
        let (mut reader, mut got) = (reader(1, offset, len), Vec::new());
        assert_eq!(
            asks(&reader),
            (1, offset),
            "the first location is the nearest"
        );
        assert!(
            feed(&mut reader, &packets(offset), &mut got),
            "every packet of a good replica is of use"
        );
        let (from, to) = (
            usize::try_from(offset).unwrap(),
            usize::try_from(offset + len).unwrap(),
        );
        assert_bytes(&got, &contents()[from..to], &format!("bytes {from}..{to}"));
        assert_eq!(
            reader.action(),
            ReadAction::Done,
            "all bytes wanted were handed on"
        );
    }
    let (mut whole, mut packets) = (reader(1, 0, LEN as u64), packets(0));
    packets.pop();
    packets.last_mut().unwrap().last = true;
    feed(&mut whole, &packets, &mut Vec::new());
    assert_eq!(
        whole.take_corrupt(),
        [],
        "the last packet has data, and with it the replica is whole"
    );
    // Who wants nothing asks nobody.
    assert_eq!(
        reader(1, 5, 0).action(),
        ReadAction::Done,
        "no byte is wanted"
    );
    assert_eq!(
        reader(1, LEN as u64, 10).action(),
        ReadAction::Done,
        "the block ends where the range begins"
    );
}

fn read_never_hands_on_a_bad_chunk_and_reports_its_replica() {
    let (mut reader, mut got) = (reader(2, 0, LEN as u64), Vec::new());
    let mut bad = packets(0);
    flip(&mut bad[2], 100);
    assert!(
        !feed(&mut reader, &bad, &mut got),
        "a flipped bit ends the use of this replica"
    );
    let (node, offset) = asks(&reader);
    assert_eq!(
        (node, offset),
        (2, got.len() as u64),
        "the next replica goes on where this one ended"
    );
    assert_eq!(
        reader.take_corrupt(),
        [(Block::new(1, 1001, LEN as u64), DatanodeId(1))],
        "the replica with the flipped bit is reported"
    );
    assert_eq!(reader.take_corrupt(), [], "reported once");
    assert!(
        feed(&mut reader, &packets(offset), &mut got),
        "the second replica is good"
    );
    assert_bytes(&got, &contents(), "the block, although one replica was bad");
}

fn read_checks_the_chunk_that_a_range_only_touches() {
    let (mut reader, mut got) = (reader(2, 600, 10), Vec::new());
    let mut bad = packets(600);
    flip(&mut bad[0], 500); // Byte 1012: outside the range, but under the same checksum.
    assert!(
        !feed(&mut reader, &bad, &mut got),
        "the chunk that holds the wanted bytes does not match its checksum, so none of them is good"
    );
    assert_eq!(
        asks(&reader),
        (2, 600),
        "the next replica is asked for the same bytes"
    );
}

fn read_checks_every_chunk_of_a_packet() {
    let mut reader = reader(2, 0, LEN as u64);
    let mut bad = Packet::new(0, 0, contents()[..1536].to_vec());
    flip(&mut bad, 1500);
    assert_eq!(
        reader.on_packet(&bad),
        None,
        "the third of its chunks does not match its checksum"
    );
    assert_eq!(
        (asks(&reader), reader.position()),
        ((2, 0), 0),
        "nothing of it was handed on, so the next replica begins where this one did"
    );
}

fn read_goes_on_after_a_lost_connection_and_leaves_the_node_alone() {
    let (mut reader, mut got) = (reader(2, 0, LEN as u64), Vec::new());
    assert!(
        feed(&mut reader, &packets(0)[..3], &mut got),
        "the first three packets are good"
    );
    reader.on_failure("connection reset".into());
    assert_eq!(
        asks(&reader),
        (2, 1536),
        "the next replica goes on at byte 1536"
    );
    assert_eq!(
        reader.take_corrupt(),
        [],
        "a node that is gone has no corrupt replica"
    );
    assert!(
        feed(&mut reader, &packets(1536), &mut got),
        "the second replica is good"
    );
    assert_bytes(&got, &contents(), "the whole block");
    let next_block = BlockReader::new(&located(2), 0, 1, reader.into_dead());
    assert_eq!(
        asks(&next_block).0,
        2,
        "the lost node is not the first one asked for the next block"
    );
}

fn read_notices_a_gap_and_a_short_replica() {
    let (mut gap, mut got) = (reader(2, 0, LEN as u64), Vec::new());
    let mut holed = packets(0);
    holed.remove(1);
    assert!(
        !feed(&mut gap, &holed, &mut got),
        "after bytes 0 to 511 come those from 1024: some are missing"
    );
    assert_eq!(
        asks(&gap),
        (2, 512),
        "the next replica is asked for the missing bytes"
    );
    assert_eq!(
        gap.take_corrupt(),
        [],
        "a node that sends other bytes than it was asked for has no damaged replica"
    );
    let mut far = packets(1024).remove(0);
    far.last = true;
    assert_eq!(
        reader(1, 0, LEN as u64).on_packet(&far),
        None,
        "bytes 0 to 1023 are missing, be this the last packet or not"
    );

    let mut short = reader(2, 0, LEN as u64);
    let last = Packet {
        last: true,
        ..Packet::new(2, 1024, [])
    };
    let mut ends_early = packets(0)[..2].to_vec();
    ends_early.push(last);
    feed(&mut short, &ends_early, &mut Vec::new());
    assert_eq!(
        asks(&short),
        (2, 1024),
        "the block is longer than this replica"
    );
    assert_eq!(
        short.take_corrupt().len(),
        1,
        "a replica that is too short is reported"
    );
}

fn read_hands_on_what_a_short_replica_still_had() {
    let (mut reader, mut got) = (reader(2, 0, LEN as u64), Vec::new());
    let mut ends_early = packets(0)[..2].to_vec();
    ends_early[1].last = true;
    feed(&mut reader, &ends_early, &mut got);
    assert_bytes(
        &got,
        &contents()[..1024],
        "what the short replica had (its last packet matches its checksums, so it is good)",
    );
    assert_eq!(asks(&reader), (2, 1024), "the rest is on another replica");
    assert_eq!(reader.take_corrupt().len(), 1, "this one is too short");
    assert!(
        feed(&mut reader, &packets(1024), &mut got),
        "the second replica is good"
    );
    assert_bytes(&got, &contents(), "the whole block");
}

fn read_asks_for_new_locations_and_then_gives_up_with_every_reason() {
    let mut reader = reader(2, 0, 10);
    for round in 0..=BLOCK_ACQUIRE_FAILURES_MAX {
        for node in 1..=2 {
            assert_eq!(
                asks(&reader),
                (node, 0),
                "round {round}: every node has another chance"
            );
            reader.on_failure(format!("reason of node {node}"));
        }
        if round < BLOCK_ACQUIRE_FAILURES_MAX {
            assert!(
                matches!(reader.action(), ReadAction::Refetch { .. }),
                "round {round}"
            );
            reader.on_locations(&located(2));
        }
    }
    let ReadAction::Fail(error) = reader.action() else {
        panic!("expected an error, not {:?}", reader.action());
    };
    let text = error.to_string();
    for part in [
        "blk_1_1001",
        "10.0.0.1:9866",
        "reason of node 1",
        "10.0.0.2:9866",
        "reason of node 2",
    ] {
        assert!(
            text.contains(part),
            "{part:?} is missing from the error: {text}"
        );
    }
}

fn read_takes_the_new_version_of_a_block() {
    let mut reader = reader(1, 0, LEN as u64);
    reader.on_failure("no replica of generation 1001".into());
    let mut newer = located(1);
    newer.block.generation.0 = 1002;
    reader.on_locations(&newer);
    match reader.action() {
        ReadAction::Read { block, .. } => assert_eq!(
            block.generation.0, 1002,
            "the block is asked for in the generation that the NameNode named last"
        ),
        other => panic!("expected to read, not {other:?}"),
    }
}

fn read_of_a_block_being_written_ends_where_the_node_says() {
    let mut being_written = located(1);
    (being_written.under_construction, being_written.block.len) = (true, 0);
    let mut reader = BlockReader::new(&being_written, 0, u64::MAX, BTreeSet::new());
    let mut got = Vec::new();
    assert!(
        feed(&mut reader, &packets(0), &mut got),
        "a block being written may be longer than was known"
    );
    assert_bytes(&got, &contents(), "the whole block");
    assert_eq!(
        reader.action(),
        ReadAction::Done,
        "the node has said that the block ends here"
    );
    assert_eq!(
        reader.take_corrupt(),
        [],
        "a block being written is not too short: nobody knows its length"
    );
}
