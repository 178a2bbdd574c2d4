//! Checkpoints: a file appears whole or not at all, nothing is purged that may be needed, and no crash in the middle
//! loses anything.

use autograder::{Test, tests};
use mini_hdfs::atomic_file::write_whole;
use mini_hdfs::block::TxId;
use mini_hdfs::namenode::Config;
use mini_hdfs::namenode::fsimage::{self, Image};
use mini_hdfs::namenode::storage::{self, checkpoint, purge};
use node::{Disk, DiskError, DiskErrorKind, Rng};
use proptest::prelude::*;

use crate::crash_disk::{CrashDisk, OUTCOMES, Unsynced};
use crate::ops::{State, draws, history, mkdir};
use crate::written::{expect_recovery, names, ops, run, write, write_batch, written};

pub(crate) const TESTS: &[Test] = tests![
    a_file_appears_whole_or_not_at_all,
    a_file_that_was_written_is_durable,
    the_rest_of_a_failed_write_does_no_harm,
    a_write_that_fails_changes_nothing,
    the_newest_images_are_kept,
    segments_are_kept_that_the_oldest_image_kept_needs,
    damaged_images_go_and_do_not_count,
    without_a_good_image_nothing_is_purged,
    a_checkpoint_without_new_edits_changes_nothing,
    a_checkpoint_purges_what_an_earlier_one_left,
    a_checkpoint_reaches_to_the_end_of_the_finished_segments,
    a_checkpoint_purges_for_an_image_only_once_it_is_there,
    two_images_are_kept_and_the_segments_after_the_older_one,
    a_checkpoint_does_not_count_a_damaged_image_as_one,
    a_damaged_image_is_replaced_by_the_older_one_and_the_log,
    a_crash_at_any_call_loses_nothing,
    an_image_is_as_good_as_the_log,
];

const FILE: &str = "current/file";

/// Writes `bytes` as the file, in two pieces as an image would be.
fn replace(disk: &mut CrashDisk, bytes: &[u8]) -> Result<(), DiskError> {
    let half = bytes.len() / 2;
    write_whole(FILE, disk, &|file, disk| {
        disk.write_at(file, 0, &bytes[..half])?;
        disk.write_at(file, half as u64, &bytes[half..])
    })
}

/// A disk on which the file durably holds these bytes; without it for none.
fn disk_with(bytes: Option<&[u8]>) -> CrashDisk {
    let mut disk = CrashDisk::default();
    if let Some(bytes) = bytes {
        disk.write_at(FILE, 0, bytes).expect("the disk works");
        disk.sync(FILE).expect("the disk works");
        disk.sync_dir("current").expect("the disk works");
    }
    disk
}

const NEW: &[u8] = b"the new contents, which are a little longer";

fn a_file_appears_whole_or_not_at_all() {
    for old in [None, Some(&b"old contents"[..])] {
        let mut crash_at = 0;
        loop {
            let mut disk = disk_with(old).crashing_at(crash_at);
            let done = replace(&mut disk, NEW).is_ok();
            for unsynced in OUTCOMES {
                let found = disk.restarted(unsynced).read(FILE).ok();
                let found = found.as_deref();
                assert!(
                    found == old && !done || found == Some(NEW),
                    "after a crash at call {crash_at} of writing the file, unsynced writes {unsynced:?}, it should be \
                     as before or whole, but is {:?}",
                    found.map(String::from_utf8_lossy)
                );
            }
            if done {
                break;
            }
            crash_at += 1;
        }
    }
}

fn a_file_that_was_written_is_durable() {
    let mut disk = disk_with(None);
    replace(&mut disk, NEW).expect("the disk works");
    let found = disk.restarted(Unsynced::Lost).read(FILE).ok();
    assert_eq!(
        found.as_deref(),
        Some(NEW),
        "write_whole has returned, and then the power fails: bytes and name should both be there"
    );
}

