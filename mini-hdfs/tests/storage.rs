//! What is given of the NameNode's durable half: listings, renames carried out, and how a directory is opened after
//! whatever happened. What students write of it is graded in `graded`.

#[path = "graded/crash_disk.rs"]
#[allow(dead_code, reason = "the graded tests use more of it")]
mod crash_disk;
#[path = "graded/ops.rs"]
#[allow(dead_code, reason = "the graded tests use more of it")]
mod ops;
#[path = "graded/written.rs"]
mod written;

use std::time::Duration;

use mini_hdfs::block::{InodeId, TxId};
use mini_hdfs::namenode::storage::{self, StorageError, checkpoint, checkpoint_due};
use mini_hdfs::namenode::{Config, NameNode};
use node::{Disk, Rng};

use crate::crash_disk::{CrashDisk, Unsynced};
use crate::ops::{State, add, mkdir};
use crate::written::{expect_recovery, names, ops, run, written};

#[test]
fn directories_and_files_come_with_what_the_op_says() {
    let state = State::after(&[mkdir(20001, "/d"), add(20002, "/d/f")]);
    let dir = state.namespace.require("/d").unwrap();
    assert_eq!((dir.id, dir.permission.mode), (InodeId(20001), 0o750));
    assert_eq!(
        dir.modified_ms, 20002,
        "a directory changes when an entry comes"
    );
    let (id, file) = state.namespace.require_file("/d/f").unwrap();
    assert_eq!(id, InodeId(20002));
    assert_eq!((file.replication, file.block_size), (3, 1 << 20));
    assert_eq!(
        file.client.as_deref(),
        Some("writer"),
        "the file is open until it is closed"
    );
    assert_eq!(
        state.namespace.last_inode(),
        InodeId(20002),
        "ids that were used are not handed out again"
    );
}

#[test]
fn what_is_below_moves_along_and_keeps_its_inode() {
    let mut state = State::after(&[mkdir(20001, "/d"), add(20002, "/d/f")]);
    let before = state.namespace.require("/d/f").unwrap().id;
    state.namespace.rename("/d", "/h", 77).unwrap();
    assert_eq!(state.namespace.lookup("/d/f"), None, "the old path is gone");
    let moved = state
        .namespace
        .require("/h/f")
        .expect("the file moved along");
    assert_eq!(moved.id, before, "a rename changes no inode");
    assert_eq!(state.namespace.path_of(moved), "/h/f");
    let root = state.namespace.require("/").unwrap();
    assert_eq!(root.modified_ms, 77, "an entry of the root came and went");
}

#[test]
fn a_listing_comes_in_pages() {
    let mut state = State::default();
    for (inode, name) in (20001..).zip(["/b", "/a", "/c", "/a!", "/aa"]) {
        state.apply(&add(inode, name)).unwrap();
    }
    let mut names: Vec<String> = Vec::new();
    loop {
        let start_after = names.last().cloned().unwrap_or_default();
        let page = state.namespace.list("/", &start_after, 2).unwrap();
        assert!(
            page.entries.len() <= 2,
            "a page of 2 holds at most 2 entries"
        );
        names.extend(page.entries.iter().map(|inode| inode.name.to_string()));
        if page.remaining == 0 {
            break;
        }
        assert!(!page.entries.is_empty(), "entries remain, but none came");
    }
    assert_eq!(names, ["a", "a!", "aa", "b", "c"]);
    // A name that has gone away since is as good a place to go on from.
    let page = state.namespace.list("/", "ab", 9).unwrap();
    assert_eq!(page.entries.len(), 2, "b and c come after ab");
}

#[test]
fn what_was_read_back_is_durable() {
    let ops = ops();
    let calls = written(&ops).calls;
    for crash_at in 0..calls {
        let mut disk = CrashDisk::default().crashing_at(crash_at);
        run(&mut disk, &ops, &mut 0).expect_err("the disk crashes on the way");
        // First the process dies, and its successor reads what the operating system still has. Then the power fails.
        let mut disk = disk.process_restarted();
        let Ok(loaded) = storage::open(&mut disk) else {
            assert!(
                !disk.exists("current/VERSION"),
                "after a crash at call {crash_at}"
            );
            continue;
        };
        let last = usize::try_from(loaded.last.0).expect("few transactions");
        let when = format!("after a crash at call {crash_at}, a start, and a power failure");
        expect_recovery(&mut disk.restarted(Unsynced::Lost), &ops, last, &when);
    }
}

