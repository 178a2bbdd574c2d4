//! The frames of the edit log: what a crash leaves is cut off, what a disk has lost is refused.

use autograder::{Test, tests};
use mini_hdfs::block::TxId;
use mini_hdfs::namenode::edit_log::{PAYLOAD_LEN_MAX, encode, scan, split_frame};
use mini_hdfs::namenode::edit_op::EditOp;

use crate::ops::{add, mkdir};

pub(crate) const TESTS: &[Test] = tests![
    a_frame_is_taken_apart_as_the_format_says,
    a_frame_ends_where_the_next_one_begins,
    a_cut_frame_is_none,
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

/// A frame made by hand.
fn frame(txid: u64, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).expect("a short payload");
    let mut frame = len.to_be_bytes().to_vec();
    frame.extend(txid.to_be_bytes());
    frame.extend(payload);
    frame.extend(crc32c::crc32c(&frame).to_be_bytes());
    frame
}

fn a_frame_is_taken_apart_as_the_format_says() {
    for payload in [&b"any payload"[..], b""] {
        let bytes = frame(0x0102_0304_0506, payload);
        let found = split_frame(&bytes).unwrap_or_else(|e| {
            panic!("{bytes:?} is length, transaction, payload and CRC32C, but: {e}")
        });
        assert_eq!(
            (found.txid, found.payload, found.len),
            (TxId(0x0102_0304_0506), payload, bytes.len()),
            "transaction, payload, and bytes of the whole frame {bytes:?}"
        );
    }
}

fn a_frame_ends_where_the_next_one_begins() {
    let (_, bytes, begins) = segment();
    for (number, begin) in begins[..begins.len() - 1].iter().enumerate() {
        let found = split_frame(&bytes[*begin..])
            .unwrap_or_else(|e| panic!("record {number} is whole, whatever follows it, but: {e}"));
        assert_eq!(
            begin + found.len,
            begins[number + 1],
            "record {number} ends where the next one begins"
        );
    }
}

fn a_cut_frame_is_none() {
    let bytes = frame(7, b"payload");
    for cut in 0..bytes.len() {
        let found = split_frame(&bytes[..cut]);
        assert!(
            found.is_err(),
            "{cut} of {} bytes are no frame, but: {found:?}",
            bytes.len()
        );
    }
}

fn a_whole_segment_is_read_back() {
    let (ops, bytes, _) = segment();
    let found = scan(&bytes, TxId(7)).expect("the segment is undamaged");
    assert_eq!(found.ops, records(&ops), "all that was put into it");
    assert_eq!(
        (found.good_len, found.tail),
        (bytes.len(), None),
        "a whole segment is good to its end, and has no tail"
    );
    let empty = scan(&[], TxId(7)).expect("an empty segment is undamaged");
    assert!(
        empty.ops.is_empty() && empty.tail.is_none(),
        "an empty segment has no records and no tail, but: {empty:?}"
    );
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
        let found = scan(&all, TxId(7)).unwrap_or_else(|e| {
            panic!("no record follows the garbage, so it is a torn tail, but: {e:?}")
        });
        assert_eq!(found.ops, records(&ops), "the records before the garbage");
        assert_eq!(
            found.good_len,
            bytes.len(),
            "the good part ends where the garbage begins"
        );
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
                let found = found.unwrap_or_else(|e| {
                    panic!(
                        "bit {bit} of byte {at} is flipped, in the last record; nothing good follows, so it is a torn \
                         tail, but: {e:?}"
                    )
                });
                assert_eq!(
                    found.ops,
                    records(&ops[..last]),
                    "byte {at} of the last record is flipped"
                );
                assert_eq!(
                    found.good_len, begins[last],
                    "the good part ends where the last record begins"
                );
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
    assert_eq!(
        damage.offset, begins[1],
        "transaction 9 stands where 8 should"
    );
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
    bytes.extend(frame(11, &[0xee, 0xee, 0xee]));
    let damage = scan(&bytes, TxId(7))
        .expect_err("somebody wrote this record whole; to drop it would lose it");
    assert_eq!(damage.offset, begin, "where that record begins");
}

fn a_length_from_hell_costs_nothing() {
    let (_, bytes, begins) = segment();
    let too_long = u32::try_from(PAYLOAD_LEN_MAX + 1).expect("some megabytes");
    for len in [
        0,
        too_long,
        u32::MAX,
        u32::MAX - 16,
        i32::MAX.cast_unsigned(),
    ] {
        let mut damaged = bytes.clone();
        damaged[..4].copy_from_slice(&len.to_be_bytes());
        assert!(
            split_frame(&damaged).is_err(),
            "no record is {len} bytes long"
        );
        assert_eq!(
            scan(&damaged, TxId(7)).map_err(|d| d.offset),
            Err(begins[0]),
            "the first record says that it is {len} bytes long, and good ones follow"
        );
    }
    let longest = vec![0; PAYLOAD_LEN_MAX];
    assert!(
        split_frame(&frame(7, &longest)).is_ok(),
        "{PAYLOAD_LEN_MAX} bytes are not too many"
    );
    let longer = vec![0; PAYLOAD_LEN_MAX + 1];
    assert!(
        split_frame(&frame(7, &longer)).is_err(),
        "one byte more is, whatever the checksum says"
    );
}
