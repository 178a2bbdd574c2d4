//! Does not remember which events it has seen: a log with a circle holds it for ever, and one with many messages takes as long as there are
//! ways through it.
//! caught-by: happened_before::a_circle_holds_nobody_up

impl Run {
    pub fn chain(&self, from: EventId, to: EventId) -> Option<Vec<EventId>> {
        let mut due = vec![vec![from]];
        while let Some(way) = due.pop() {
            let last = way[way.len() - 1];
            if last == to && way.len() > 1 {
                return (from != to).then_some(way);
            }
            let mut next: Vec<EventId> = Vec::new();
            for pair in self.processes.iter().flat_map(|events| events.windows(2)) {
                if pair[0] == last {
                    next.push(pair[1]);
                }
            }
            let sent = self.messages.iter().filter(|message| message.send == last);
            next.extend(sent.map(|message| message.receive));
            for event in next {
                // No longer than this, or memory would run out before anybody's patience does.
                let tail = way.len().saturating_sub(50);
                due.push([&way[tail..], &[event]].concat());
            }
        }
        None
    }
}
