//! One DataNode's volumes, in lives drawn from seeds: disks fill up, fail and forget what was not synced, the process crashes
//! at any call and starts again. No messages are needed for that, so it runs by itself, without the rest of the cluster.
//!
//! What must hold: a replica that was finalised is there, whole, for as long as its volume has not failed; no volume is promised
//! more than it has; nothing on a failed volume is reported.

use std::collections::BTreeMap;

use mini_hdfs::block::{Block, BlockId, ReplicaState};
use mini_hdfs::datanode::block_file::{BlockFile, BlockFileError};
use mini_hdfs::datanode::storage::{Place, StorageError, check_volume, load_volumes, scan};
use mini_hdfs::datanode::volume_choice::{ChoosingPolicy, Room, VolumeChooser};
use mini_hdfs::datanode::volumes::{
    Figures, FileSystem, Suspicion, Volume, VolumeId, VolumeList, suspicion,
};
use mini_hdfs::datanode::{Replica, ReplicaMap, ReplicaWriter, replica_writer};
use mini_hdfs::packet::checksums;
use node::{Disk, DiskError, DiskErrorKind, Rng};
use sim::SimDisk;

/// Of each volume, in bytes. The disk behind it has more or less.
const CAPACITY: u64 = 20_000;
const BLOCK: u64 = 3000;

/// A disk that may break: from then on every call fails, or only syncs do at first.
#[derive(Default)]
struct Breakable {
    disk: SimDisk,
    broken: bool,
    no_sync: bool,
}

impl Breakable {
    fn works(&self, operation: &'static str, file: &str) -> Result<(), DiskError> {
        if self.broken || (self.no_sync && operation == "sync") {
            let kind = DiskErrorKind::Io("Input/output error".into());
            return Err(DiskError::new(operation, file, kind));
        }
        Ok(())
    }
}

impl Disk for Breakable {
    fn write_at(&mut self, file: &str, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.works("write", file)?;
        self.disk.write_at(file, offset, bytes)
    }
    fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskError> {
        self.works("truncate", file)?;
        self.disk.truncate(file, len)
    }
    fn read_at(&self, file: &str, offset: u64, len: usize) -> Result<Vec<u8>, DiskError> {
        self.works("read", file)?;
        self.disk.read_at(file, offset, len)
    }
    fn len(&self, file: &str) -> Result<u64, DiskError> {
        self.works("open", file)?;
        self.disk.len(file)
    }
    fn sync(&mut self, file: &str) -> Result<(), DiskError> {
        self.works("sync", file)?;
        self.disk.sync(file)
    }
    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError> {
        self.works("rename", from)?;
        self.disk.rename(from, to)
    }
    fn remove(&mut self, file: &str) -> Result<(), DiskError> {
        self.works("remove", file)?;
        self.disk.remove(file)
    }
    fn list(&self, dir: &str) -> Result<Vec<String>, DiskError> {
        self.works("list", dir)?;
        self.disk.list(dir)
    }
    fn sync_dir(&mut self, dir: &str) -> Result<(), DiskError> {
        self.works("sync", dir)?;
        self.disk.sync_dir(dir)
    }
}

/// A DataNode's storage, and what it has promised.
struct Storage {
    disks: Vec<Breakable>,
    list: VolumeList,
    map: ReplicaMap,
    chooser: VolumeChooser,
    /// Finalised and synced, with their volumes.
    promised: BTreeMap<BlockId, (Block, VolumeId)>,
    next_id: u64,
}

fn index(volume: VolumeId) -> usize {
    usize::from(volume.0)
}

fn bytes(id: BlockId, len: u64) -> Vec<u8> {
    let byte = |at: u64| u8::try_from((at ^ id.0 ^ (at >> 8)) & 0xff).unwrap_or(0);
    (0..len).map(byte).collect()
}

impl Storage {
    fn new(rng: &mut Rng) -> Storage {
        let policy = if rng.percent(50) {
            ChoosingPolicy::RoundRobin
        } else {
            ChoosingPolicy::AvailableSpace {
                threshold: 2000,
                preference_permille: 750,
            }
        };
        let disks = (0..3).map(|_| Breakable::default()).collect();
        let mut storage = Storage {
            disks,
            list: list([None, None, None]),
            map: ReplicaMap::default(),
            chooser: VolumeChooser::new(policy),
            promised: BTreeMap::new(),
            next_id: 1,
        };
        storage.start(rng);
        storage
    }