fn the_rest_of_a_failed_write_does_no_harm() {
    let temporary = "current/file.new";
    let mut disk = disk_with(Some(b"old contents"));
    disk.write_at(temporary, 0, &[7; 1000])
        .expect("the disk works");
    replace(&mut disk, NEW).expect("the disk works");
    assert_eq!(
        disk.read(FILE).as_deref(),
        Ok(NEW),
        "{temporary} was left by a crash, and nothing of it should be in the new file"
    );
    assert_eq!(
        disk.list("current"),
        Ok(vec!["file".to_owned()]),
        "the temporary file has got its final name"
    );
}

fn a_write_that_fails_changes_nothing() {
    let full = DiskError::new("write", "current/file.new", DiskErrorKind::Full);
    let mut disk = disk_with(Some(b"old contents"));
    let answer = write_whole(FILE, &mut disk, &|file, disk| {
        disk.write_at(file, 0, &NEW[..9])?;
        Err(full.clone())
    });
    assert_eq!(answer, Err(full.clone()), "the disk's error is passed on");
    assert_eq!(
        disk.read(FILE).as_deref(),
        Ok(&b"old contents"[..]),
        "the new contents could not be written, so the old ones stay"
    );
}

/// A disk that holds empty files of these names: purging looks at names alone.
fn directory(images: &[u64], segments: &[(u64, u64)], in_progress: u64) -> CrashDisk {
    let mut disk = CrashDisk::default();
    let images = images.iter().map(|txid| format!("fsimage_{txid:019}"));
    let segments = segments
        .iter()
        .map(|(first, last)| format!("edits_{first:019}-{last:019}"));
    let current = format!("edits_inprogress_{in_progress:019}");
    for name in images
        .chain(segments)
        .chain([current, "VERSION".to_owned()])
    {
        disk.write_at(&format!("current/{name}"), 0, &[])
            .expect("the disk works");
    }
    disk.sync_dir("current").expect("the disk works");
    disk
}

const IMAGES: [u64; 4] = [0, 10, 20, 30];
const SEGMENTS: [(u64, u64); 5] = [(1, 10), (11, 15), (16, 25), (26, 30), (31, 40)];

/// Purges such a directory and expects these images and segments to be left.
fn check_purge(retained: usize, damaged: &[u64], images: &[u64], segments: &[(u64, u64)]) {
    let mut disk = directory(&IMAGES, &SEGMENTS, 41);
    let ids: Vec<TxId> = damaged.iter().copied().map(TxId).collect();
    purge(retained, &ids, &mut disk).expect("the disk works");
    assert_eq!(
        disk.list("current"),
        directory(images, segments, 41).list("current"),
        "{retained} images are to be retained, and {damaged:?} are damaged: what is left of images {IMAGES:?} and \
         segments {SEGMENTS:?}"
    );
}

fn the_newest_images_are_kept() {
    check_purge(4, &[], &IMAGES, &SEGMENTS);
    check_purge(9, &[], &IMAGES, &SEGMENTS);
    check_purge(1, &[], &[30], &SEGMENTS[4..]);
    // None at all would be no file system.
    check_purge(0, &[], &[30], &SEGMENTS[4..]);
}

fn segments_are_kept_that_the_oldest_image_kept_needs() {
    // The third segment begins before image 20 ends, and goes on after it.
    check_purge(2, &[], &[20, 30], &SEGMENTS[2..]);
    check_purge(3, &[], &[10, 20, 30], &SEGMENTS[1..]);
}

fn damaged_images_go_and_do_not_count() {
    check_purge(2, &[30], &[10, 20], &SEGMENTS[1..]);
    check_purge(2, &[20, 30], &[0, 10], &SEGMENTS);
    check_purge(1, &[30], &[20], &SEGMENTS[2..]);
}

fn without_a_good_image_nothing_is_purged() {
    check_purge(2, &IMAGES, &IMAGES, &SEGMENTS);
    check_purge(1, &[10, 20, 30], &[0], &SEGMENTS);
}

