//! A disk that forgets what was not synced, as real ones do.
//!
//! The contract is that of [`node::Disk`], at its worst: whatever it does not promise may go wrong
//! here, and which of it does is drawn at the crash. Bytes and names are kept twice, as readers see
//! them and as a crash would find them, with the changes between the two in a list.

use std::collections::{BTreeMap, BTreeSet};

use node::{Disk, DiskError, DiskErrorKind, Rng};

/// One change of a file's bytes that is not durable yet.
#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate { len: usize },
}

impl Change {
    fn apply(&self, contents: &mut Vec<u8>) {
        match self {
            Change::Write { offset, bytes } => {
                let end = offset + bytes.len();
                if contents.len() < end {
                    contents.resize(end, 0);
                }
                contents[*offset..end].copy_from_slice(bytes);
            }
            Change::Truncate { len } => contents.resize(*len, 0),
        }
    }

    /// What is left of it when the power fails in the middle.
    fn torn(self, rng: &mut Rng) -> Change {
        match self {
            Change::Write { offset, mut bytes } => {
                bytes.truncate(rng.index(bytes.len() + 1));
                Change::Write { offset, bytes }
            }
            truncate @ Change::Truncate { .. } => truncate,
        }
    }
}

/// A file without its name: a rename moves the name, and the bytes stay as durable as they were.
#[derive(Clone, Debug, Default)]
struct Inode {
    /// What readers see.
    contents: Vec<u8>,
    /// What a crash leaves for sure.
    durable: Vec<u8>,
    /// What lies between the two, in order, each with its place among all changes of the disk.
    pending: Vec<(u64, Change)>,
}

impl Inode {
    fn commit(&mut self, mark: u64) {
        let kept = self.pending.partition_point(|(at, _)| *at <= mark);
        for (_, change) in self.pending.drain(..kept) {
            change.apply(&mut self.durable);
        }
    }

    /// Nothing, everything, a beginning or any selection of what was pending survives; of the last
    /// surviving write perhaps only a part.
    fn crash(&mut self, rng: &mut Rng) {
        let pending: Vec<Change> = self.pending.drain(..).map(|(_, change)| change).collect();
        let count = pending.len();
        let mut survivors: Vec<Change> = match rng.below(4) {
            0 => Vec::new(),
            1 => pending,
            2 => pending.into_iter().take(rng.index(count + 1)).collect(),
            _ => pending.into_iter().filter(|_| rng.percent(50)).collect(),
        };
        if rng.percent(50)
            && let Some(last) = survivors.pop()
        {
            survivors.push(last.torn(rng));
        }
        for change in survivors {
            change.apply(&mut self.durable);
        }
        self.contents.clone_from(&self.durable);
    }
}

/// One change of the names, not durable yet.
#[derive(Clone, Debug)]
enum NameChange {
    Create { name: String, inode: u64 },
    Rename { from: String, to: String },
    Remove { name: String },
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            NameChange::Create { name, inode } => {
                names.insert(name.clone(), *inode);
            }
            NameChange::Rename { from, to } => {
                if let Some(inode) = names.remove(from) {
                    names.insert(to.clone(), inode);
                }
            }
            NameChange::Remove { name } => {
                names.remove(name);
            }
        }
    }

    /// The directory whose `sync_dir` makes it durable: that of the name that came into being.
    fn dir(&self) -> &str {
        let (NameChange::Create { name, .. }
        | NameChange::Rename { to: name, .. }
        | NameChange::Remove { name }) = self;
        name.rsplit_once('/').map_or("", |(dir, _)| dir)
    }
}

/// A simulated disk. See [`node::Disk`] for what survives a crash.
#[derive(Clone, Debug, Default)]
pub struct SimDisk {
    inodes: BTreeMap<u64, Inode>,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    pending_names: Vec<(u64, NameChange)>,
    /// Counts changes; also numbers inodes.
    changes: u64,
    /// Counts flipped bits and losses of everything.
    damage: u64,
    capacity: Option<u64>,
    fuse: Option<u32>,
    crashed: bool,
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

impl SimDisk {
    /// The names of all files, sorted.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// A file's bytes as a reader sees them, none if there is no such file.
    pub fn contents(&self, file: &str) -> Option<&[u8]> {
        self.inode(file).map(|inode| inode.contents.as_slice())
    }

