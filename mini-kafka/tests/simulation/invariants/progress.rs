//! `progress` and `unseen`: once all is mended, every producer is rid of all that it had to send, every consumer is in its group, and
//! what is in the logs has been read by somebody, to its end.

use node::NodeId;
use sim::{Invariant, World};

use super::judge_log;
use crate::broker::read_log;
use crate::cluster::{Counts, Member};
use crate::history::{LogView, Past, Shared};
use crate::wire::BROKER;

/// What has to come to pass in the end.
pub(crate) struct Progress {
    pub(crate) history: Shared,
    pub(crate) clients: Vec<NodeId>,
    pub(crate) counts: Counts,
}

/// Whether a record in the log was never read.
fn judge_unseen(past: &Past, log: &LogView) -> Result<(), String> {
    let unseen = log.entries.iter().find(|entry| {
        // Of an offset that was read in an earlier epoch a consumer may not have noticed that it was taken back; the epoch tells him.
        !past.read.contains(&entry.id)
    });
    match unseen {
        Some(entry) => Err(format!(
            "unseen: nobody has read {entry:?} of {}",
            past.topic.name
        )),
        None => Ok(()),
    }
}

impl Invariant<Member> for Progress {
    fn name(&self) -> &'static str {
        "progress"
    }

    fn sentence(&self) -> &'static str {
        "Once all is mended, all is sent, acknowledged and read"
    }

    fn check(&mut self, world: &World<Member>) -> Result<(), String> {
        for id in &self.clients {
            let name = world.name(*id).unwrap_or_default();
            let member = world.node(*id).ok_or_else(|| format!("{name} is down"))?;
            if let Some(what) = member.is_waiting() {
                return Err(format!("{name} {what}"));
            }
        }
        let broker = world.node(BROKER).and_then(Member::broker);
        let (broker, disk) = broker.zip(world.disk(BROKER)).ok_or("no broker")?;
        let count = self.history.borrow().partitions.len();
        for partition in 0..count {
            let log = broker.partition(partition).ok_or("a partition is closed")?;
            let log = read_log(log, disk)?;
            let history = &mut *self.history.borrow_mut();
            judge_unseen(&history.partitions[partition], &log)?;
            judge_log(history, partition, &log);
        }
        let mut counts = self.counts.lock().map_err(|error| error.to_string())?;
        for (what, count) in &self.history.borrow().counts {
            *counts.entry(what).or_default() += count;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::made::{log, past};

    #[test]
    fn what_nobody_has_read_is_noticed() {
        let mut past = past("a1 b2");
        past.read = [1, 3].into();
        assert_eq!(judge_unseen(&past, &log("a1")), Ok(()));
        assert!(judge_unseen(&past, &log("a1 b2")).is_err());
    }
}
