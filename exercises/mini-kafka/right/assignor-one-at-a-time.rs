//! Begins with owners in a map of partitions, and looks for a giver and a taker by trying all pairs.

pub fn sticky(members: &[Subscriber], topics: &Topics) -> Assignment {
    let mut owner: BTreeMap<TopicPartition, usize> = BTreeMap::new();
    for partition in partitions(topics) {
        let claims = |m: &&Subscriber| m.owned.contains(&partition) && m.topics.contains(&partition.0);
        let latest = members.iter().filter(claims).map(|m| m.generation).max();
        let of_latest = |m: &Subscriber| claims(&m) && Some(m.generation) == latest;
        if let Some(at) = members.iter().rposition(of_latest) {
            owner.insert(partition, at);
        }
    }
    let count = |owner: &BTreeMap<TopicPartition, usize>, at: usize| owner.values().filter(|o| **o == at).count();
    for partition in partitions(topics).collect::<Vec<_>>().into_iter().rev() {
        if !owner.contains_key(&partition) {
            let takers = (0..members.len()).filter(|at| members[*at].topics.contains(&partition.0));
            if let Some(taker) = takers.min_by_key(|at| count(&owner, *at)) {
                owner.insert(partition, taker);
            }
        }
    }
    loop {
        let mut moved = None;
        for (partition, from) in &owner {
            for to in 0..members.len() {
                let better = count(&owner, *from) >= count(&owner, to) + 2;
                if better && members[to].topics.contains(&partition.0) {
                    moved = Some((partition.clone(), to));
                }
            }
        }
        match moved {
            Some((partition, to)) => owner.insert(partition, to),
            None => break,
        };
    }
    let share = |at: usize| owner.iter().filter(move |(_, o)| **o == at).map(|(p, _)| p.clone());
    let members = members.iter().enumerate();
    members.map(|(at, member)| (member.member_id.clone(), share(at).collect())).collect()
}
