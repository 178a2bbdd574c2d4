//! The strategies by name, each set up so that it can be compared with the others.

use clap::ValueEnum;
use consistent_hash::{
    Anchor, Bounded, Jump, Maglev, MembershipError, Modulo, MultiProbe, Node, Partitioner, Ranges,
    Rendezvous, Ring, maglev, multi_probe,
};

/// A strategy. Lists are left out: of what somebody decides key by key there is nothing to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Strategy {
    Modulo,
    Ring,
    Jump,
    Rendezvous,
    Maglev,
    Anchor,
    MultiProbe,
    Bounded,
    Range,
}

/// What strategies are made with.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Settings {
    /// The seed of the hash: clients with different seeds disagree
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Virtual nodes on the ring, for each unit of weight
    #[arg(long, default_value_t = 160, value_name = "COUNT")]
    pub(crate) vnodes: u32,
    /// Places in Maglev's table; the next prime is taken
    #[arg(long, default_value_t = maglev::SMALL, value_name = "COUNT")]
    table: u32,
    /// Hashes of a key, of multi-probe
    #[arg(long, default_value_t = multi_probe::PROBES, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1000))]
    probes: u32,
    /// How much more than the mean a node may have under bounded loads, in percent
    #[arg(long, default_value_t = 25, value_name = "PERCENT")]
    slack: u32,
}

/// One strategy with its nodes, which knows the keys if it has to.
pub(crate) enum Built {
    Plain(Box<dyn Partitioner>),
    Range(Ranges),
    Bounded(Bounded),
}

impl Strategy {
    /// The strategy with these nodes. Bounded loads and ranges are given the keys too, each once: they cannot do without.
    ///
    /// # Errors
    /// When the strategy cannot take the nodes.
    pub(crate) fn build(
        self,
        settings: &Settings,
        nodes: &[Node],
        keys: &[Vec<u8>],
    ) -> Result<Built, MembershipError> {
        let seed = settings.seed;
        let weight: u64 = nodes.iter().map(|node| u64::from(node.weight)).sum();
        // Room for twice what is there.
        let room = u32::try_from(weight.saturating_mul(2)).unwrap_or(u32::MAX);
        let plain: Box<dyn Partitioner> = match self {
            Strategy::Modulo => Box::new(Modulo::new(seed)),
            Strategy::Ring => Box::new(Ring::new(settings.vnodes, seed)),
            Strategy::Jump => Box::new(Jump::new(seed)),
            Strategy::Rendezvous => Box::new(Rendezvous::new(seed)),
            Strategy::Maglev => Box::new(Maglev::new(settings.table, seed)),
            Strategy::Anchor => Box::new(Anchor::new(room.max(16), seed)),
            Strategy::MultiProbe => Box::new(MultiProbe::new(settings.probes, seed)),
            Strategy::Bounded => {
                let mut bounded = Bounded::new(settings.slack, seed);
                bounded.add_all(nodes)?;
                for key in keys {
                    bounded.insert(key);
                }
                return Ok(Built::Bounded(bounded));
            }
            Strategy::Range => {
                let mut ranges = Ranges::new();
                ranges.add_all(nodes)?;
                ranges.distribute(keys);
                return Ok(Built::Range(ranges));
            }
        };
        let mut plain = plain;
        plain.add_all(nodes)?;
        Ok(Built::Plain(plain))
    }

    /// The options that decide whether it can be built, as they would be given.
    pub(crate) fn options(self, settings: &Settings) -> String {
        let name = self.name();
        match self {
            Strategy::Ring => format!("--strategy {name} --vnodes {}", settings.vnodes),
            Strategy::Maglev => format!("--strategy {name} --table {}", settings.table),
            _ => format!("--strategy {name}"),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Strategy::Modulo => "modulo",
            Strategy::Ring => "ring",
            Strategy::Jump => "jump",
            Strategy::Rendezvous => "rendezvous",
            Strategy::Maglev => "maglev",
            Strategy::Anchor => "anchor",
            Strategy::MultiProbe => "multi-probe",
            Strategy::Bounded => "bounded",
            Strategy::Range => "range",
        }
    }
}

impl Built {
    pub(crate) fn partitioner(&self) -> &dyn Partitioner {
        match self {
            Built::Plain(plain) => &**plain,
            Built::Range(ranges) => ranges,
            Built::Bounded(bounded) => bounded,
        }
    }

    pub(crate) fn partitioner_mut(&mut self) -> &mut dyn Partitioner {
        match self {
            Built::Plain(plain) => &mut **plain,
            Built::Range(ranges) => ranges,
            Built::Bounded(bounded) => bounded,
        }
    }
}