    /// A file's bytes as the worst crash would leave them: none if its name is not durable.
    pub fn durable(&self, file: &str) -> Option<&[u8]> {
        let inode = self.inodes.get(self.durable_names.get(file)?)?;
        Some(&inode.durable)
    }

    /// How often faults have damaged what was durable: flipped a bit, or lost everything.
    pub fn damage(&self) -> u64 {
        self.damage
    }

    /// Bytes in all files.
    pub fn used(&self) -> u64 {
        let sizes = self.names.values().filter_map(|id| self.inodes.get(id));
        sizes.map(|inode| inode.contents.len() as u64).sum()
    }

    /// Refuses writes that would make the files hold more than `bytes` in all; `None` for no limit.
    pub fn set_capacity(&mut self, bytes: Option<u64>) {
        self.capacity = bytes;
    }

    /// Whether there is such a limit.
    pub(crate) fn is_limited(&self) -> bool {
        self.capacity.is_some()
    }

    /// Crashes the node at the call after the next `calls` ones that change the disk; `None` takes a fuse out.
    pub fn set_fuse(&mut self, calls: Option<u32>) {
        self.fuse = calls;
    }

    /// Whether the fuse has blown: every call fails until [`SimDisk::crash`].
    pub fn is_crashed(&self) -> bool {
        self.crashed
    }

    /// Flips one bit of a file, on the medium and for readers alike, as a bad sector does. Says
    /// whether there is such a bit.
    pub fn flip_bit(&mut self, file: &str, offset: u64, bit: u32) -> bool {
        let Some(inode) = self.names.get(file).and_then(|id| self.inodes.get_mut(id)) else {
            return false;
        };
        let (at, mask) = (index(offset), 1u8 << (bit % 8));
        self.changes += 1;
        self.damage += 1;
        for bytes in [&mut inode.contents, &mut inode.durable] {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= mask;
            }
        }
        at < inode.contents.len()
    }

    /// Everything on the disk is gone; it works again, empty.
    pub fn lose(&mut self) {
        *self = SimDisk {
            changes: self.changes + 1,
            damage: self.damage + 1,
            ..SimDisk::default()
        };
    }

    /// Marks the present: hand it to [`SimDisk::commit`] to make durable what was done until now. While it stays the
    /// same, so does what readers see.
    pub fn mark(&self) -> u64 {
        self.changes
    }

    /// Makes everything done until `mark` durable, names and bytes.
    pub fn commit(&mut self, mark: u64) {
        for inode in self.inodes.values_mut() {
            inode.commit(mark);
        }
        let count = self.pending_names.partition_point(|(at, _)| *at <= mark);
        self.commit_names(count);
    }

    /// The power fails. What was not durable survives as luck has it: of each file's writes any part,
    /// of the changes of names a beginning. The disk works again afterwards.
    pub fn crash(&mut self, rng: &mut Rng) {
        self.changes += 1;
        for inode in self.inodes.values_mut() {
            inode.crash(rng);
        }
        let count = rng.index(self.pending_names.len() + 1);
        self.commit_names(count);
        self.pending_names.clear();
        self.names.clone_from(&self.durable_names);
        self.collect();
        (self.crashed, self.fuse) = (false, None);
    }

    fn commit_names(&mut self, count: usize) {
        for (_, change) in self.pending_names.drain(..count) {
            change.apply(&mut self.durable_names);
        }
        if count > 0 {
            self.collect();
        }
    }

    /// Forgets inodes that no name leads to any more, durably or not.
    fn collect(&mut self) {
        let mut used: BTreeSet<u64> = self.names.values().copied().collect();
        used.extend(self.durable_names.values());
        used.extend(self.pending_names.iter().filter_map(|(_, c)| match c {
            NameChange::Create { inode, .. } => Some(*inode),
            _ => None,
        }));
        self.inodes.retain(|id, _| used.contains(id));
    }

    fn inode(&self, file: &str) -> Option<&Inode> {
        self.inodes.get(self.names.get(file)?)
    }

    fn existing(&self, operation: &'static str, file: &str) -> Result<u64, DiskError> {
        let id = self.names.get(file).copied();
        id.ok_or_else(|| DiskError::new(operation, file, DiskErrorKind::NotFound))
    }

