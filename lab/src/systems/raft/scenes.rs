//! The scenes of raft-kv, and what they expect of it.

mod kill_leader;
mod partition;
mod paused_leader;
mod replace_member;
mod stale_read;

use std::time::Duration;

use anyhow::{Result, bail};

use super::client::Outcome;
use super::ledger::Finding;
use super::{KEY, Raft, View};
use crate::scenes::{Play, SOON, Stage, ensure};

/// All of them, in the order in which they are listed.
pub(super) static SCENES: &[&dyn Play] = &[
    &kill_leader::SCENE,
    &partition::SCENE,
    &paused_leader::SCENE,
    &stale_read::SCENE,
    &replace_member::SCENE,
];

/// A client tries so long what should succeed in the end, whoever has to be elected meanwhile.
const LONG: Duration = Duration::from_secs(20);

impl Stage<Raft> {
    /// Expects that somebody leads whom so many members follow, himself included, and who is none of those that are `out`. Says who, and in
    /// which term.
    fn expect_leader(&self, what: &str, followers: usize, out: &[&str]) -> Result<(String, u64)> {
        self.expect(what, SOON, |view| {
            let leader = view.leader().ok_or("nobody leads")?;
            ensure(!out.contains(&leader), || format!("{leader} leads"))?;
            let following = view.following(leader);
            ensure(following >= followers, || {
                format!("{following} say that {leader} leads")
            })?;
            Ok((leader.to_owned(), view.members[leader].term))
        })
    }

    /// Has a client write x, which must succeed in the end: what is not known to be done is written again, as a client may that
    /// writes the same.
    fn write(&self, client: &str, value: &str) -> Result<()> {
        let what = format!("{client} writes {KEY} = {value}, and hears that it is written");
        let writing = self.meanwhile({
            let (client, value) = (client.to_owned(), value.to_owned());
            move |raft| {
                for _ in 0..5 {
                    if let Outcome::Done { .. } = raft.put(&client, KEY, &value)? {
                        return Ok(());
                    }
                }
                bail!("it was told something else five times")
            }
        });
        self.expect_end(&what, SOON, &writing)
    }

    /// Has a client read x, and expects that it finds this.
    fn read(&self, client: &str, at: Option<&str>, serializable: bool, value: &str) -> Result<()> {
        let place = at.map_or(String::new(), |member| format!(" at {member}"));
        let what = format!("{client} finds {value}{place}");
        let reading = self.meanwhile({
            let (client, at) = (client.to_owned(), at.map(str::to_owned));
            move |raft| raft.get(&client, KEY, at.as_deref(), serializable, LONG)
        });
        let read = self.expect_end(&format!("{client} has an answer"), SOON, &reading)?;
        self.expect(&what, SOON, |_| match &read {
            Outcome::Done { value: found, .. } if found.as_deref() == Some(value) => Ok(()),
            other => Err(format!("{other:?}")),
        })
    }

    /// Expects that an order explains everything that was promised.
    fn expect_linearizable(&self) -> Result<()> {
        let what = "an order explains all that was written and read linearizably";
        self.expect(what, SOON, |view| {
            let found = self.cluster.ledger(KEY, super::ledger::Ledger::promised);
            ensure(found == Finding::Linearizable, || format!("{found:?}"))?;
            nothing_wrong(view)
        })
    }

    /// Expects that so many members have all that is committed, and hold the same.
    fn expect_alike(&self, members: usize) -> Result<()> {
        let what = format!("all {members} members have the log, and hold the same");
        let committed = self.expect("the log is known", SOON, |view| {
            let leader = view.leader().ok_or("nobody leads")?;
            Ok((
                view.members[leader].committed,
                view.members[leader].revision,
            ))
        })?;
        self.expect(&what, SOON, |view| {
            let has = |view: &View| {
                let members = view.members.values().filter(|member| member.answers);
                members
                    .filter(|member| member.applied >= committed.0)
                    .count()
            };
            ensure(has(view) == members, || format!("{} have it", has(view)))?;
            let compared = view.compared.len();
            let is_new = view.compared_at >= Some(committed.1);
            ensure(is_new && compared == members, || {
                format!(
                    "{compared} were compared, at revision {:?}",
                    view.compared_at
                )
            })?;
            nothing_wrong(view)
        })
    }

    /// Has the load go on at this rate, and expects that writes and reads succeed again.
    fn expect_load(&self, what: &str, rate: u32) -> Result<()> {
        self.cluster.load.set_rate(rate);
        let before = self.cluster.load.status();
        self.expect(what, SOON, |view| {
            let writes = view.load.acknowledged.saturating_sub(before.acknowledged);
            let reads = view.load.checked.saturating_sub(before.checked);
            ensure(writes >= 10 && reads >= 10, || {
                format!("{writes} writes and {reads} reads: {:?}", view.load.reason)
            })?;
            nothing_wrong(view)
        })
    }
}

fn nothing_wrong(view: &View) -> Result<(), String> {
    for found in [&view.two_leaders, &view.different, &view.wrong] {
        ensure(found.is_none(), || found.clone().unwrap_or_default())?;
    }
    Ok(())
}
