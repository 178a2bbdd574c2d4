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
    // EXERCISE(kafka/assignor): keep what is owned, hand out the rest, then even out.
    let members = in_order(members);
    let mut shares: BTreeMap<&str, BTreeSet<TopicPartition>> = BTreeMap::new();
    for member in &members {
        shares.insert(&member.member_id, BTreeSet::new());
    }
    let owners = owners(&members, topics);
    let mut free = Vec::new();
    for partition in partitions(topics) {
        match owners.get(&partition) {
            Some(owner) => {
                shares.entry(owner).or_default().insert(partition);
            }
            None => free.push(partition),
        }
    }
    for partition in free {
        let takers = members.iter().filter(|m| m.topics.contains(&partition.0));
        let least = takers.min_by_key(|m| shares[&*m.member_id].len());
        if let Some(taker) = least {
            shares
                .entry(&taker.member_id)
                .or_default()
                .insert(partition);
        }
    }
    while let Some((from, to, partition)) = next_move(&members, &shares) {
        shares.entry(from).or_default().remove(&partition);
        shares.entry(to).or_default().insert(partition);
    }
    let shares = shares.into_iter();
    shares
        .map(|(member, share)| (member.to_owned(), share.into_iter().collect()))
        .collect()
}

// BEGIN SOLUTION
/// Who owns what, of what there is and he still wants. Of two who claim a partition, one was away while it was given to the
/// other: the later generation is right, and where both say the same, neither is believed.
fn owners<'a>(members: &[&'a Subscriber], topics: &Topics) -> BTreeMap<TopicPartition, &'a str> {
    let mut claims: BTreeMap<TopicPartition, Vec<&Subscriber>> = BTreeMap::new();
    for member in members {
        for (topic, partition) in &member.owned {
            let is_there = topics.get(topic).is_some_and(|count| partition < count);
            if is_there && member.topics.contains(topic) {
                let claim = claims.entry((topic.clone(), *partition)).or_default();
                claim.push(member);
            }
        }
    }
    let believed = claims.into_iter().filter_map(|(partition, mut claimants)| {
        claimants.sort_by_key(|member| std::cmp::Reverse(member.generation));
        let first = claimants[0];
        let disputed = claimants[1..]
            .iter()
            .any(|m| m.generation == first.generation);
        (!disputed).then_some((partition, &*first.member_id))
    });
    believed.collect()
}

/// A partition that one member has, and that would be better with another, who has less by two or more. Each such move
/// makes the sum of the squares of the shares smaller, so there are not many.
fn next_move<'a>(
    members: &[&'a Subscriber],
    shares: &BTreeMap<&'a str, BTreeSet<TopicPartition>>,
) -> Option<(&'a str, &'a str, TopicPartition)> {
    let size = |member: &Subscriber| shares[&*member.member_id].len();
    let mut by_size: Vec<&&Subscriber> = members.iter().collect();
    by_size.sort_by_key(|member| std::cmp::Reverse(size(member)));
    for from in &by_size {
        for to in by_size.iter().rev() {
            if size(from) < size(to) + 2 {
                break;
            }
            // What was last in order goes first, so that the beginning of a topic stays where it is.
            let mut share = shares[&*from.member_id].iter().rev();
            if let Some(partition) = share.find(|(topic, _)| to.topics.contains(topic)) {
                return Some((&from.member_id, &to.member_id, partition.clone()));
            }
        }
    }
    None
}
// END SOLUTION

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
