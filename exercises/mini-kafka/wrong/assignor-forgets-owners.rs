//! Shares out anew each time: balanced, and every rebalance moves most partitions.
//! caught-by: assignor::who_is_new_gets_his_share_and_the_others_keep_theirs

pub fn sticky(members: &[Subscriber], topics: &Topics) -> Assignment {
    let members = in_order(members);
    let mut shares: BTreeMap<&str, BTreeSet<TopicPartition>> = BTreeMap::new();
    for member in &members {
        shares.insert(&member.member_id, BTreeSet::new());
    }
    let owners: BTreeMap<TopicPartition, &str> = BTreeMap::new();
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
