//! Numbers are compared without looking whose they are: a new client's first requests are taken for copies, answered, and
//! never added.
//! caught-by: retry::clients_number_their_requests_each_for_itself

impl Server {
    pub fn add(&mut self, client: NodeId, number: u64, amount: u64) -> u64 {
        let done = self.latest.values().find(|(latest, _)| number <= *latest);
        if let Some((_, total)) = done {
            return *total;
        }
        self.total += amount;
        self.latest.insert(client, (number, self.total));
        self.total
    }
}
