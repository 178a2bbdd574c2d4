//! The graded tests of mini-kafka, in learning order: one binary, so that one `cargo test` shows them all.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

mod bytes;
mod desk;

mod record;

mod batch_crc;

mod append;

mod index;

mod recovery;

mod idempotence;

mod retention;

mod offset_map;

mod compaction;

mod long_polling;

mod group_join;

mod group_sync;

mod offset_commit;

mod assignor;

mod capstone;

autograder::main! {
    "kafka/record" => record,
    "kafka/batch-crc" => batch_crc,
    "kafka/append" => append,
    "kafka/index" => index,
    "kafka/recovery" => recovery,
    "kafka/idempotence" => idempotence,
    "kafka/retention" => retention,
    "kafka/offset-map" => offset_map,
    "kafka/compaction" => compaction,
    "kafka/long-polling" => long_polling,
    "kafka/group-join" => group_join,
    "kafka/group-sync" => group_sync,
    "kafka/offset-commit" => offset_commit,
    "kafka/assignor" => assignor,
    "kafka/capstone" => capstone,
}