#[test]
fn the_rest_of_a_failed_checkpoint_does_no_harm() {
    let ops = ops();
    let mut disk = written(&ops);
    let mut images = names(&disk, "fsimage_");
    let newest = images.pop().unwrap();
    disk.remove(&newest).unwrap();
    disk.write_at(&format!("{newest}.new"), 0, &[7; 100_000])
        .unwrap();
    assert_eq!(checkpoint(&Config::default(), &mut disk), Ok(TxId(24)));
    disk.remove(&images.pop().unwrap()).unwrap();
    expect_recovery(
        &mut disk,
        &ops,
        ops.len(),
        "with the image that was made in spite of the rest of another one",
    );
}

#[test]
fn without_a_good_image_it_says_which_file_is_damaged_and_where() {
    let mut disk = written(&ops());
    for image in names(&disk, "fsimage_") {
        disk.file_mut(&image)[20] ^= 1;
    }
    match storage::open(&mut disk) {
        Err(StorageError::Corrupt { file, .. }) => {
            assert_eq!(file, "current/fsimage_0000000000000000024");
        }
        other => panic!("no image is good, but: {other:?}"),
    }
}

#[test]
fn damage_in_a_finished_segment_is_never_a_torn_tail() {
    let disk = written(&ops());
    let (image, segment) = (
        names(&disk, "fsimage_").pop().unwrap(),
        names(&disk, "edits_0").pop().unwrap(),
    );
    let len = usize::try_from(disk.len(&segment).unwrap()).unwrap();
    for at in 0..len {
        for cut in [false, true] {
            let mut damaged = disk.clone();
            // So that the segment is needed.
            damaged.remove(&image).unwrap();
            match cut {
                true => damaged.file_mut(&segment).truncate(at),
                false => damaged.file_mut(&segment)[at] ^= 1,
            }
            let before = damaged.clone();
            match storage::open(&mut damaged) {
                Err(StorageError::Corrupt { file, offset, .. }) => {
                    assert_eq!(file, segment, "the error should name the file");
                    assert!(
                        offset <= at as u64,
                        "byte {at} is damaged, but the error says {offset}"
                    );
                }
                other => panic!(
                    "byte {at} of {segment} is damaged, its edits were acknowledged, but: {other:?}"
                ),
            }
            assert_eq!(
                damaged.calls, before.calls,
                "nothing is changed on a disk that a human must look at"
            );
        }
    }
}

#[test]
fn a_missing_segment_is_named() {
    let mut disk = written(&ops());
    let (image, segment) = (
        names(&disk, "fsimage_").pop().unwrap(),
        names(&disk, "edits_0").pop().unwrap(),
    );
    disk.remove(&segment).unwrap();
    expect_recovery(
        &mut disk.clone(),
        &ops(),
        24,
        "the newest image is good, and does not need the segment",
    );
    disk.remove(&image).unwrap();
    match storage::open(&mut disk) {
        Err(StorageError::MissingEdits { from, until, .. }) => {
            assert_eq!((from, until), (TxId(19), TxId(24)));
        }
        other => panic!("transactions 19 to 24 are missing, but: {other:?}"),
    }
}

#[test]
fn a_formatted_directory_is_not_formatted_again() {
    let mut disk = written(&ops());
    let before = disk.calls;
    let answer = storage::format(&mut disk, &mut Rng::new(3));
    assert!(
        matches!(answer, Err(StorageError::AlreadyFormatted(_))),
        "{answer:?}"
    );
    assert_eq!(disk.calls, before, "nothing may be touched");
    // Nor one that has lost its VERSION alone.
    disk.remove("current/VERSION").unwrap();
    let answer = storage::format(&mut disk, &mut Rng::new(3));
    assert!(
        matches!(answer, Err(StorageError::AlreadyFormatted(_))),
        "{answer:?}"
    );
    let unformatted = NameNode::load(
        Config::default(),
        &mut CrashDisk::default(),
        node::Time::ZERO,
    );
    assert_eq!(unformatted.err(), Some(StorageError::NotFormatted));
}

#[test]
fn files_of_two_file_systems_are_not_mixed() {
    let mut disk = written(&ops());
    let mut other = CrashDisk::default();
    storage::format(&mut other, &mut Rng::new(99)).unwrap();
    *disk.file_mut("current/VERSION") = other.read("current/VERSION").unwrap();
    let answer = storage::open(&mut disk);
    assert!(
        answer.is_err(),
        "VERSION is another file system's, but: {answer:?}"
    );
}

#[test]
fn a_checkpoint_is_due_after_many_edits_or_a_long_time() {
    let config = Config::default();
    let (hour, day) = (Duration::from_secs(3600), Duration::from_secs(86_400));
    for (txns, age, due) in [
        (0, day, false),
        (1, hour - Duration::from_secs(1), false),
        (1, hour, true),
        (999_999, Duration::ZERO, false),
        (1_000_000, Duration::ZERO, true),
    ] {
        assert_eq!(
            checkpoint_due(&config, txns, age),
            due,
            "after {txns} transactions and {age:?}"
        );
    }
}
