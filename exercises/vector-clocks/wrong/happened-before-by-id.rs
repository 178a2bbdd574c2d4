//! Takes the ids for the order of a process: a log whose lines were written out of turn has its causes and effects exchanged.
//! caught-by: happened_before::of_one_process_the_earlier_comes_first

impl Run {
    pub fn chain(&self, from: EventId, to: EventId) -> Option<Vec<EventId>> {
        let mut came_from: BTreeMap<EventId, EventId> = BTreeMap::new();
        let mut due = VecDeque::from([from]);
        while let Some(event) = due.pop_front() {
            let mut after: Vec<EventId> = Vec::new();
            if let Some(events) = self.processes.iter().find(|events| events.contains(&event)) {
                after.extend(events.iter().filter(|other| **other > event).min());
            }
            let sent = self.messages.iter().filter(|message| message.send == event);
            after.extend(sent.map(|message| message.receive));
            for other in after {
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
