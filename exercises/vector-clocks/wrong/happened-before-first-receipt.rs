//! Of each message only one receipt is kept: whoever else was told seems to know nothing.
//! caught-by: happened_before::a_message_may_be_received_more_than_once

impl Run {
    pub fn chain(&self, from: EventId, to: EventId) -> Option<Vec<EventId>> {
        let mut next: BTreeMap<EventId, Vec<EventId>> = BTreeMap::new();
        let receipts: BTreeMap<EventId, EventId> =
            self.messages.iter().map(|message| (message.send, message.receive)).collect();
        for (send, receive) in receipts {
            next.entry(send).or_default().push(receive);
        }
        for pair in self.processes.iter().flat_map(|events| events.windows(2)) {
            next.entry(pair[0]).or_default().push(pair[1]);
        }
        let mut came_from: BTreeMap<EventId, EventId> = BTreeMap::new();
        let mut due = VecDeque::from([from]);
        while let Some(event) = due.pop_front() {
            for after in next.get(&event).into_iter().flatten() {
                if !came_from.contains_key(after) {
                    came_from.insert(*after, event);
                    due.push_back(*after);
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
