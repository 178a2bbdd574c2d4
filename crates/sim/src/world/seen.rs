//! What there is to see of a world, whatever its nodes are: their processes, the links between them, their disks.

use std::collections::BTreeMap;

use node::{Node, NodeId};

use super::World;
use crate::document::{DiskView, Document, LinkView, NodeView, Process, link};
use crate::fault::Link;

impl<N: Node> World<N> {
    /// The world's part of a state document. Lost, doubled and reordered messages are no property of it: they are told one by one.
    pub(crate) fn document(&self) -> Document {
        let nodes = self.processes.values().map(|process| {
            let condition = match (&process.node, &process.paused) {
                (None, _) => Process::Down,
                (Some(_), Some(_)) => Process::Paused,
                (Some(_), None) => Process::Up,
            };
            (process.name.clone(), NodeView::new(condition))
        });
        let full = self
            .processes
            .values()
            .filter(|process| process.disk.is_limited());
        let full = full.map(|process| {
            let disk = DiskView {
                full: Some(true),
                ..DiskView::default()
            };
            (process.name.clone(), disk)
        });
        Document {
            nodes: nodes.collect(),
            links: self.links_seen(),
            disks: full.collect(),
            ..Document::default()
        }
    }

    fn links_seen(&self) -> BTreeMap<String, LinkView> {
        let called = |id: &NodeId| self.name(*id).unwrap_or_default();
        let key = |(from, to): &(NodeId, NodeId)| link(called(from), called(to));
        let mut seen: BTreeMap<String, LinkView> = BTreeMap::new();
        // A link that has been mended stands there as a good one.
        let good = Link::default();
        for (ends, link) in self.network.links.iter().filter(|(_, link)| **link != good) {
            let late_us = link.delay_us_max.saturating_sub(good.delay_us_max);
            seen.entry(key(ends)).or_default().delay_ms = late_us / 1000;
        }
        for ends in self.network.cuts() {
            seen.entry(key(ends)).or_default().cut = true;
        }
        seen
    }
}
