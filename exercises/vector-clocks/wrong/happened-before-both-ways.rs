//! Messages are followed in both directions: a sender seems to have known what its receiver did later.
//! caught-by: happened_before::nothing_leads_backwards

impl Run {
    pub fn chain(&self, from: EventId, to: EventId) -> Option<Vec<EventId>> {
        let mut came_from: BTreeMap<EventId, EventId> = BTreeMap::new();
        let mut due = VecDeque::from([from]);
        while let Some(event) = due.pop_front() {
            let mut near: Vec<EventId> = Vec::new();
            for pair in self.processes.iter().flat_map(|events| events.windows(2)) {
                if pair[0] == event {
                    near.push(pair[1]);
                }
            }
            for message in &self.messages {
                if message.send == event {
                    near.push(message.receive);
                }
                if message.receive == event {
                    near.push(message.send);
                }
            }
            for other in near {
                if !came_from.contains_key(&other) {
                    came_from.insert(other, event);
                    due.push_back(other);
                }
            }
        }
        if from == to {
            return None;
        }
        let mut chain = vec![to];
        while chain[chain.len() - 1] != from {
            chain.push(*came_from.get(&chain[chain.len() - 1])?);
        }
        chain.reverse();
        Some(chain)
    }
}
