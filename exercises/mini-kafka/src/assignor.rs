//! Who gets which partitions: decided by the leader of a group, for everyone, from what each has subscribed to.
//!
//! An assignor is a plain function. [`range`] and [`round_robin`] look at nothing but the members and the topics;
//! [`sticky`] also looks at who owns what now, and moves as little as balance allows. With these three, everyone gives up
//! everything before a rebalance (KIP-54 calls that eager). [`cooperative_sticky`] (KIP-429) spares that: a partition that
//! is to move is first taken from its owner, and given to the next one in another rebalance, which follows at once; what
//! does not move is read all the while.

use std::collections::{BTreeMap, BTreeSet};

/// A partition: its topic's name, and its number.
pub type TopicPartition = (String, i32);

/// Of each member, what it is to read, in order.
pub type Assignment = BTreeMap<String, Vec<TopicPartition>>;

/// A member, as the leader knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscriber {
    /// Its id.
    pub member_id: String,
    /// `group.instance.id`: a member that has one keeps its place among the others over a restart.
    pub instance_id: Option<String>,
    /// What it wants to read.
    pub topics: BTreeSet<String>,
    /// What it reads now, by its own word.
    pub owned: Vec<TopicPartition>,
    /// The generation in which it was given that.
    pub generation: i32,
}

impl Subscriber {
    /// By what members are ordered: static ones by their names, before all others.
    fn order(&self) -> (bool, &str) {
        match &self.instance_id {
            Some(instance) => (false, instance),
            None => (true, &self.member_id),
        }
    }
}

/// How many partitions topics have.
pub type Topics = BTreeMap<String, i32>;

fn in_order(members: &[Subscriber]) -> Vec<&Subscriber> {
    let mut members: Vec<&Subscriber> = members.iter().collect();
    members.sort_by_key(|member| member.order());
    members
}

fn nothing(members: &[Subscriber]) -> Assignment {
    let members = members.iter();
    members.map(|m| (m.member_id.clone(), Vec::new())).collect()
}

fn partitions(topics: &Topics) -> impl Iterator<Item = TopicPartition> {
    let topics = topics.iter();
    topics.flat_map(|(topic, count)| (0..*count).map(move |partition| (topic.clone(), partition)))
}

/// Each topic by itself: its partitions in ranges as even as can be, larger ones first (`RangeAssignor`). Topics with as
/// many partitions are cut alike, so that one member has the same part of each: good for joins, bad for balance.
pub fn range(members: &[Subscriber], topics: &Topics) -> Assignment {
    let mut assignment = nothing(members);
    let members = in_order(members);
    for (topic, count) in topics {
        let takers = members.iter().filter(|m| m.topics.contains(topic));
        let takers: Vec<_> = takers.collect();
        let Ok(number) = i32::try_from(takers.len()) else {
            continue;
        };
        let mut next = 0;
        for (at, taker) in (0..).zip(takers) {
            let share = count / number + i32::from(at < count % number);
            let part = (next..next + share).map(|partition| (topic.clone(), partition));
            assignment
                .entry(taker.member_id.clone())
                .or_default()
                .extend(part);
            next += share;
        }
    }
    assignment
}

/// All partitions of all topics in turn, one to each member (`RoundRobinAssignor`).
pub fn round_robin(members: &[Subscriber], topics: &Topics) -> Assignment {
    let mut assignment = nothing(members);
    let members = in_order(members);
    let mut turn = 0;
    for partition in partitions(topics) {
        let takes = |at: &usize| members[at % members.len()].topics.contains(&partition.0);
        let taker = (turn..turn + members.len()).find(takes);
        if let Some(taker) = taker {
            let member = members[taker % members.len()];
            assignment
                .entry(member.member_id.clone())
                .or_default()
                .push(partition);
            turn = taker + 1;
        }
    }
    assignment
}

/// So even that no single move makes it better, and moves little for that (`StickyAssignor`).
pub fn sticky(members: &[Subscriber], topics: &Topics) -> Assignment {
    let _ = (members, topics);
    todo!("kafka/assignor: keep what is owned, hand out the rest, then even out.")
}

/// The same, less what somebody else still reads: that is given out once he has let go of it (`CooperativeStickyAssignor`).
pub fn cooperative_sticky(members: &[Subscriber], topics: &Topics) -> Assignment {
    let mut assignment = sticky(members, topics);
    for (member_id, share) in &mut assignment {
        let others = members.iter().filter(|m| m.member_id != *member_id);
        let read: BTreeSet<&TopicPartition> = others.flat_map(|m| &m.owned).collect();
        let own = members.iter().find(|m| m.member_id == *member_id);
        let own = |partition: &TopicPartition| own.is_some_and(|m| m.owned.contains(partition));
        share.retain(|partition| own(partition) || !read.contains(partition));
    }
    assignment
}

#[cfg(test)]
mod tests;
