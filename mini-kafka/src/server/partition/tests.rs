//! What the shell promises of a sync, on a disk that fails.

use std::sync::mpsc;

use futures::FutureExt;
use node::{DiskFault, DiskFaults, Failing};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::record::builder::BatchBuilder;

const NOW: Time = Time::from_millis(1_000_000);

struct Fixture {
    _root: TempDir,
    faults: DiskFaults,
    dir: Arc<LogDir>,
    served: Arc<Served>,
    /// One thread, and one more that blocks.
    runtime: Runtime,
}

/// A partition that syncs always.
fn fixture() -> Fixture {
    fixture_with(&[])
}

fn fixture_with(settings: &[(&str, &str)]) -> Fixture {
    let root = tempfile::tempdir().unwrap();
    let faults = DiskFaults::default();
    let disk = FileDisk::open(root.path())
        .unwrap()
        .with_faults(faults.clone());
    let dir = Arc::new(LogDir::new(disk));
    let mut config = LogConfig::default();
    for (name, value) in [("flush.messages", "1")].iter().chain(settings) {
        config.set(name, value).unwrap();
    }
    let served = Served::open(&dir, ("t".to_owned(), 0), config, NOW).unwrap();
    Fixture {
        _root: root,
        faults,
        dir,
        served: Arc::new(served),
        runtime: Builder::new_current_thread()
            .max_blocking_threads(1)
            .build()
            .unwrap(),
    }
}

impl Fixture {
    /// Appends a record; the offset behind it.
    fn append(&self) -> Result<i64, ErrorCode> {
        let mut batch = BatchBuilder::new(Compression::None);
        batch.push(1_000_000, Some(b"k"), Some(b"v"), &[]);
        let appended = self.served.append(&mut batch.build().unwrap(), NOW)?;
        Ok(appended.last_offset + 1)
    }

    fn synced(&self, end: i64) -> Result<(), ErrorCode> {
        self.runtime.block_on(self.served.synced(end))
    }

    fn fail(&self, failing: Failing) {
        self.faults.set(DiskFault {
            failing,
            ..DiskFault::default()
        });
    }
}

#[test]
fn a_failed_sync_is_told_to_all_who_wait_and_nothing_more_is_shown() {
    let fixture = fixture();
    let durable = fixture.append().unwrap();
    fixture.synced(durable).unwrap();
    fixture.fail(Failing::Syncs);
    let ends = [fixture.append().unwrap(), fixture.append().unwrap()];
    let waiters = ends.map(|end| fixture.served.synced(end));
    let told = fixture.runtime.block_on(futures::future::join_all(waiters));
    assert_eq!(told, [Err(ErrorCode::KafkaStorageError); 2]);
    // The next fsync might say that all is well, and have written nothing.
    fixture.fail(Failing::Nothing);
    assert_eq!(fixture.synced(ends[0]), Err(ErrorCode::KafkaStorageError));
    assert_eq!(fixture.append(), Err(ErrorCode::KafkaStorageError));
    assert_eq!(fixture.served.offsets().high_watermark, durable);
    assert!(fixture.dir.is_offline());
}

#[test]
fn what_is_offline_before_it_was_synced_is_not_synced() {
    let fixture = fixture();
    let end = fixture.append().unwrap();
    fixture.served.remove();
    assert_eq!(fixture.synced(end), Err(ErrorCode::KafkaStorageError));
}

#[test]
fn no_second_sync_begins_where_nobody_waits_for_the_first_any_more() {
    let fixture = fixture();
    let end = fixture.append().unwrap();
    let (release, released) = mpsc::channel::<()>();
    fixture.runtime.block_on(async {
        let occupied = tokio::task::spawn_blocking(move || released.recv());
        let first = fixture.served.synced(end).now_or_never();
        assert_eq!(first, None, "the thread that syncs is occupied");
        assert!(fixture.served.syncing.try_lock().is_err());
        drop(release);
        assert!(occupied.await.unwrap().is_err());
        assert_eq!(fixture.served.synced(end).await, Ok(()));
    });
    assert_eq!(fixture.served.offsets().high_watermark, end);
}

#[test]
fn deleting_records_closes_files_and_fails_with_the_disk() {
    let fixture = fixture();
    let end = fixture.append().unwrap();
    fixture.synced(end).unwrap();
    assert!(fixture.served.read(0, 1).unwrap().slice.is_some());
    assert_eq!(fixture.served.delete_records(end, NOW), Ok(end));
    assert!(fixture.served.lock().files.is_empty());
    let behind = fixture.served.delete_records(end + 1, NOW);
    assert_eq!(behind, Err(ErrorCode::OffsetOutOfRange));
    assert!(!fixture.dir.is_offline());
    let more = fixture.append().unwrap();
    fixture.synced(more).unwrap();
    fixture.fail(Failing::Everything);
    let deleted = fixture.served.delete_records(more, NOW);
    assert_eq!(deleted, Err(ErrorCode::KafkaStorageError));
    assert!(fixture.dir.is_offline());
}

/// Of three records of one key, each in a segment of its own, two are obsolete.
fn compacted() -> (Fixture, Time) {
    let settings = [
        ("cleanup.policy", "compact"),
        ("segment.ms", "1"),
        ("segment.bytes", "80"),
    ];
    let fixture = fixture_with(&settings);
    for _ in 0..3 {
        let end = fixture.append().unwrap();
        fixture.synced(end).unwrap();
    }
    (fixture, Time::from_millis(2_000_000))
}

#[test]
fn a_compaction_that_could_not_be_synced_takes_the_directory_offline() {
    let (fixture, now) = compacted();
    fixture.fail(Failing::Syncs);
    fixture.served.clean(now);
    assert!(fixture.dir.is_offline());
    fixture.fail(Failing::Nothing);
    let size = fixture.served.size_bytes();
    fixture.served.clean(now);
    assert_eq!(fixture.served.size_bytes(), size, "it is not tried again");
}

#[test]
fn a_compaction_without_room_or_without_its_segments_is_tried_again() {
    let (fixture, now) = compacted();
    let size = fixture.served.size_bytes();
    fixture.faults.set(DiskFault {
        full: Some(0),
        ..DiskFault::default()
    });
    fixture.served.clean(now);
    fixture.fail(Failing::Nothing);
    let segment = fixture.dir.disk.root().join("t-0/00000000000000000000.log");
    let aside = segment.with_extension("aside");
    std::fs::rename(&segment, &aside).unwrap();
    fixture.served.clean(now);
    std::fs::rename(&aside, &segment).unwrap();
    assert!(!fixture.dir.is_offline());
    assert_eq!(fixture.served.size_bytes(), size);
    fixture.served.clean(now);
    assert!(fixture.served.size_bytes() < size);
}
