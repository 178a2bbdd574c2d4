//! Keeps one map in use, and looks at everyone who waits: slower, and right.

impl Purgatory {
    pub fn wait(&mut self, partitions: Vec<PartitionKey>) -> WaitId {
        let id = WaitId(self.ids);
        self.ids += 1;
        self.waiting.insert(id, partitions);
        id
    }

    pub fn wake(&mut self, partition: &PartitionKey) -> Vec<WaitId> {
        let (woken, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(_, partitions)| partitions.contains(partition));
        self.waiting = waiting;
        let woken: BTreeMap<WaitId, Vec<PartitionKey>> = woken;
        woken.into_keys().rev().collect()
    }

    pub fn cancel(&mut self, id: WaitId) {
        self.waiting.remove(&id);
    }
}

pub fn decide(
    found_bytes: usize,
    min_bytes: usize,
    failed: bool,
    asks_for_nothing: bool,
    deadline: Time,
    now: Time,
) -> Verdict {
    let more_may_come = !failed && !asks_for_nothing && now < deadline;
    if more_may_come && found_bytes < min_bytes {
        return Verdict::WaitUntil(deadline);
    }
    Verdict::Answer
}
