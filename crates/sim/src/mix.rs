//! Schedules drawn from a seed: trouble of chosen kinds, and what mends it after a while.

use std::time::Duration;

use node::{NodeId, Rng, Time};

use crate::fault::{Fault, Fuse, Link, Schedule, Timed};

/// A kind of trouble that a [`Mix`] draws: a fault, and after a while what mends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// [`Fault::Crash`] on a fuse of any kind, then [`Fault::Restart`].
    Crash,
    /// [`Fault::Pause`], then [`Fault::Resume`].
    Pause,
    /// [`Fault::Cut`], then [`Fault::Heal`].
    Cut,
    /// [`Fault::Partition`], then [`Fault::Heal`].
    Partition,
    /// [`Fault::Network`] with drops, delays, duplicates and reordering, then a good network.
    Noise,
    /// [`Fault::Link`] on one link, then a good one.
    NoisyLink,
    /// [`Fault::FlipBit`]. Nothing mends it.
    FlipBit,
    /// [`Fault::DiskFull`], then [`Fault::DiskFreed`].
    DiskFull,
    /// [`Fault::LoseDisk`], then [`Fault::Restart`].
    LoseDisk,
}

/// What to draw a schedule from.
#[derive(Clone, Debug)]
pub struct Mix {
    /// The nodes that suffer.
    pub nodes: Vec<NodeId>,
    /// The kinds of trouble, each as likely as the others; name one twice to have it twice as often.
    pub kinds: Vec<Trouble>,
    /// How many troubles.
    pub count: u64,
    /// None begins before this.
    pub from: Time,
    /// None begins after this.
    pub until: Time,
    /// How long a trouble lasts at most.
    pub longest: Duration,
    /// Which files a flipped bit may hit: those whose names contain this.
    pub flip_within: String,
}

impl Mix {
    /// A schedule that follows from the state of `rng`.
    pub fn draw(&self, rng: &mut Rng) -> Schedule {
        let mut schedule = Schedule::new();
        for _ in 0..self.count {
            let begins = self.from + draw_duration(rng, self.until.since(self.from));
            let ends = begins + draw_duration(rng, self.longest);
            if let Some(kind) = rng.choose(&self.kinds).copied() {
                let (fault, mended) = self.trouble(kind, rng);
                schedule.push(Timed::new(begins, fault));
                schedule.extend(mended.map(|fault| Timed::new(ends, fault)));
            }
        }
        // Stable: what is drawn first of two at the same time happens first.
        schedule.sort_by_key(|timed| timed.at_us);
        schedule
    }

    fn node(&self, rng: &mut Rng) -> NodeId {
        rng.choose(&self.nodes).copied().unwrap_or(NodeId(0))
    }

    fn trouble(&self, kind: Trouble, rng: &mut Rng) -> (Fault, Option<Fault>) {
        let (node, to) = (self.node(rng), self.node(rng));
        match kind {
            Trouble::Crash => {
                let fuse = draw_fuse(rng);
                let restart = Fault::Restart { node };
                (Fault::Crash { node, fuse }, Some(restart))
            }
            Trouble::Pause => (Fault::Pause { node }, Some(Fault::Resume { node })),
            Trouble::Cut => (Fault::Cut { from: node, to }, Some(Fault::Heal)),
            Trouble::Partition => {
                let group = self.group(rng);
                (Fault::Partition { group }, Some(Fault::Heal))
            }
            Trouble::Noise => {
                let link = Link::default();
                let noise = Fault::Network {
                    link: draw_noise(rng),
                };
                (noise, Some(Fault::Network { link }))
            }
            Trouble::NoisyLink => {
                let of = |link| Fault::Link {
                    from: node,
                    to,
                    link,
                };
                (of(draw_noise(rng)), Some(of(Link::default())))
            }
            Trouble::FlipBit => {
                let (within, pick) = (self.flip_within.clone(), rng.next_u64());
                (Fault::FlipBit { node, within, pick }, None)
            }
            Trouble::DiskFull => {
                let free = rng.below(8 << 10);
                (
                    Fault::DiskFull { node, free },
                    Some(Fault::DiskFreed { node }),
                )
            }
            Trouble::LoseDisk => (Fault::LoseDisk { node }, Some(Fault::Restart { node })),
        }
    }

    /// Some of the nodes, at least one.
    fn group(&self, rng: &mut Rng) -> Vec<NodeId> {
        let mut nodes = self.nodes.clone();
        rng.shuffle(&mut nodes);
        let size = 1 + rng.index(nodes.len().saturating_sub(1));
        nodes.truncate(size);
        nodes.sort_unstable();
        nodes
    }
}

fn draw_duration(rng: &mut Rng, longest: Duration) -> Duration {
    let micros = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(rng.below(micros.saturating_add(1)))
}

fn draw_fuse(rng: &mut Rng) -> Fuse {
    let count = u32::try_from(rng.below(40)).unwrap_or(0);
    match rng.below(3) {
        0 => Fuse::Now,
        1 => Fuse::DiskCalls(count),
        _ => Fuse::Effects(count),
    }
}

fn draw_noise(rng: &mut Rng) -> Link {
    let mut percent = |most| u32::try_from(rng.below(most)).unwrap_or(0);
    Link {
        drop_percent: percent(30),
        duplicate_percent: percent(20),
        reorder_percent: percent(50),
        delay_us_max: 2_000 + rng.below(200_000),
        ..Link::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_readable_json_and_comes_back_from_it() {
        let mix = Mix {
            nodes: vec![NodeId(1), NodeId(2), NodeId(3)],
            kinds: vec![
                Trouble::Crash,
                Trouble::Pause,
                Trouble::Cut,
                Trouble::Partition,
                Trouble::Noise,
                Trouble::NoisyLink,
                Trouble::FlipBit,
                Trouble::DiskFull,
                Trouble::LoseDisk,
            ],
            count: 100,
            from: Time::ZERO,
            until: Time::from_millis(1000),
            longest: Duration::from_millis(100),
            flip_within: "blk_".into(),
        };
        let schedule = mix.draw(&mut Rng::new(5));
        assert_eq!(schedule, mix.draw(&mut Rng::new(5)));
        assert!(schedule.is_sorted_by_key(|timed| timed.at_us));
        let json = serde_json::to_string(&schedule).unwrap();
        assert_eq!(
            serde_json::from_str::<Schedule>(&json).unwrap(),
            schedule,
            "{json}"
        );
        let cut = Timed::new(
            Time::from_millis(2),
            Fault::Cut {
                from: NodeId(1),
                to: NodeId(2),
            },
        );
        assert_eq!(
            serde_json::to_string(&cut).unwrap(),
            r#"{"at_us":2000,"fault":"cut","from":1,"to":2}"#
        );
    }
}
