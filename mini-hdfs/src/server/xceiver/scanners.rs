//! Threads in the background: one for each volume that reads its replicas, one that compares all directories with
//! what is known (`BlockScanner`, `DirectoryScanner`). What is read next and when is decided by
//! [`VolumeScanner`]; here are the reading, the waiting, and the file in which the cursor is kept.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};
use node::{Disk, DiskErrorKind, FileDisk, Time};
use tracing::{info, warn};

use super::dataset::OnVolume;
use super::reading::{READ_AHEAD, read_ahead};
use super::{DataEvent, Shared, lock};
use crate::atomic_file::write_whole;
use crate::block::{Block, BlockId, ReplicaState};
use crate::datanode::directory_scanner::differences;
use crate::datanode::scanner::{Cursor, Next, Scan, VolumeScanner};
use crate::datanode::storage::find_finalized;
use crate::datanode::volumes::VolumeId;
use crate::datanode::{Replica, replica_writer};
use crate::packet::verify;

/// Where the cursor is kept, in the volume's directory.
const CURSOR_FILE: &str = "scanner.cursor";
/// A volume that is scanned to its end is looked at so often, for suspects that were named meanwhile.
const LOOK_MAX: Duration = Duration::from_secs(60);

/// What the scan of one volume has done since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanStatus {
    /// Replicas read.
    pub replicas: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Replicas found to be damaged.
    pub damaged: u64,
    /// Where the pass is.
    pub cursor: Cursor,
}

#[derive(Debug, Default)]
struct Notices {
    suspects: BTreeMap<VolumeId, Vec<BlockId>>,
    statuses: BTreeMap<VolumeId, ScanStatus>,
}

/// What other threads leave for the scanners, and see of them.
#[derive(Debug, Default)]
pub(super) struct Board {
    notices: Mutex<Notices>,
    /// Something was left, or the server stops.
    news: Condvar,
}

impl Board {
    /// Has a replica read soon.
    pub(super) fn suspect(&self, replica: &Replica) {
        let mut notices = lock(&self.notices);
        let suspects = notices.suspects.entry(replica.volume).or_default();
        if !suspects.contains(&replica.block.id) {
            suspects.push(replica.block.id);
        }
        drop(notices);
        self.news.notify_all();
    }

    pub(super) fn statuses(&self) -> Vec<(VolumeId, ScanStatus)> {
        let notices = lock(&self.notices);
        notices.statuses.iter().map(|(id, s)| (*id, *s)).collect()
    }

    fn take_suspects(&self, volume: VolumeId) -> Vec<BlockId> {
        let mut notices = lock(&self.notices);
        notices.suspects.remove(&volume).unwrap_or_default()
    }

    /// Waits for so long, or until something was left for `volume`, or the server stops.
    fn wait(&self, shared: &Shared, volume: Option<VolumeId>, time: Duration) {
        let idle = |notices: &mut Notices| {
            let suspects = volume.and_then(|volume| notices.suspects.get(&volume));
            suspects.is_none_or(Vec::is_empty) && !shared.stopping.load(Ordering::SeqCst)
        };
        // Whichever it was is seen by whoever waited.
        let _ = self
            .news
            .wait_timeout_while(lock(&self.notices), time, idle);
    }
}

/// The threads.
#[derive(Debug)]
pub(super) struct Scanners(Vec<thread::JoinHandle<()>>);

impl Scanners {
    pub(super) fn start(shared: &Arc<Shared>) -> io::Result<Scanners> {
        let mut threads = Vec::new();
        let volumes = shared.dataset.volumes();
        let well: Vec<VolumeId> = volumes
            .iter()
            .filter(|status| status.volume.failed.is_none())
            .map(|status| status.id)
            .collect();
        if shared.settings.scan.bytes_per_second > 0 {
            for volume in well.iter().copied() {
                let shared = shared.clone();
                let thread = thread::Builder::new().name("volume-scanner".into());
                threads.push(thread.spawn(move || scan_volume(&shared, volume))?);
            }
        }
        let comparing = shared.clone();
        let thread = thread::Builder::new().name("directory-scanner".into());
        threads.push(thread.spawn(move || compare_directories(&comparing, &well))?);
        Ok(Scanners(threads))
    }

    /// Waits until they have saved where they were. `stopping` must be set.
    pub(super) fn stop(&mut self, shared: &Shared) {
        // Whoever is about to wait holds this, and has not looked yet.
        drop(lock(&shared.scan_board.notices));
        shared.scan_board.news.notify_all();
        for thread in self.0.drain(..) {
            // It cannot fail but by a panic, which has been reported.
            let _ = thread.join();
        }
    }
}

