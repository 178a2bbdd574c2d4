//! The network: which messages arrive, when, how often, in which order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use node::{NodeId, Rng, Time};

use crate::fault::Link;

/// What becomes of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It arrives at these times: one, or two where it was duplicated.
    Arrives(Vec<Time>),
    /// It does not.
    Lost(&'static str),
}

#[derive(Debug)]
pub(crate) struct Network {
    rng: Rng,
    /// For links that have none of their own.
    pub(crate) link: Link,
    pub(crate) links: BTreeMap<(NodeId, NodeId), Link>,
    /// Cut links, each in one direction.
    cut: BTreeSet<(NodeId, NodeId)>,
    /// When the last message that keeps its order arrives.
    last_arrival: BTreeMap<(NodeId, NodeId), Time>,
}

impl Network {
    pub(crate) fn new(rng: Rng) -> Network {
        Network {
            rng,
            link: Link::default(),
            links: BTreeMap::new(),
            cut: BTreeSet::new(),
            last_arrival: BTreeMap::new(),
        }
    }

    pub(crate) fn cut(&mut self, from: NodeId, to: NodeId) {
        self.cut.insert((from, to));
    }

    pub(crate) fn is_cut(&self, from: NodeId, to: NodeId) -> bool {
        self.cut.contains(&(from, to))
    }

    /// The directions that are cut.
    pub(crate) fn cuts(&self) -> impl Iterator<Item = &(NodeId, NodeId)> {
        self.cut.iter()
    }

    pub(crate) fn heal(&mut self) {
        self.cut.clear();
    }

    /// No cuts, and good links everywhere.
    pub(crate) fn calm(&mut self) {
        self.cut.clear();
        self.links.clear();
        self.link = Link::default();
    }

    pub(crate) fn send(&mut self, from: NodeId, to: NodeId, now: Time) -> Fate {
        // What a node sends itself does not touch the network.
        if from == to {
            return Fate::Arrives(vec![now]);
        }
        if self.is_cut(from, to) {
            return Fate::Lost("cut");
        }
        let link = *self.links.get(&(from, to)).unwrap_or(&self.link);
        if self.rng.percent(link.drop_percent) {
            return Fate::Lost("drop");
        }
        let copies = 1 + usize::from(self.rng.percent(link.duplicate_percent));
        let arrivals = (0..copies)
            .map(|_| self.arrival(from, to, now, link))
            .collect();
        Fate::Arrives(arrivals)
    }

    fn arrival(&mut self, from: NodeId, to: NodeId, now: Time, link: Link) -> Time {
        let spread = link.delay_us_max.saturating_sub(link.delay_us_min);
        let delay = link.delay_us_min + self.rng.below(spread + 1);
        let arrival = now + Duration::from_micros(delay);
        if self.rng.percent(link.reorder_percent) {
            return arrival;
        }
        let last = self.last_arrival.entry((from, to)).or_default();
        *last = arrival.max(*last);
        *last
    }
}