/// A file system with two images and the segments that lead there, all of it written by hand.
fn two_images() -> CrashDisk {
    let mut disk = directory(&[], &[(1, 4), (5, 6)], 7);
    for (txid, edits) in [(0, 0), (4, 4), (6, 6)] {
        let ops: Vec<_> = (1..=edits)
            .map(|n| mkdir(20000 + n, &format!("/d{n}")))
            .collect();
        let state = State::after(&ops);
        let image = Image {
            namespace_id: 1,
            txid: TxId(txid),
            namespace: state.namespace,
            blocks: state.blocks,
        };
        let file = format!("current/fsimage_{txid:019}");
        fsimage::write(&image, &file, &mut disk).expect("the disk works");
    }
    let version = b"layoutVersion=1\nnamespaceID=1\n";
    disk.write_at("current/VERSION", 0, version)
        .expect("the disk works");
    disk
}

fn a_checkpoint_without_new_edits_changes_nothing() {
    let mut disk = two_images();
    let config = Config {
        checkpoints_retained: 3,
        ..Config::default()
    };
    let before: Vec<_> = names(&disk, "")
        .into_iter()
        .map(|file| (disk.read(&file), file))
        .collect();
    assert_eq!(
        checkpoint(&config, &mut disk),
        Ok(TxId(6)),
        "the newest image reaches to transaction 6, and so do the finished segments"
    );
    let after: Vec<_> = names(&disk, "")
        .into_iter()
        .map(|file| (disk.read(&file), file))
        .collect();
    assert_eq!(
        after, before,
        "3 images are to be retained, and 3 are there"
    );
}

fn a_checkpoint_purges_what_an_earlier_one_left() {
    let mut disk = two_images();
    assert_eq!(checkpoint(&Config::default(), &mut disk), Ok(TxId(6)));
    assert_eq!(
        names(&disk, ""),
        [
            "current/VERSION",
            "current/edits_0000000000000000005-0000000000000000006",
            "current/edits_inprogress_0000000000000000007",
            "current/fsimage_0000000000000000004",
            "current/fsimage_0000000000000000006",
        ],
        "a crash came between the image and the purge, so that the next checkpoint has more to purge"
    );
}

fn a_checkpoint_reaches_to_the_end_of_the_finished_segments() {
    let mut disk = two_images();
    let (mut segment, mut last) = (TxId(7), TxId(6));
    let edits: Vec<_> = (7..=9)
        .map(|n| mkdir(20000 + n, &format!("/d{n}")))
        .collect();
    write_batch(&mut disk, &edits[..2], &mut segment, &mut last, true).expect("the disk works");
    write_batch(&mut disk, &edits[2..], &mut segment, &mut last, false).expect("the disk works");
    assert_eq!(
        checkpoint(&Config::default(), &mut disk),
        Ok(TxId(8)),
        "transactions 7 and 8 are in a finished segment, 9 is in the one in progress"
    );
    let image = fsimage::read("current/fsimage_0000000000000000008", &disk)
        .unwrap_or_else(|e| panic!("there should be an image of transaction 8, but: {e}"));
    assert_eq!(
        (image.txid, image.namespace.len()),
        (TxId(8), 9),
        "the image reaches to transaction 8, and holds the root and 8 directories"
    );
    let loaded = storage::open(&mut disk).expect("image and log fit together");
    assert_eq!(
        (loaded.image, loaded.last),
        (TxId(8), TxId(9)),
        "a start begins with the new image, and replays transaction 9"
    );
}

fn a_checkpoint_purges_for_an_image_only_once_it_is_there() {
    let mut disk = two_images();
    let (mut segment, mut last) = (TxId(7), TxId(6));
    let edits = [mkdir(20007, "/d7")];
    write_batch(&mut disk, &edits, &mut segment, &mut last, true).expect("the disk works");
    // As after a restart: all of it is durable.
    let disk = disk.restarted(Unsynced::Kept);
    let mut crash_at = 0;
    loop {
        let mut crashing = disk.crashing_at(crash_at);
        let done = checkpoint(&Config::default(), &mut crashing).is_ok();
        for unsynced in OUTCOMES {
            let images = names(&crashing.restarted(unsynced), "fsimage_");
            let whole = images.iter().filter(|file| !file.ends_with(".new"));
            assert!(
                whole.count() >= 2,
                "after a crash at call {crash_at} of the checkpoint, unsynced writes {unsynced:?}, 2 whole images \
                 should be left, but there are {images:?}"
            );
        }
        if done {
            break;
        }
        crash_at += 1;
    }
}

