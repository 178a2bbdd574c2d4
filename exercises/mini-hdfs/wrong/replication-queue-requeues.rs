//! A block that is looked at again comes to the end of its queue, and into this round once more: the NameNode looks at each
//! block that it has just chosen, so the round never ends and the less urgent wait for ever.
//! caught-by: replication_queue::replication_queue_does_not_bring_up_again_what_stays

impl ReplicationQueue {
    pub fn update(&mut self, block: BlockId, priority: Option<Priority>) {
        self.dequeue(block);
        let Some(priority) = priority else {
            self.priorities.remove(&block);
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
