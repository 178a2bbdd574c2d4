//! Believes the first who claims a partition: a member that was away takes it back from who reads it now.
//! caught-by: assignor::of_two_owners_the_later_is_right

pub fn sticky(members: &[Subscriber], topics: &Topics) -> Assignment {
    let members = in_order(members);
    let mut shares: BTreeMap<&str, BTreeSet<TopicPartition>> = BTreeMap::new();
    for member in &members {
        shares.insert(&member.member_id, BTreeSet::new());
    }
    let mut owners: BTreeMap<TopicPartition, &str> = BTreeMap::new();
    for member in &members {
        for partition in &member.owned {
            if member.topics.contains(&partition.0) {
                owners.entry(partition.clone()).or_insert(&member.member_id);
            }
        }
    }
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
            shares.entry(&taker.member_id).or_default().insert(partition);
        }
    }
    while let Some((from, to, partition)) = next_move(&members, &shares) {
        shares.entry(from).or_default().remove(&partition);
        shares.entry(to).or_default().insert(partition);
    }
    let shares = shares.into_iter();
    shares.map(|(member, share)| (member.to_owned(), share.into_iter().collect())).collect()
}
