//! Only a copy of the latest request is known as one: an older copy, which a slow way has brought late, is added again.
//! caught-by: retry::an_old_copy_counts_no_more

impl Server {
    pub fn add(&mut self, client: NodeId, number: u64, amount: u64) -> u64 {
        if let Some((latest, total)) = self.latest.get(&client)
            && number == *latest
        {
            return *total;
        }
        self.total += amount;
        self.latest.insert(client, (number, self.total));
        self.total
    }
}
