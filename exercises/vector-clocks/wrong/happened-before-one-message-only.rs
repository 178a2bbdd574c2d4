//! Looks for one message from an event at or behind `from` to one at or before `to`: what was told on over a third process is taken for
//! concurrent, and a cause is ruled out that was one.
//! caught-by: happened_before::a_chain_leads_over_several_processes

impl Run {
    pub fn chain(&self, from: EventId, to: EventId) -> Option<Vec<EventId>> {
        let process = |event: EventId| self.processes.iter().find(|events| events.contains(&event));
        let between = |a: EventId, b: EventId| {
            let events = process(a)?;
            let place = |event: EventId| events.iter().position(|other| *other == event);
            let (first, last) = (place(a)?, place(b)?);
            (first <= last).then(|| events[first..=last].to_vec())
        };
        if from == to {
            return None;
        }
        if let Some(chain) = between(from, to) {
            return Some(chain);
        }
        self.messages.iter().find_map(|message| {
            let mut chain = between(from, message.send)?;
            chain.extend(between(message.receive, to)?);
            Some(chain)
        })
    }
}
