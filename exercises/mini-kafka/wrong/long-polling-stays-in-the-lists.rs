//! Wakes by one partition and leaves the wait in the lists of the others: who was answered is woken again, and the lists
//! of quiet partitions grow for ever.
//! caught-by: long_polling::who_waits_for_several_is_woken_once

impl Purgatory {
    pub fn wake(&mut self, partition: &PartitionKey) -> Vec<WaitId> {
        let woken = self.by_partition.remove(partition).unwrap_or_default();
        for id in &woken {
            self.waiting.remove(id);
        }
        woken.into_iter().collect()
    }
}