    /// Loads what the disks hold. Failed volumes are out.
    fn start(&mut self, rng: &mut Rng) {
        let mut all: Vec<&mut dyn Disk> = Vec::new();
        all.extend(self.disks.iter_mut().map(|disk| disk as &mut dyn Disk));
        let identities = load_volumes(&mut all, rng).expect("they are one DataNode's");
        let ids: Vec<_> = identities.iter().flatten().map(|id| id.id).collect();
        assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "{ids:?}");
        let mut failures = [None, None, None];
        self.map = ReplicaMap::default();
        for ((i, disk), identity) in self.disks.iter_mut().enumerate().zip(identities) {
            let found = identity
                .map_err(StorageError::from)
                .and_then(|_| scan(disk));
            match found {
                Ok(found) => {
                    let volume = VolumeId(u16::try_from(i).unwrap_or(0));
                    for replica in found.replicas {
                        assert_eq!(
                            self.map.add(replica.on(volume)),
                            None,
                            "ids are not used twice"
                        );
                    }
                }
                Err(e) => failures[i] = Some(e.to_string()),
            }
        }
        self.list = list(failures);
        self.forget_failed();
    }

    fn figures(&self, volume: VolumeId) -> Figures {
        let free = CAPACITY.saturating_sub(self.disks[index(volume)].disk.used());
        let measured = FileSystem {
            size: CAPACITY,
            free,
        };
        let known = self.list.get(volume).expect("it is listed");
        known.figures(self.map.usage(volume), Some(measured))
    }

    fn write(&mut self, rng: &mut Rng) {
        let rooms: Vec<Room> = self
            .list
            .iter()
            .filter(|(_, volume)| volume.failed.is_none())
            .map(|(volume, _)| Room {
                volume,
                remaining: self.figures(volume).remaining,
            })
            .collect();
        let Ok(volume) = self.chooser.choose(&rooms, BLOCK, rng) else {
            assert!(rooms.iter().all(|room| room.remaining < BLOCK), "{rooms:?}");
            return;
        };
        let block = Block::new(self.next_id, 1001, BLOCK);
        self.next_id += 1;
        let created = self.map.create(block, ReplicaState::Rbw, volume);
        assert_eq!(created, Ok(None));
        self.check_room();
        let len = rng.below(BLOCK + 1);
        match self.write_files(block, volume, len, rng) {
            Ok(Some(block)) => {
                self.map.finalize(block).expect("it is being written");
                self.promised.insert(block.id, (block, volume));
            }
            // Its writer went away.
            Ok(None) => self.map.release(block),
            Err(e) => {
                self.map.release(block);
                self.look_at(volume, &e);
            }
        }
    }

    fn write_files(
        &mut self,
        block: Block,
        volume: VolumeId,
        len: u64,
        rng: &mut Rng,
    ) -> Result<Option<Block>, BlockFileError> {
        let disk = &mut self.disks[index(volume)];
        let mut writer = ReplicaWriter::create(disk, block, Place::Rbw)?;
        let all = bytes(block.id, len);
        let mut at = 0;
        while at < all.len() {
            let end = all.len().min(at + 512 * (1 + rng.index(3)));
            writer.write_packet(disk, at as u64, &all[at..end], &checksums(&all[at..end]))?;
            self.map.acknowledged(block, end as u64, None);
            at = end;
        }
        if rng.percent(10) {
            return Ok(None);
        }
        writer.finalize(disk, true).map(Some)
    }

    fn delete(&mut self, rng: &mut Rng) {
        let all: Vec<Replica> = self
            .list
            .iter()
            .flat_map(|(volume, _)| self.map.on_volume(volume, None))
            .copied()
            .collect();
        let Some(replica) = rng.choose(&all) else {
            return;
        };
        self.map
            .invalidate(replica.block)
            .expect("nobody writes it");
        self.promised.remove(&replica.block.id);
        let disk = &mut self.disks[index(replica.volume)];
        if let Err(e) = replica_writer::delete(disk, replica) {
            self.look_at(replica.volume, &e);
        }
    }

    /// As the shell does.
    fn look_at(&mut self, volume: VolumeId, e: &BlockFileError) {
        let BlockFileError::Disk(error) = e else {
            return;
        };
        let failed = match suspicion(error) {
            Suspicion::None => None,
            Suspicion::Failed => Some(error.to_string()),
            Suspicion::Check => {
                let checked = check_volume(&mut self.disks[index(volume)]);
                checked.err().map(|e| e.to_string())
            }
        };
        if let Some(reason) = failed {
            let first = self
                .list
                .fail(volume, &reason)
                .expect("so many are tolerated");
            assert!(first, "a failed volume is not used any more");
            self.map.remove_volume(volume);
            self.forget_failed();
        }
    }

    fn forget_failed(&mut self) {
        let list = &self.list;
        let is_well = |volume| list.get(volume).is_some_and(|v| v.failed.is_none());
        self.promised.retain(|_, (_, volume)| is_well(*volume));
    }

    fn crash(&mut self, rng: &mut Rng) {
        for disk in &mut self.disks {
            disk.disk.crash(rng);
        }
        self.start(rng);
    }

    fn check_room(&self) {
        for (volume, known) in self.list.iter() {
            let usage = self.map.usage(volume);
            let taken = usage.used + usage.reserved;
            assert!(taken <= CAPACITY, "{volume:?} is promised {usage:?}");
            if known.failed.is_some() {
                assert_eq!(usage.replicas, 0, "{volume:?} has failed: {usage:?}");
            }
        }
    }

    fn check(&self) {
        self.check_room();
        for (block, volume) in self.promised.values() {
            let disk = &self.disks[index(*volume)];
            if disk.broken {
                // Nobody has noticed yet.
                continue;
            }
            let there = self.map.get(block.id);
            let expected = Replica::new(*block, ReplicaState::Finalized).on(*volume);
            assert_eq!(there, Some(&expected));
            let (data, meta) = (
                Place::Finalized.data(block.id),
                Place::Finalized.meta(block.id, block.generation),
            );
            let file = BlockFile::open(disk, &data, &meta).expect("it was finalised");
            let read = file.read_verified(disk, 0, u64::MAX).expect("it is whole");
            assert_eq!(read, bytes(block.id, block.len), "{block}");
        }
    }
}

