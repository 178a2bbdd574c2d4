//! The disk on real files behaves as the one in memory, whatever is done to both.

use node::{Disk, DiskErrorKind, FileDisk, MemDisk, Rng};

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
