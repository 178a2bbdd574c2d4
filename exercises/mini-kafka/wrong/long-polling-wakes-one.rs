//! Wakes the one that has waited longest and leaves the others: of two groups that read a topic, one hears of a record late.
//! caught-by: long_polling::growth_wakes_those_who_wait_for_it_and_nobody_else

impl Purgatory {
    pub fn wake(&mut self, partition: &PartitionKey) -> Vec<WaitId> {
        let ids = self.by_partition.get(partition);
        let first = ids.and_then(|ids| ids.first().copied());
        if let Some(id) = first {
            self.cancel(id);
        }
        first.into_iter().collect()
    }
}
