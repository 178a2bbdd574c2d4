//! What an idempotent producer's sequences tell.

use autograder::{Test, tests};
use mini_kafka::log::producer_state::{ProducerError, ProducerStates, Verdict};
use mini_kafka::record::batch::BatchHeader;

use crate::bytes::header;

pub(crate) const TESTS: &[Test] = tests![
    the_next_batch_is_new,
    a_batch_that_comes_again_is_answered_with_its_first_offsets,
    a_gap_is_refused,
    only_the_whole_batch_is_a_duplicate,
    five_batches_are_remembered,
    an_unknown_producer_may_begin_anywhere,
    a_new_epoch_begins_with_0,
    an_old_epoch_is_fenced,
    sequences_go_around,
    each_producer_counts_for_itself,
];

/// A batch of producer `id`: `count` records from `sequence` on, at `offset`.
fn of(id: i64, epoch: i16, sequence: i32, count: i32, offset: i64) -> BatchHeader {
    BatchHeader {
        producer_id: id,
        producer_epoch: epoch,
        base_sequence: sequence,
        ..header(offset, count)
    }
}

/// Producer 5 in epoch 2 has appended three batches of two, from sequence 0 and offset 100 on.
fn three() -> ProducerStates {
    let mut states = ProducerStates::default();
    for n in 0..3 {
        states.update(&of(5, 2, n * 2, 2, 100 + i64::from(n) * 10));
    }
    states
}

/// What is told of a batch: the offsets of a duplicate; none of one that is new.
fn check(
    states: &ProducerStates,
    header: &BatchHeader,
) -> Result<Option<(i64, i64)>, ProducerError> {
    states.check(header).map(|verdict| match verdict {
        Verdict::Append => None,
        Verdict::Duplicate(batch) => Some((batch.base_offset, batch.last_offset)),
    })
}

fn out_of_order(sequence: i32, expected: i32) -> Result<Option<(i64, i64)>, ProducerError> {
    Err(ProducerError::OutOfOrder {
        producer_id: 5,
        sequence,
        expected,
    })
}

fn the_next_batch_is_new() {
    assert_eq!(
        check(&three(), &of(5, 2, 6, 4, 0)),
        Ok(None),
        "sequences 0 to 5 are there, 6 comes"
    );
}

fn a_batch_that_comes_again_is_answered_with_its_first_offsets() {
    for n in 0..3 {
        let offset = 100 + i64::from(n) * 10;
        assert_eq!(
            check(&three(), &of(5, 2, n * 2, 2, 0)),
            Ok(Some((offset, offset + 1))),
            "sequence {} comes again",
            n * 2
        );
    }
}

fn a_gap_is_refused() {
    for sequence in [7, 8, 1000, i32::MAX] {
        assert_eq!(
            check(&three(), &of(5, 2, sequence, 1, 0)),
            out_of_order(sequence, 6),
            "6 is next"
        );
    }
}

fn only_the_whole_batch_is_a_duplicate() {
    for (sequence, count) in [(4, 1), (4, 3), (5, 1), (3, 2), (0, 6)] {
        assert_eq!(
            check(&three(), &of(5, 2, sequence, count, 0)),
            out_of_order(sequence, 6),
            "{count} records from {sequence} on were never a batch, and 6 is next"
        );
    }
}

fn five_batches_are_remembered() {
    let mut states = ProducerStates::default();
    for n in 0..8 {
        states.update(&of(5, 0, n, 1, i64::from(n)));
    }
    for n in 3..8 {
        let offset = i64::from(n);
        assert_eq!(
            check(&states, &of(5, 0, n, 1, 0)),
            Ok(Some((offset, offset))),
            "the batch of sequence {n} is one of the last five"
        );
    }
    assert_eq!(
        check(&states, &of(5, 0, 2, 1, 0)),
        out_of_order(2, 8),
        "the sixth last is forgotten: whether it is a duplicate nobody knows"
    );
    assert!(
        states.producers()[&5].batches.len() <= 5,
        "no more than five are kept: there may be a million producers"
    );
}

fn an_unknown_producer_may_begin_anywhere() {
    for sequence in [0, 7, i32::MAX] {
        assert_eq!(
            check(&three(), &of(6, 0, sequence, 1, 0)),
            Ok(None),
            "of producer 6 nothing is known; its earlier records may have been deleted"
        );
    }
}

fn a_new_epoch_begins_with_0() {
    assert_eq!(
        check(&three(), &of(5, 3, 0, 2, 0)),
        Ok(None),
        "sequence 0 of a new epoch"
    );
    assert_eq!(
        check(&three(), &of(5, 3, 6, 2, 0)),
        out_of_order(6, 0),
        "a new epoch does not go on where the last one ended"
    );
    let mut states = three();
    states.update(&of(5, 3, 0, 2, 200));
    assert_eq!(
        check(&states, &of(5, 3, 0, 2, 0)),
        Ok(Some((200, 201))),
        "a duplicate in the new epoch has its offsets, not those of the old one"
    );
    assert_eq!(
        check(&states, &of(5, 3, 4, 2, 0)),
        out_of_order(4, 2),
        "the old epoch's batches are no duplicates any more"
    );
    assert_eq!(
        check(&states, &of(5, 3, 2, 2, 0)),
        Ok(None),
        "2 is next in the new epoch"
    );
}

fn an_old_epoch_is_fenced() {
    let fenced = Err(ProducerError::Fenced {
        producer_id: 5,
        epoch: 1,
        latest: 2,
    });
    for sequence in [0, 4, 6] {
        assert_eq!(
            check(&three(), &of(5, 1, sequence, 2, 0)),
            fenced,
            "epoch 2 has been seen, so epoch 1 is over, whatever its sequence"
        );
    }
}

fn sequences_go_around() {
    let mut states = ProducerStates::default();
    states.update(&of(5, 0, i32::MAX - 1, 2, 10));
    assert_eq!(
        check(&states, &of(5, 0, 0, 1, 0)),
        Ok(None),
        "behind i32::MAX comes 0"
    );
    assert_eq!(
        check(&states, &of(5, 0, 1, 1, 0)),
        out_of_order(1, 0),
        "and not 1"
    );
    states.update(&of(5, 0, 0, 1, 12));
    let mut states = ProducerStates::default();
    states.update(&of(5, 0, i32::MAX, 3, 10));
    assert_eq!(
        check(&states, &of(5, 0, 2, 1, 0)),
        Ok(None),
        "a batch of i32::MAX, 0 and 1 may stand across the border"
    );
    assert_eq!(
        check(&states, &of(5, 0, i32::MAX, 3, 0)),
        Ok(Some((10, 12))),
        "and may come again"
    );
}

fn each_producer_counts_for_itself() {
    let mut states = three();
    states.update(&of(6, 9, 0, 1, 300));
    assert_eq!(
        check(&states, &of(5, 2, 6, 1, 0)),
        Ok(None),
        "producer 5 goes on with 6"
    );
    assert_eq!(
        check(&states, &of(6, 9, 1, 1, 0)),
        Ok(None),
        "producer 6 goes on with 1"
    );
    assert_eq!(
        check(&states, &of(6, 9, 0, 1, 0)),
        Ok(Some((300, 300))),
        "a duplicate of producer 6"
    );
}
