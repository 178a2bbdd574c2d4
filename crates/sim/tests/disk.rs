//! The simulated disk keeps its one promise, and breaks everything that it did not promise.

use std::collections::{BTreeMap, BTreeSet};

use node::{Disk, DiskErrorKind, Rng};
use proptest::prelude::*;
use sim::SimDisk;

#[derive(Clone, Debug)]
enum Op {
    Write(usize, u64, Vec<u8>),
    Truncate(usize, u64),
    Sync(usize),
    Rename(usize, usize),
    Remove(usize),
    SyncDir(usize),
    /// Everything so far is made durable, as an `Effect::Sync` does.
    Commit,
}

const FILES: [&str; 4] = ["a/x", "a/y", "b/x", "b/y"];

fn op() -> impl Strategy<Value = Op> {
    let file = || 0..FILES.len();
    prop_oneof![
        4 => (file(), 0..40u64, prop::collection::vec(any::<u8>(), 0..20)).prop_map(|(f, at, b)| Op::Write(f, at, b)),
        1 => (file(), 0..40u64).prop_map(|(f, len)| Op::Truncate(f, len)),
        3 => file().prop_map(Op::Sync),
        1 => (file(), file()).prop_map(|(from, to)| Op::Rename(from, to)),
        1 => file().prop_map(Op::Remove),
        2 => (0..2usize).prop_map(Op::SyncDir),
        1 => Just(Op::Commit),
    ]
}

fn apply(disk: &mut SimDisk, op: &Op) {
    // Errors (no such file) are fine: the disk must keep its promise all the same.
    let _ = match op {
        Op::Write(file, at, bytes) => disk.write_at(FILES[*file], *at, bytes),
        Op::Truncate(file, len) => disk.truncate(FILES[*file], *len),
        Op::Sync(file) => disk.sync(FILES[*file]),
        Op::Rename(from, to) => disk.rename(FILES[*from], FILES[*to]),
        Op::Remove(file) => disk.remove(FILES[*file]),
        Op::SyncDir(dir) => disk.sync_dir(["a", "b"][*dir]),
        Op::Commit => {
            disk.commit(disk.mark());
            Ok(())
        }
    };
}

fn snapshot(disk: &SimDisk) -> BTreeMap<String, Vec<u8>> {
    disk.files()
        .map(|file| (file.to_owned(), disk.read(file).unwrap_or_default()))
        .collect()
}

proptest! {
    /// After a crash at any point, a state that was synced in full and not touched since is there byte for byte.
    #[test]
    fn what_was_synced_survives_any_crash(ops in prop::collection::vec(op(), 0..40), seed in any::<u64>()) {
        let mut disk = SimDisk::default();
        for op in &ops {
            apply(&mut disk, op);
        }
        for file in FILES {
            let _ = disk.sync(file);
        }
        disk.sync_dir("a").unwrap();
        disk.sync_dir("b").unwrap();
        let synced = snapshot(&disk);
        disk.crash(&mut Rng::new(seed));
        prop_assert_eq!(&synced, &snapshot(&disk));

        // Then more of the same: files that nothing touched stay.
        let mut touched = BTreeSet::new();
        for op in &ops {
            match op {
                Op::Write(f, ..) | Op::Truncate(f, _) | Op::Remove(f) => { touched.insert(FILES[*f]); }
                Op::Rename(from, to) => touched.extend([FILES[*from], FILES[*to]]),
                _ => {}
            }
            apply(&mut disk, op);
        }
        disk.crash(&mut Rng::new(seed));
        let after = snapshot(&disk);
        for (file, bytes) in synced.iter().filter(|(file, _)| !touched.contains(file.as_str())) {
            prop_assert_eq!(after.get(file), Some(bytes));
        }
    }

    /// `durable` is what it says: what every crash leaves of a file that is only appended to.
    #[test]
    fn synced_bytes_are_a_beginning_of_what_survives(appends in prop::collection::vec((1..30usize, any::<bool>()), 1..20), seed in any::<u64>()) {
        let mut disk = SimDisk::default();
        for (i, (len, sync)) in appends.iter().enumerate() {
            disk.append("log", &vec![u8::try_from(i).unwrap(); *len]).unwrap();
            if *sync {
                disk.sync("log").unwrap();
                disk.sync_dir("").unwrap();
            }
        }
        if let Some(durable) = disk.durable("log").map(<[u8]>::to_vec) {
            disk.crash(&mut Rng::new(seed));
            prop_assert!(disk.contents("log").unwrap().starts_with(&durable));
        }
    }
}

