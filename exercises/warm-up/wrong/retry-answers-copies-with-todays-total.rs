//! A copy is answered with the total of now: the client is told a total in which others' amounts are already counted, and
//! two requests get the same one.
//! caught-by: retry::a_copy_counts_no_more_and_is_answered_as_the_first_time

impl Server {
    pub fn add(&mut self, client: NodeId, number: u64, amount: u64) -> u64 {
        let is_new = match self.latest.get(&client) {
            Some((latest, _)) => number > *latest,
            None => true,
        };
        if is_new {
            self.total += amount;
            self.latest.insert(client, (number, self.total));
        }
        self.total
    }
}