fn two_images_are_kept_and_the_segments_after_the_older_one() {
    let disk = written(&ops());
    assert_eq!(
        names(&disk, "fsimage_"),
        [
            "current/fsimage_0000000000000000012",
            "current/fsimage_0000000000000000024"
        ]
    );
    assert_eq!(
        names(&disk, "edits_"),
        [
            "current/edits_0000000000000000013-0000000000000000018",
            "current/edits_0000000000000000019-0000000000000000024",
            "current/edits_inprogress_0000000000000000025"
        ],
        "what the older image needs stays, what no image needs goes"
    );
}

fn a_checkpoint_does_not_count_a_damaged_image_as_one() {
    let ops = ops();
    let mut disk = written(&ops);
    let images = names(&disk, "fsimage_");
    disk.file_mut(&images[1])[20] ^= 1;
    assert_eq!(
        checkpoint(&Config::default(), &mut disk),
        Ok(TxId(24)),
        "the newest image is damaged: the checkpoint goes on from the older one and the log, and reaches edit 24"
    );
    // Whichever of the two is damaged next, the other one still does.
    for image in names(&disk, "fsimage_") {
        let mut disk = disk.clone();
        disk.file_mut(&image)[20] ^= 1;
        expect_recovery(
            &mut disk,
            &ops,
            ops.len(),
            &format!("{image} is damaged too"),
        );
    }
}

fn a_damaged_image_is_replaced_by_the_older_one_and_the_log() {
    let ops = ops();
    let disk = written(&ops);
    let newest = names(&disk, "fsimage_").pop().unwrap();
    let len = usize::try_from(disk.len(&newest).unwrap()).unwrap();
    for at in 0..len {
        let mut damaged = disk.clone();
        damaged.file_mut(&newest)[at] ^= 0x10;
        expect_recovery(
            &mut damaged,
            &ops,
            ops.len(),
            &format!("byte {at} of the newest image is damaged"),
        );
        let mut cut = disk.clone();
        cut.file_mut(&newest).truncate(at);
        expect_recovery(
            &mut cut,
            &ops,
            ops.len(),
            &format!("the newest image ends after {at} bytes"),
        );
    }
}

fn a_crash_at_any_call_loses_nothing() {
    let ops = ops();
    let calls = written(&ops).calls;
    for crash_at in 0..calls {
        let mut disk = CrashDisk::default().crashing_at(crash_at);
        let mut acknowledged = 0;
        run(&mut disk, &ops, &mut acknowledged).expect_err("the disk crashes on the way");
        for unsynced in OUTCOMES {
            let mut disk = disk.restarted(unsynced);
            let when = format!(
                "after a crash at call {crash_at} of {calls}, unsynced writes {unsynced:?}"
            );
            if !disk.exists("current/VERSION") {
                assert_eq!(acknowledged, 0, "{when}: the file system is gone");
                storage::format(&mut disk, &mut Rng::new(2))
                    .expect("what was formatted in part can be formatted");
            }
            let mut acknowledged = acknowledged;
            // It may crash again while it comes up, and then again while it goes on.
            for again in 0..8 {
                let mut disk = disk.crashing_at(again);
                if storage::open(&mut disk).is_ok() {
                    break;
                }
                let mut disk = disk.restarted(unsynced);
                expect_recovery(
                    &mut disk,
                    &ops,
                    acknowledged,
                    &format!("{when}, and at call {again} of opening"),
                );
            }
            let last = expect_recovery(&mut disk, &ops, acknowledged, &when);
            let loaded = storage::open(&mut disk).expect("it came up before");
            write(&mut disk, &loaded, &ops[last..], &mut acknowledged).expect("the disk works");
            expect_recovery(
                &mut disk.restarted(unsynced),
                &ops,
                ops.len(),
                &format!("{when}, and going on"),
            );
        }
    }
}

proptest! {
    #![proptest_config(autograder::property(50))]

    fn an_image_is_as_good_as_the_log(draws in draws(150)) {
        let ops = history(&draws);
        let mut disk = written(&ops);
        let last = expect_recovery(&mut disk, &ops, ops.len(), "after all checkpoints");
        prop_assert_eq!(last, ops.len());
    }
}