fn list(failures: [Option<String>; 3]) -> VolumeList {
    let volumes = failures.into_iter().enumerate().map(|(i, failed)| Volume {
        storage: None,
        dir: format!("data{i}"),
        size: None,
        du_reserved: 500,
        failed,
    });
    VolumeList::new(volumes.collect(), 2).expect("one is left at least")
}

#[test]
fn volumes_keep_what_they_promised_until_they_fail() {
    let (mut failed, mut full, mut crashed) = (0, 0, 0);
    for seed in 0..400 {
        let mut rng = Rng::new(seed);
        let mut storage = Storage::new(&mut rng);
        for _ in 0..60 {
            let target = rng.index(3);
            match rng.below(100) {
                0..60 => storage.write(&mut rng),
                60..85 => storage.delete(&mut rng),
                85..88 => {
                    // Somebody else fills the disk, behind our back.
                    let used = storage.disks[target].disk.used();
                    let room = Some(used + rng.below(1000)).filter(|_| rng.percent(60));
                    storage.disks[target].disk.set_capacity(room);
                    full += usize::from(room.is_some());
                }
                88..90
                    if storage
                        .disks
                        .iter()
                        .filter(|d| d.broken || d.no_sync)
                        .count()
                        < 2 =>
                {
                    let disk = &mut storage.disks[target];
                    (disk.broken, disk.no_sync) = (rng.percent(50), true);
                }
                90..94 => {
                    // Room enough to start: a full disk that must be written at a start is a failed one.
                    storage
                        .disks
                        .iter_mut()
                        .for_each(|d| d.disk.set_capacity(None));
                    storage.crash(&mut rng);
                    crashed += 1;
                }
                _ => {}
            }
            storage.check();
        }
        failed += storage
            .list
            .iter()
            .filter(|(_, v)| v.failed.is_some())
            .count();
    }
    assert!(
        failed > 50 && full > 50 && crashed > 50,
        "{failed} {full} {crashed}"
    );
}
