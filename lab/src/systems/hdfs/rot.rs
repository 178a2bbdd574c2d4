//! Damage on a DataNode's disk: a byte of a replica is another one than was written, and the disk does not say so.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use mini_hdfs::view::{BlockView, Health};

use super::Hdfs;
use crate::lab::quoted;
use crate::systems::disks::request;

impl Hdfs {
    /// Changes a byte in the middle of the replica of `block` on the node `name`. Returns the file.
    pub(crate) fn rot(&self, name: &str, block: &str) -> Result<PathBuf> {
        let file = find(&self.lab.dir(name), block)
            .with_context(|| format!("{name} has no replica of {block}"))?;
        let mut bytes =
            fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let middle = bytes.len() / 2;
        ensure!(middle > 0, "the replica of {block} on {name} is empty");
        bytes[middle] ^= 1;
        let flipped = bytes[middle];
        fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))?;
        let shown = file.display().to_string();
        let shown = quoted(&shown);
        self.lab.recorder.action(
            Some(name),
            format!("a byte of {block} on {name} rots"),
            &format!("printf '\\{flipped:03o}' | dd of={shown} bs=1 seek={middle} conv=notrunc"),
        );
        Ok(file)
    }

    /// The file with the bytes of the replica of `block` on the disk of the node `name`, whoever knows of it.
    pub(crate) fn replica_file(&self, name: &str, block: &str) -> Option<PathBuf> {
        find(&self.lab.dir(name), block)
    }

    /// Changes a byte of the replica of some finished block that the node `name` has.
    pub(super) fn rot_any(&self, name: &str) -> Result<()> {
        let now = self.now();
        let has = |block: &&BlockView| {
            let mut replicas = block.replicas.iter();
            block.len > 1 && replicas.any(|r| r.node == name && r.health == Health::Good)
        };
        let block = now.complete_blocks().find(has);
        let block = block.with_context(|| {
            format!("{name} has no good replica of a finished block; write a file first")
        })?;
        self.rot(name, &block.id)?;
        Ok(())
    }

    /// How many damaged replicas the background scan of the node `name` has found since it started.
    pub(crate) fn damage_found(&self, name: &str) -> Result<u64> {
        self.metric(name, "hdfs_datanode_scan_damaged_total")
    }

    /// What the metrics of the node `name` say of `metric`, over all its labels.
    pub(crate) fn metric(&self, name: &str, metric: &str) -> Result<u64> {
        let answer = request(&self.lab.address(name, "http")?, "GET", "/metrics", "")?;
        let values = answer.lines().filter_map(|line| {
            let (what, value) = line.rsplit_once(' ')?;
            let name = what.split('{').next()?;
            (name == metric).then(|| value.parse::<u64>().ok())?
        });
        Ok(values.sum())
    }
}

fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    // Directories may go away while we look.
    for entry in fs::read_dir(dir).ok()?.flatten() {
        let path = entry.path();
        if entry.file_name() == name {
            return Some(path);
        }
        if let Some(found) = path.is_dir().then(|| find(&path, name)).flatten() {
            return Some(found);
        }
    }
    None
}
