//! Searches from `to` backwards, depth first: an event has one before it on its process, and the sends of what it received.

impl Run {
    pub fn chain(&self, from: EventId, to: EventId) -> Option<Vec<EventId>> {
        let mut before: BTreeMap<EventId, Vec<EventId>> = BTreeMap::new();
        for events in &self.processes {
            for (first, second) in events.iter().zip(events.iter().skip(1)) {
                before.entry(*second).or_default().push(*first);
            }
        }
        for message in &self.messages {
            before.entry(message.receive).or_default().push(message.send);
        }
        // Which way each event leads to `to`.
        let mut leads_to: BTreeMap<EventId, Option<EventId>> = BTreeMap::from([(to, None)]);
        let mut stack = vec![to];
        while let Some(event) = stack.pop() {
            for earlier in before.get(&event).into_iter().flatten() {
                if !leads_to.contains_key(earlier) {
                    leads_to.insert(*earlier, Some(event));
                    stack.push(*earlier);
                }
            }
        }
        if from == to {
            return None;
        }
        leads_to.get(&from)?;
        let mut chain = vec![from];
        let mut at = from;
        while let Some(Some(next)) = leads_to.get(&at) {
            chain.push(*next);
            at = *next;
        }
        Some(chain)
    }
}
