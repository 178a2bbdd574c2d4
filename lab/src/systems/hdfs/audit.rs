//! The lab's own reader: it reads every closed file again whenever something happened to its replicas, through the
//! client's links as any reader would, and compares.

use std::collections::BTreeMap;
use std::sync::Weak;
use std::time::Duration;

use mini_hdfs::view::FileView;

use super::lamps::ReadBack;
use super::{Hdfs, lock};

/// Larger files are left out: reading them again and again would be all that the cluster does.
const LEN_MAX: u64 = 64 << 20;
const PAUSE: Duration = Duration::from_millis(500);

/// Reads for as long as the cluster is there.
pub(super) fn start(hdfs: Weak<Hdfs>) {
    std::thread::spawn(move || {
        let mut read = BTreeMap::new();
        while let Some(hdfs) = hdfs.upgrade() {
            round(&hdfs, &mut read);
            drop(hdfs);
            std::thread::sleep(PAUSE);
        }
    });
}

/// How a file was when it was read, and what was wrong with it then.
struct Reading {
    state: FileView,
    failure: Option<String>,
}

/// Reads what must be read anew.
fn round(hdfs: &Hdfs, read: &mut BTreeMap<String, Reading>) {
    let now = hdfs.now();
    let closed = now
        .files
        .iter()
        .filter(|file| !file.open && file.len <= LEN_MAX);
    let closed: Vec<&FileView> = closed.collect();
    read.retain(|path, _| closed.iter().any(|file| file.path == *path));
    let fresh = |read: &BTreeMap<String, Reading>, file: &FileView| {
        let reading = read.get(&file.path);
        reading.is_some_and(|reading| reading.state == *file && reading.failure.is_none())
    };
    publish(
        hdfs,
        read,
        closed.iter().filter(|file| !fresh(read, file)).count(),
    );
    for (n, file) in closed.iter().enumerate() {
        if fresh(read, file) {
            continue;
        }
        let failure = match hdfs.files.check(&file.path) {
            Ok(checked) if checked.same == Some(false) => Some(format!(
                "{} has the checksum {} instead of {}",
                file.path,
                checked.checksum,
                checked.acknowledged.unwrap_or_default()
            )),
            Ok(_) => None,
            // It may have been deleted since the look that it was found in.
            Err(_) if hdfs.files.is_gone(&file.path) => continue,
            Err(e) => Some(format!("{e:#}")),
        };
        let state = (*file).clone();
        read.insert(file.path.clone(), Reading { state, failure });
        let waiting = closed[n + 1..].iter().filter(|file| !fresh(read, file));
        publish(hdfs, read, waiting.count());
    }
}

fn publish(hdfs: &Hdfs, read: &BTreeMap<String, Reading>, waiting: usize) {
    let failure = read.values().find_map(|reading| reading.failure.clone());
    *lock(&hdfs.read_back) = ReadBack {
        checked: read.len(),
        waiting,
        failure,
    };
}
