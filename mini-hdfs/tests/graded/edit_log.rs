//! The frames of the edit log: what a crash leaves is cut off, what a disk has lost is refused.

use autograder::{Test, tests};
use mini_hdfs::block::TxId;
use mini_hdfs::namenode::edit_log::{decode, encode, scan};
use mini_hdfs::namenode::edit_op::EditOp;

use crate::ops::{add, mkdir};

pub(crate) const TESTS: &[Test] = tests![
    a_frame_is_what_was_put_into_it,
    a_frame_is_laid_out_as_the_format_says,
    a_whole_segment_is_read_back,
    a_torn_tail_is_cut_at_the_last_whole_record,
    garbage_behind_the_last_record_is_a_torn_tail,
    a_flipped_bit_is_refused_or_is_the_tail,
    a_lost_page_in_the_middle_is_refused,
    a_missing_transaction_is_refused,
    a_good_checksum_over_nonsense_is_no_torn_tail,
    a_length_from_hell_costs_nothing,
];

/// A segment that begins with transaction 7, and where each of its records begins; the last element is its length.
fn segment() -> (Vec<EditOp>, Vec<u8>, Vec<usize>) {
    let ops = vec![
        mkdir(1, "/d"),
        add(2, "/d/f"),
        mkdir(3, "/e"),
        add(4, "/e/a rather longer name"),
    ];
    let mut bytes = Vec::new();
    let mut begins = Vec::new();
    for (txid, op) in (7..).zip(&ops) {
        begins.push(bytes.len());
        encode(TxId(txid), op, &mut bytes);
    }
    begins.push(bytes.len());
    (ops, bytes, begins)
}

fn records(ops: &[EditOp]) -> Vec<(TxId, EditOp)> {
    (7..).map(TxId).zip(ops.iter().cloned()).collect()
}

fn a_frame_is_what_was_put_into_it() {
    let (ops, bytes, begins) = segment();
    let frame = decode(&bytes).expect("the first frame is whole");
    assert_eq!((frame.txid, &frame.op), (TxId(7), &ops[0]));
    assert_eq!(
        frame.len, begins[1],
        "a frame ends where the next one begins"
    );
}

fn a_frame_is_laid_out_as_the_format_says() {
    let mut bytes = Vec::new();
    encode(TxId(0x0102_0304), &mkdir(1, "/d"), &mut bytes);
    let payload = postcard_of(&mkdir(1, "/d"));
    let mut expected = u32::try_from(payload.len()).unwrap().to_be_bytes().to_vec();
    expected.extend([0, 0, 0, 0, 1, 2, 3, 4]);
    expected.extend(payload);
    let checksum = crc32c::crc32c(&expected).to_be_bytes();
    expected.extend(checksum);
    assert_eq!(
        bytes, expected,
        "length, transaction, payload, CRC32C of all before it; big-endian"
    );
}

fn postcard_of(op: &EditOp) -> Vec<u8> {
    postcard::to_stdvec(op).expect("an op can be encoded")
}

fn a_whole_segment_is_read_back() {
    let (ops, bytes, _) = segment();
    let found = scan(&bytes, TxId(7)).expect("the segment is undamaged");
    assert_eq!(found.ops, records(&ops));
    assert_eq!((found.good_len, found.tail), (bytes.len(), None));
    let empty = scan(&[], TxId(7)).expect("an empty segment is undamaged");
    assert!(empty.ops.is_empty() && empty.tail.is_none());
}

fn a_torn_tail_is_cut_at_the_last_whole_record() {
    let (ops, bytes, begins) = segment();
    for cut in 0..bytes.len() {
        let whole = begins.iter().filter(|begin| **begin <= cut).count() - 1;
        let found = scan(&bytes[..cut], TxId(7)).unwrap_or_else(|e| {
            panic!("cut after {cut} bytes, the log has a torn tail and no damage, but: {e:?}")
        });
        assert_eq!(
            found.ops,
            records(&ops[..whole]),
            "cut after {cut} bytes, {whole} records are whole"
        );
        assert_eq!(found.good_len, begins[whole], "cut after {cut} bytes");
        assert_eq!(
            found.tail.is_some(),
            cut != begins[whole],
            "cut after {cut} bytes"
        );
    }
}

