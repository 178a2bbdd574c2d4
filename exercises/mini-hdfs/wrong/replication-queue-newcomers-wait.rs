//! A newcomer waits for the next round. After the loss of a rack that is an hour, in which the block with one replica left
//! stands behind thousands with two.
//! caught-by: replication_queue::replication_queue_lets_urgent_newcomers_in_at_once

impl ReplicationQueue {
    pub fn update(&mut self, block: BlockId, priority: Option<Priority>) {
        if self.priority_of(block) == priority {
            return;
        }
        self.dequeue(block);
        let Some(priority) = priority else {
            self.priorities.remove(&block);
            return;
        };
        self.priorities.insert(block, priority);
        if priority != Priority::Corrupt {
            self.tickets += 1;
            let turn = Turn {
                round: self.round + 1,
                priority,
                ticket: self.tickets,
            };
            self.enqueue(block, turn);
        }
    }
}
