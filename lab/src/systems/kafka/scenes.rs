//! The scenes of mini-kafka, and what they expect of it.

mod compaction;
mod duplicate;
mod rebalance_storm;
mod slow_consumer;
mod torn_write;

use anyhow::Result;

use super::{Kafka, View};
use crate::scenes::{Play, SOON, Stage, ensure};

/// All of them, in the order in which they are listed.
pub(super) static SCENES: &[&dyn Play] = &[
    &torn_write::SCENE,
    &duplicate::SCENE,
    &rebalance_storm::SCENE,
    &slow_consumer::SCENE,
    &compaction::SCENE,
];

impl Stage<Kafka> {
    /// Expects that the topic has so many records at least.
    fn expect_records(&self, topic: &str, least: i64) -> Result<i64> {
        let what = format!("{topic} has {least} records");
        self.expect(&what, SOON, |view| {
            let len = view.len(topic);
            ensure(view.answers && len >= least, || format!("it has {len}"))?;
            Ok(len)
        })
    }

    /// Expects that everything that was acknowledged is there.
    fn expect_nothing_lost(&self) -> Result<()> {
        self.expect("every acknowledged record is there", SOON, |view| {
            nothing_lost(view)
        })
    }

    /// Expects that the group is stable, that each of its `members` reads as many partitions as the others, and that they know the
    /// same generation. Returns that.
    fn expect_shared(&self, group: &str, members: &[&str], partitions: usize) -> Result<i32> {
        let share = partitions / members.len();
        let what = format!("{} read {share} partitions each", members.join(", "));
        self.expect(&what, SOON, |view| {
            let stable = view.groups.get(group).is_some_and(|g| g.state == "Stable");
            ensure(stable, || format!("{group} is not stable"))?;
            let generation = view.generation(group).ok_or("nobody is in the group")?;
            for name in members {
                let member = view
                    .consumers
                    .get(*name)
                    .ok_or(format!("{name} is not there"))?;
                ensure(member.generation == Some(generation), || {
                    format!("{name} is not in generation {generation}")
                })?;
                let owned = member.owned.len();
                ensure(owned == share, || format!("{name} reads {owned}"))?;
            }
            let there = view.groups[group].members.len();
            ensure(there == members.len(), || {
                format!("{there} members are known")
            })?;
            Ok(generation)
        })
    }

    /// Expects that the group is no further behind than a commit or two.
    fn expect_kept_up(&self, group: &str, most: i64) -> Result<()> {
        let what = format!("{group} is at most {most} records behind");
        self.expect(&what, 2 * SOON, |view| {
            let lag = view.groups.get(group).map(|group| view.lag(group));
            let lag = lag.ok_or("there is no such group")?;
            ensure(lag <= most, || format!("it is {lag}"))
        })
    }
}

fn nothing_lost(view: &View) -> Result<(), String> {
    ensure(view.answers, || "the broker does not answer".to_owned())?;
    ensure(view.lost.is_empty(), || view.lost.join("; "))
}