    /// To be called by everything that changes the disk: blows the fuse.
    fn spend(&mut self, operation: &'static str, file: &str) -> Result<(), DiskError> {
        match &mut self.fuse {
            Some(0) => self.crashed = true,
            Some(calls) => *calls -= 1,
            None => {}
        }
        self.alive(operation, file)?;
        self.changes += 1;
        Ok(())
    }

    fn alive(&self, operation: &'static str, file: &str) -> Result<(), DiskError> {
        if self.crashed {
            return Err(DiskError::new(operation, file, DiskErrorKind::Crashed));
        }
        Ok(())
    }

    fn rename_now(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.pending_names.push((self.changes, change));
    }

    /// How many bytes a file may have if it is not to overfill the disk.
    fn room_for(&self, file: &str) -> usize {
        let Some(capacity) = self.capacity else {
            return usize::MAX;
        };
        let present = self.inode(file).map_or(0, |inode| inode.contents.len());
        present.saturating_add(index(capacity.saturating_sub(self.used())))
    }

    fn change(&mut self, id: u64, change: Change) {
        let inode = self.inodes.entry(id).or_default();
        change.apply(&mut inode.contents);
        inode.pending.push((self.changes, change));
    }
}

impl Disk for SimDisk {
    fn write_at(&mut self, file: &str, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.spend("write", file)?;
        let offset = index(offset);
        let fits = bytes.len().min(self.room_for(file).saturating_sub(offset));
        let id = match self.names.get(file) {
            Some(id) => *id,
            None => {
                let inode = self.changes;
                self.inodes.insert(inode, Inode::default());
                let name = file.to_owned();
                self.rename_now(NameChange::Create { name, inode });
                inode
            }
        };
        if fits > 0 {
            let bytes = bytes[..fits].to_vec();
            self.change(id, Change::Write { offset, bytes });
        }
        if fits < bytes.len() {
            return Err(DiskError::new("write", file, DiskErrorKind::Full));
        }
        Ok(())
    }

    fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskError> {
        self.spend("truncate", file)?;
        let (id, len) = (self.existing("truncate", file)?, index(len));
        if len > self.room_for(file) {
            return Err(DiskError::new("truncate", file, DiskErrorKind::Full));
        }
        self.change(id, Change::Truncate { len });
        Ok(())
    }

    fn read_at(&self, file: &str, offset: u64, len: usize) -> Result<Vec<u8>, DiskError> {
        self.alive("read", file)?;
        let id = self.existing("read", file)?;
        let contents = self.inodes.get(&id).map_or(&[][..], |i| &i.contents);
        let start = index(offset).min(contents.len());
        let end = start.saturating_add(len).min(contents.len());
        Ok(contents[start..end].to_vec())
    }

    fn len(&self, file: &str) -> Result<u64, DiskError> {
        self.alive("open", file)?;
        let id = self.existing("open", file)?;
        Ok(self.inodes.get(&id).map_or(0, |i| i.contents.len() as u64))
    }

    fn sync(&mut self, file: &str) -> Result<(), DiskError> {
        self.spend("sync", file)?;
        let id = self.existing("sync", file)?;
        if let Some(inode) = self.inodes.get_mut(&id) {
            inode.commit(self.changes);
        }
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError> {
        self.spend("rename", from)?;
        self.existing("rename", from)?;
        let (from, to) = (from.to_owned(), to.to_owned());
        self.rename_now(NameChange::Rename { from, to });
        Ok(())
    }

    fn remove(&mut self, file: &str) -> Result<(), DiskError> {
        self.spend("remove", file)?;
        self.existing("remove", file)?;
        let name = file.to_owned();
        self.rename_now(NameChange::Remove { name });
        Ok(())
    }

    fn list(&self, dir: &str) -> Result<Vec<String>, DiskError> {
        self.alive("list", dir)?;
        let prefix = if dir.is_empty() {
            String::new()
        } else {
            format!("{dir}/")
        };
        let names: BTreeSet<&str> = self
            .names
            .range(prefix.clone()..)
            .map_while(|(name, _)| name.strip_prefix(&prefix))
            .filter_map(|rest| rest.split('/').next())
            .collect();
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    fn sync_dir(&mut self, dir: &str) -> Result<(), DiskError> {
        self.spend("sync", dir)?;
        // A journal commits in order: what came before goes with it, whichever directory it was in.
        let last = self.pending_names.iter().rposition(|(_, c)| c.dir() == dir);
        self.commit_names(last.map_or(0, |last| last + 1));
        Ok(())
    }
}
