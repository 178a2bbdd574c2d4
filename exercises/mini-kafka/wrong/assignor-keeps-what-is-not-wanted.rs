//! Lets members keep what they no longer subscribe to: it is fetched and thrown away, and nobody else reads it.
//! caught-by: assignor::what_is_gone_or_not_wanted_is_not_kept

pub fn sticky(members: &[Subscriber], topics: &Topics) -> Assignment {
    let members = in_order(members);
    let mut shares: BTreeMap<&str, BTreeSet<TopicPartition>> = BTreeMap::new();
    for member in &members {
        shares.insert(&member.member_id, BTreeSet::new());
    }
    let mut members_by_age = members.clone();
    members_by_age.sort_by_key(|member| member.generation);
    let mut owners: BTreeMap<TopicPartition, &str> = BTreeMap::new();
    for member in members_by_age {
        for partition in &member.owned {
            owners.insert(partition.clone(), &member.member_id);
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