fn garbage_behind_the_last_record_is_a_torn_tail() {
    let (ops, bytes, _) = segment();
    for garbage in [
        vec![0; 4096],
        vec![0xff; 100],
        b"not a record at all".to_vec(),
    ] {
        let all = [bytes.clone(), garbage].concat();
        let found = scan(&all, TxId(7)).expect("no record follows the garbage");
        assert_eq!(found.ops, records(&ops));
        assert_eq!(found.good_len, bytes.len());
        assert!(
            found.tail.is_some(),
            "the caller must hear that there is a tail to cut off"
        );
    }
}

fn a_flipped_bit_is_refused_or_is_the_tail() {
    let (ops, bytes, begins) = segment();
    let last = ops.len() - 1;
    for at in 0..bytes.len() {
        let hit = begins.iter().filter(|begin| **begin <= at).count() - 1;
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            let found = scan(&damaged, TxId(7));
            if hit < last {
                let damage = found.expect_err(&format!(
                    "bit {bit} of byte {at} is flipped, in record {hit}, and good records follow: to cut them off \
                     would lose what was acknowledged"
                ));
                assert_eq!(
                    damage.offset, begins[hit],
                    "where the bad record begins (byte {at} is flipped)"
                );
            } else {
                let found = found.expect("nothing good follows the last record: it is a torn tail");
                assert_eq!(
                    found.ops,
                    records(&ops[..last]),
                    "byte {at} of the last record is flipped"
                );
                assert_eq!(found.good_len, begins[last]);
            }
        }
    }
}

fn a_lost_page_in_the_middle_is_refused() {
    let (_, bytes, begins) = segment();
    for (from, to) in [
        (begins[1], begins[2]),
        (begins[1] + 3, begins[2] + 9),
        (0, begins[3]),
    ] {
        let mut damaged = bytes.clone();
        damaged[from..to].fill(0);
        let found = scan(&damaged, TxId(7));
        assert!(
            found.is_err(),
            "bytes {from} to {to} are zeros and good records follow, but: {found:?}"
        );
    }
}

fn a_missing_transaction_is_refused() {
    let (_, bytes, begins) = segment();
    let without_second = [&bytes[..begins[1]], &bytes[begins[2]..]].concat();
    let damage = scan(&without_second, TxId(7)).expect_err("transaction 8 is missing");
    assert_eq!(damage.offset, begins[1]);
    assert!(
        scan(&bytes, TxId(8)).is_err(),
        "the segment begins with 7, not with 8"
    );
    let twice = [&bytes[..begins[1]], &bytes[..]].concat();
    assert!(
        scan(&twice, TxId(7)).is_err(),
        "transaction 7 is there twice"
    );
}

fn a_good_checksum_over_nonsense_is_no_torn_tail() {
    let (_, mut bytes, _) = segment();
    let begin = bytes.len();
    bytes.extend(3u32.to_be_bytes());
    bytes.extend(11u64.to_be_bytes());
    bytes.extend([0xee, 0xee, 0xee]);
    let checksum = crc32c::crc32c(&bytes[begin..]);
    bytes.extend(checksum.to_be_bytes());
    let damage = scan(&bytes, TxId(7))
        .expect_err("somebody wrote this record whole; to drop it would lose it");
    assert_eq!(damage.offset, begin);
}

fn a_length_from_hell_costs_nothing() {
    let (_, bytes, begins) = segment();
    for len in [0, u32::MAX, u32::MAX - 16, i32::MAX.cast_unsigned()] {
        let mut damaged = bytes.clone();
        damaged[..4].copy_from_slice(&len.to_be_bytes());
        assert!(decode(&damaged).is_err(), "no record is {len} bytes long");
        assert_eq!(
            scan(&damaged, TxId(7)).map_err(|d| d.offset),
            Err(begins[0])
        );
    }
}