/// What some crash leaves of a disk that `prepare` has prepared: all that can happen.
fn outcomes(prepare: impl Fn(&mut SimDisk)) -> BTreeSet<BTreeMap<String, Vec<u8>>> {
    let crash = |seed| {
        let mut disk = SimDisk::default();
        prepare(&mut disk);
        disk.crash(&mut Rng::new(seed));
        snapshot(&disk)
    };
    (0..1000).map(crash).collect()
}

#[test]
fn unsynced_writes_are_lost_torn_or_kept_in_any_selection() {
    let left: BTreeSet<Vec<u8>> = outcomes(|disk| {
        disk.write_at("f", 0, b"....").unwrap();
        disk.sync("f").unwrap();
        disk.sync_dir("").unwrap();
        disk.write_at("f", 0, b"ab").unwrap();
        disk.write_at("f", 2, b"cd").unwrap();
    })
    .into_iter()
    .map(|files| files["f"].clone())
    .collect();
    for expected in ["....", "ab..", "..cd", "abcd", "a...", "..c.", "abc."] {
        assert!(left.contains(expected.as_bytes()), "{expected}: {left:?}");
    }
    assert_eq!(left.len(), 7);
}

#[test]
fn names_are_lost_in_order() {
    let left = outcomes(|disk| {
        for (file, bytes) in [("f", "old"), ("f.tmp", "new")] {
            disk.write_at(file, 0, bytes.as_bytes()).unwrap();
            disk.sync(file).unwrap();
        }
        disk.sync_dir("").unwrap();
        disk.rename("f.tmp", "f").unwrap();
        disk.remove("f").unwrap();
    });
    let of = |files: &[(&str, &str)]| -> BTreeMap<String, Vec<u8>> {
        let owned = |(file, bytes): &(&str, &str)| ((*file).to_owned(), bytes.as_bytes().to_vec());
        files.iter().map(owned).collect()
    };
    let expected = [
        of(&[("f", "old"), ("f.tmp", "new")]),
        of(&[("f", "new")]),
        of(&[]),
    ];
    assert_eq!(left, expected.into_iter().collect());
}

#[test]
fn a_synced_file_without_a_synced_name_may_be_gone() {
    let left = outcomes(|disk| {
        disk.write_at("dir/f", 0, b"x").unwrap();
        disk.sync("dir/f").unwrap();
    });
    assert_eq!(left.len(), 2);
}

#[test]
fn a_renamed_file_without_synced_bytes_may_be_empty() {
    let left = outcomes(|disk| {
        disk.write_at("f.tmp", 0, b"x").unwrap();
        disk.rename("f.tmp", "f").unwrap();
        disk.sync_dir("").unwrap();
    });
    assert!(left.iter().any(|files| files["f"].is_empty()));
}

#[test]
fn a_crashed_disk_answers_nothing_until_it_is_back() {
    let mut disk = SimDisk::default();
    disk.set_fuse(Some(1));
    disk.write_at("f", 0, b"x").unwrap();
    assert!(!disk.is_crashed());
    let error = disk.write_at("f", 1, b"y").unwrap_err();
    assert_eq!(error.kind, DiskErrorKind::Crashed);
    assert!(disk.is_crashed() && disk.read("f").is_err() && disk.list("").is_err());
    disk.crash(&mut Rng::new(0));
    assert!(disk.list("").is_ok());
}

#[test]
fn a_full_disk_takes_what_fits_and_keeps_what_it_has() {
    let mut disk = SimDisk::default();
    disk.append("f", b"12345").unwrap();
    disk.set_capacity(Some(8));
    let error = disk.append("f", b"6789").unwrap_err();
    assert_eq!(error.kind, DiskErrorKind::Full);
    assert_eq!(disk.read("f").unwrap(), b"12345678");
    assert!(disk.append("g", b"x").is_err());
    disk.write_at("f", 0, b"over").unwrap();
    disk.remove("f").unwrap();
    disk.append("g", b"x").unwrap();
}
