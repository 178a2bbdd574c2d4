//! What can be done to the disks of DataNodes beside what every node's disk suffers.

use std::fs;

use anyhow::{Context, Result, ensure};

use super::Hdfs;
use crate::lab::quoted;
use crate::system::{Deed, Order, Target, When};
use crate::systems::disks;

/// What can be done to disks by a button.
pub(super) fn deeds() -> Vec<Deed> {
    let of_datanodes = |id, label, title, process| Deed {
        id,
        label,
        title,
        group: Some("disk"),
        on: Target::Node,
        roles: &["datanode"],
        when: When { process },
        param: None,
    };
    let mut deeds = disks::deeds(&["namenode", "datanode"]);
    deeds.push(of_datanodes(
        "flip",
        "Flip a bit",
        "Change a bit of a replica on the disk, which does not notice",
        &[],
    ));
    deeds.push(of_datanodes(
        "wipe",
        "Wipe the disk",
        "Replace the disk by an empty one, and start the node anew",
        &["up", "paused", "down"],
    ));
    deeds
}

impl Hdfs {
    /// Does one of the deeds.
    pub(super) fn break_disk(&self, deed: &str, order: &Order) -> Result<()> {
        match deed {
            "flip" => self.rot_any(order.node()?),
            "wipe" => self.wipe(order.node()?),
            _ => self.disks.perform(deed, order),
        }
    }

    /// Kills the DataNode `name`, empties its disk, and starts it anew: as if the disk had been replaced.
    pub(crate) fn wipe(&self, name: &str) -> Result<()> {
        ensure!(
            self.lab.role(name)? == "datanode",
            "without the NameNode's disk nobody knows what the blocks are of; wipe a DataNode's"
        );
        let dir = self.lab.dir(name);
        if self.lab.pid(name).is_ok() {
            self.lab.kill(name)?;
        }
        let shown = dir.display();
        fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {shown}"))?;
        self.lab.recorder.action(
            Some(name),
            format!("the disk of {name} is replaced by an empty one"),
            &format!("rm -r {}", quoted(&shown.to_string())),
        );
        self.lab.start(name)
    }
}
