//! Breaking the world, and mending it.

use std::collections::BTreeSet;
use std::time::Duration;

use node::{Node, NodeId, Rng};

use super::World;
use crate::fault::{Fault, Fuse};
use crate::trace::What;

impl<N: Node> World<N> {
    /// Mends everything: links, pauses, full disks; takes fuses out; restarts who is down.
    pub fn calm(&mut self) {
        self.trace.add(self.now, || What::Calm);
        self.network.calm();
        for id in self.ids().collect::<Vec<_>>() {
            if let Some(process) = self.processes.get_mut(&id) {
                process.fuse = None;
                process.disk.set_fuse(None);
                process.disk.set_capacity(None);
            }
            self.resume(id);
            self.start(id);
        }
    }

    /// Breaks or mends something now.
    pub fn inject(&mut self, fault: &Fault) {
        self.trace.add(self.now, || What::Fault {
            fault: fault.clone(),
        });
        match *fault {
            Fault::Crash { node, fuse } => self.light(node, fuse),
            Fault::Restart { node } => self.start(node),
            Fault::Pause { node } => {
                // One that is down has nothing to pause.
                if let Some(process) = self.processes.get_mut(&node)
                    && process.node.is_some()
                {
                    process.paused.get_or_insert_default();
                }
            }
            Fault::Resume { node } => self.resume(node),
            Fault::Cut { from, to } => self.network.cut(from, to),
            Fault::Partition { ref group } => self.partition(group),
            Fault::Heal => self.network.heal(),
            Fault::Network { link } => {
                self.network.links.clear();
                self.network.link = link;
            }
            Fault::Link { from, to, link } => {
                self.network.links.insert((from, to), link);
            }
            Fault::FlipBit {
                node,
                ref within,
                pick,
            } => self.flip_bit(node, within, pick),
            Fault::DiskFull { node, free } => {
                if let Some(process) = self.processes.get_mut(&node) {
                    let capacity = process.disk.used() + free;
                    process.disk.set_capacity(Some(capacity));
                }
            }
            Fault::DiskFreed { node } => {
                if let Some(process) = self.processes.get_mut(&node) {
                    process.disk.set_capacity(None);
                }
            }
            Fault::LoseDisk { node } => {
                self.crash(node, "with its disk");
                if let Some(process) = self.processes.get_mut(&node) {
                    process.disk.lose();
                }
            }
        }
    }

    fn light(&mut self, id: NodeId, fuse: Fuse) {
        let Some(process) = self.processes.get_mut(&id) else {
            return;
        };
        match fuse {
            _ if process.node.is_none() => {}
            Fuse::Now | Fuse::Effects(0) => self.crash(id, "between events"),
            Fuse::DiskCalls(calls) => process.disk.set_fuse(Some(calls)),
            Fuse::Effects(effects) => process.fuse = Some(effects),
        }
    }

    fn resume(&mut self, id: NodeId) {
        let process = self.processes.get_mut(&id);
        let waiting = process.and_then(|process| process.paused.take());
        for due in waiting.into_iter().flatten() {
            self.schedule(Duration::ZERO, due);
        }
    }

    fn partition(&mut self, group: &[NodeId]) {
        let inside: BTreeSet<NodeId> = group.iter().copied().collect();
        let (inside, outside): (Vec<NodeId>, Vec<NodeId>) =
            self.ids().partition(|id| inside.contains(id));
        for &a in &inside {
            for &b in &outside {
                self.network.cut(a, b);
                self.network.cut(b, a);
            }
        }
    }

    fn flip_bit(&mut self, id: NodeId, within: &str, pick: u64) {
        let Some(process) = self.processes.get_mut(&id) else {
            return;
        };
        let disk = &mut process.disk;
        let size = |file: &str| disk.contents(file).map_or(0, <[u8]>::len) as u64;
        let files: Vec<(String, u64)> = disk
            .files()
            .filter(|file| file.contains(within))
            .map(|file| (file.to_owned(), size(file)))
            .filter(|(_, len)| *len > 0)
            .collect();
        let mut rng = Rng::new(pick);
        if let Some((file, len)) = rng.choose(&files) {
            let (offset, bit) = (rng.below(*len), u32::try_from(rng.below(8)).unwrap_or(0));
            disk.flip_bit(file, offset, bit);
        }
    }
}
