//! The timer is set before the message is sent, and the map is asked once, by its entry.

impl Server {
    pub fn add(&mut self, client: NodeId, number: u64, amount: u64) -> u64 {
        use std::collections::btree_map::Entry;

        let total = self.total + amount;
        match self.latest.entry(client) {
            Entry::Occupied(known) if number <= known.get().0 => return known.get().1,
            Entry::Occupied(mut known) => {
                known.insert((number, total));
            }
            Entry::Vacant(new) => {
                new.insert((number, total));
            }
        }
        self.total = total;
        total
    }
}

impl Client {
    pub fn send(&mut self, ctx: &mut Ctx<'_, Party>) {
        let number = self.number;
        if let Some(amount) = self.left.iter().next().copied() {
            ctx.set_timer(NoAnswer, PATIENCE);
            ctx.send(SERVER, Message::Add { number, amount });
        }
    }
}
