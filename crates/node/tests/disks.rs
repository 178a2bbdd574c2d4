//! The disk on real files behaves as the one in memory, whatever is done to both.

#![allow(clippy::unwrap_used)] // Also in the helpers of tests.

use std::time::{Duration, Instant};

use node::{Disk, DiskErrorKind, DiskFault, DiskFaults, Failing, FileDisk, MemDisk, Rng};

const FILES: [&str; 4] = ["a", "b", "dir/c", "dir/sub/d"];

/// Does one random operation to a disk and tells what came of it.
fn operate(disk: &mut dyn Disk, rng: &mut Rng) -> String {
    let file = FILES[rng.index(FILES.len())];
    let offset = rng.below(20);
    match rng.below(9) {
        0 | 1 => format!(
            "{:?}",
            disk.write_at(file, offset, &rng.next_u64().to_be_bytes())
        ),
        2 => format!("{:?}", disk.append(file, b"tail")),
        3 => format!("{:?}", disk.truncate(file, offset)),
        4 => format!("{:?}", disk.read_at(file, offset, 7)),
        5 => format!("{:?}", disk.sync(file)),
        6 => format!("{:?}", disk.rename(file, FILES[rng.index(FILES.len())])),
        7 => format!("{:?}", disk.remove(file)),
        _ => format!("{:?} {:?}", disk.len(file), disk.sync_dir("dir")),
    }
}

#[test]
fn real_files_behave_as_files_in_memory() {
    for seed in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let mut real = FileDisk::open(dir.path()).unwrap();
        let mut model = MemDisk::default();
        let (mut rng, mut model_rng) = (Rng::new(seed), Rng::new(seed));
        for step in 0..200 {
            let (came, expected) = (
                operate(&mut real, &mut rng),
                operate(&mut model, &mut model_rng),
            );
            assert_eq!(
                came, expected,
                "seed {seed}, step {step}: left the real disk, right the model"
            );
        }
        for file in FILES {
            assert_eq!(
                real.read(file),
                model.read(file),
                "seed {seed}: contents of {file}"
            );
        }
        // A clone sees the same files, through handles of its own.
        assert_eq!(
            real.clone().read("a"),
            model.read("a"),
            "seed {seed}: a clone"
        );
    }
}

#[test]
fn a_missing_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FileDisk::open(dir.path()).unwrap();
    let error = disk.read("current/fsimage").unwrap_err();
    assert_eq!(error.kind, DiskErrorKind::NotFound);
    assert_eq!(
        error.to_string(),
        "cannot open current/fsimage: no such file"
    );
    assert_eq!(disk.list("nowhere").unwrap(), Vec::<String>::new());
}

/// A disk, a second handle on it, and what is wrong with both.
fn breakable() -> (tempfile::TempDir, FileDisk, FileDisk, DiskFaults) {
    let (dir, faults) = (tempfile::tempdir().unwrap(), DiskFaults::default());
    let disk = FileDisk::open(dir.path()).unwrap();
    let disk = disk.with_faults(faults.clone());
    (dir, disk.clone(), disk, faults)
}

#[test]
fn a_full_disk_takes_what_fits_and_what_others_free() {
    let (_dir, mut disk, mut other, faults) = breakable();
    disk.write_at("a", 0, b"0123456789").unwrap();
    let full = |left| DiskFault {
        full: Some(left),
        ..DiskFault::default()
    };
    faults.set(full(4));
    let error = disk.append("a", b"abcdef").unwrap_err();
    assert_eq!(error.kind, DiskErrorKind::Full);
    assert_eq!(disk.read("a").unwrap(), b"0123456789abcd", "what fitted");
    assert_eq!(faults.get(), full(0));
    disk.write_at("a", 3, b"xyz").unwrap();
    let error = other.write_at("b", 0, b"x").unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot write b: no space left on the disk"
    );
    disk.truncate("a", 12).unwrap();
    other.append("b", b"12").unwrap();
    assert_eq!(faults.get(), full(0));
    other.remove("a").unwrap();
    assert_eq!(faults.get(), full(12));
    // What a rename replaces is free again.
    other.append("b", b"3456").unwrap();
    other.append("c", b"12345").unwrap();
    assert_eq!(faults.get(), full(3));
    other.rename("c", "b").unwrap();
    assert_eq!(faults.get(), full(9));
    other.rename("b", "b").unwrap();
    assert_eq!(faults.get(), full(9));
    // A write behind the end needs room for the gap too, and takes none where it does not happen.
    assert!(disk.write_at("b", 20, b"x").is_err());
    assert_eq!((disk.len("b").unwrap(), faults.get()), (5, full(9)));
    assert!(disk.write_at("b", 12, b"abc").is_err());
    assert_eq!((disk.len("b").unwrap(), faults.get()), (14, full(0)));
    faults.set(DiskFault::default());
    disk.write_at("c", 0, &[0; 100]).unwrap();
}

#[test]
fn syncs_fail_alone_or_with_everything_else() {
    let (_dir, mut disk, mut other, faults) = breakable();
    disk.write_at("a", 0, b"x").unwrap();
    let failing = |failing| DiskFault {
        failing,
        ..DiskFault::default()
    };
    faults.set(failing(Failing::Syncs));
    other.append("a", b"y").unwrap();
    let error = disk.sync("a").unwrap_err();
    assert!(matches!(error.kind, DiskErrorKind::Io(_)), "{error}");
    assert!(disk.sync_dir("").is_err());
    assert_eq!(disk.read("a").unwrap(), b"xy");
    faults.set(failing(Failing::Everything));
    assert!(disk.read("a").is_err() && disk.list("").is_err());
    assert!(other.remove("a").is_err());
    faults.set(DiskFault::default());
    disk.sync("a").unwrap();
}

#[test]
fn a_slow_disk_is_slow_until_it_is_not() {
    let (_dir, mut disk, _, faults) = breakable();
    let slow = Duration::from_millis(30);
    faults.set(DiskFault {
        slow,
        ..DiskFault::default()
    });
    let began = Instant::now();
    disk.write_at("a", 0, b"x").unwrap();
    disk.sync("a").unwrap();
    disk.read("a").unwrap();
    assert!(began.elapsed() >= 3 * slow);
    faults.set(DiskFault::default());
    assert_eq!(disk.read("a").unwrap(), b"x");
}
