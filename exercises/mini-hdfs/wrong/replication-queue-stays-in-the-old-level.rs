//! A block that moves is put in at its new priority and not taken out at the old one: it comes up twice, and is copied
//! twice.
//! caught-by: replication_queue::replication_queue_moves_and_forgets

impl ReplicationQueue {
    pub fn update(&mut self, block: BlockId, priority: Option<Priority>) {
        if self.priority_of(block) == priority {
            return;
        }
        let Some(priority) = priority else {
            self.priorities.remove(&block);
            self.dequeue(block);
            return;
        };
        self.priorities.insert(block, priority);
        if priority != Priority::Corrupt {
            self.tickets += 1;
            let turn = Turn {
                round: self.round,
                priority,
                ticket: self.tickets,
            };
            self.enqueue(block, turn);
        }
    }
}