/// Reads the replicas of a volume for as long as the server runs and the volume is well.
fn scan_volume(shared: &Shared, volume: VolumeId) {
    let Ok(mut disk) = shared.dataset.disk(volume) else {
        return;
    };
    let clock = &shared.clock;
    let saved = disk.read(CURSOR_FILE).ok();
    let saved = saved.and_then(|bytes| Cursor::parse(&String::from_utf8_lossy(&bytes)));
    let mut scanner = VolumeScanner::resume(volume, shared.settings.scan, saved, clock.now());
    let (mut status, mut saved_at) = (ScanStatus::default(), clock.now());
    while !shared.stopping.load(Ordering::SeqCst) && is_well(shared, volume) {
        for suspect in shared.scan_board.take_suspects(volume) {
            scanner.suspect(suspect, clock.now());
        }
        let next = shared
            .dataset
            .with_map(|map| scanner.next(map, clock.now()));
        match next {
            Next::Wait(until) => {
                let time = until.since(clock.now()).min(LOOK_MAX);
                shared.scan_board.wait(shared, Some(volume), time);
            }
            Next::Scan(scan) => {
                let began = clock.now();
                let Some((bytes, damaged)) = scan_replica(shared, &disk, volume, scan, began)
                else {
                    break;
                };
                scanner.scanned(scan, bytes, began, clock.now());
                status.replicas += 1;
                status.bytes += bytes;
                status.damaged += u64::from(damaged);
            }
        }
        status.cursor = scanner.cursor;
        lock(&shared.scan_board.notices)
            .statuses
            .insert(volume, status);
        if clock.now().since(saved_at) >= shared.settings.cursor_save_interval {
            save(&mut disk, scanner.cursor);
            saved_at = clock.now();
        }
    }
    if is_well(shared, volume) {
        save(&mut disk, scanner.cursor);
    }
}

fn is_well(shared: &Shared, volume: VolumeId) -> bool {
    shared.dataset.is_well(volume)
}

fn save(disk: &mut FileDisk, cursor: Cursor) {
    let text = cursor.to_text();
    let write = |file: &str, disk: &mut dyn Disk| disk.write_at(file, 0, text.as_bytes());
    if let Err(e) = write_whole(CURSOR_FILE, disk, &write) {
        // Then the next life scans a few replicas once more.
        warn!("cannot save how far the scan is: {e}");
    }
}

/// Reads a replica at the configured speed, and reports it if it is damaged. Returns the bytes read and whether it was;
/// nothing when the server stops meanwhile.
fn scan_replica(
    shared: &Shared,
    disk: &FileDisk,
    volume: VolumeId,
    scan: Scan,
    began: Time,
) -> Option<(u64, bool)> {
    let mut bytes = 0;
    let found = shared
        .dataset
        .readable(scan.block)
        .and_then(|replica| read_all(shared, disk, &replica, began, &mut bytes));
    if shared.stopping.load(Ordering::SeqCst) {
        return None;
    }
    let Err(e) = found else {
        return Some((bytes, false));
    };
    let e = OnVolume::wrap(volume, e);
    shared.look_at_volume_of(&e);
    // It may have been deleted, or taken up by a writer, while it was read.
    let same = shared.dataset.readable(scan.block).is_ok_and(|replica| {
        replica.block == scan.block
            && replica.state == ReplicaState::Finalized
            && replica.volume == volume
    });
    if same {
        warn!("{}: the scan found it damaged: {e:#}", scan.block);
        (shared.on_event)(DataEvent::Corrupt(scan.block));
    }
    Some((bytes, same))
}

/// Reads and verifies a replica piece by piece, and rests after each.
fn read_all(
    shared: &Shared,
    disk: &FileDisk,
    replica: &Replica,
    began: Time,
    bytes: &mut u64,
) -> Result<()> {
    let Block { len, .. } = replica.block;
    replica_writer::check(disk, replica)?;
    let rate = shared.settings.scan.bytes_per_second.max(1);
    while *bytes < len && !shared.stopping.load(Ordering::SeqCst) {
        let end = len.min(*bytes + READ_AHEAD as u64);
        let chunks = read_ahead(disk, replica, *bytes, end)?;
        if let Err(at) = verify(&chunks.data, &chunks.checksums) {
            bail!(
                "the chunk at {} does not match its checksum",
                *bytes + at as u64
            );
        }
        *bytes += chunks.data.len() as u64;
        let due = Duration::from_secs_f64(*bytes as f64 / rate as f64);
        let ahead = due.saturating_sub(shared.clock.now().since(began));
        shared.scan_board.wait(shared, None, ahead);
    }
    Ok(())
}

/// Compares all directories with the replica map, now and then.
fn compare_directories(shared: &Shared, volumes: &[VolumeId]) {
    let interval = shared.settings.directory_scan_interval;
    loop {
        let due = shared.clock.now() + interval;
        while shared.clock.now() < due && !shared.stopping.load(Ordering::SeqCst) {
            let time = due.since(shared.clock.now());
            shared.scan_board.wait(shared, None, time);
        }
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        for volume in volumes.iter().filter(|volume| is_well(shared, **volume)) {
            compare_directory(shared, *volume);
        }
    }
}

fn compare_directory(shared: &Shared, volume: VolumeId) {
    let Ok(disk) = shared.dataset.disk(volume) else {
        return;
    };
    // Where the directory itself is gone, a listing finds nothing, and every replica would be missing.
    let found = disk.read("VERSION").and_then(|_| find_finalized(&disk));
    let found = match found {
        Ok(found) => found,
        Err(e) if e.kind == DiskErrorKind::NotFound => {
            return shared.fail_volume(volume, &e.to_string());
        }
        Err(e) => return shared.look_at_volume(volume, &e),
    };
    let differences = shared
        .dataset
        .with_map(|map| differences(map, volume, &found));
    for difference in differences {
        if let Some(event) = shared.dataset.reconcile(volume, difference) {
            info!("the disk and what is known of it differ: {difference:?}");
            (shared.on_event)(event);
        }
    }
}
