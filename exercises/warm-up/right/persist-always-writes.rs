//! Whoever asks for his own seat again has it written and synced once more: slower, and as safe.

impl Office {
    pub fn book(&mut self, customer: NodeId, seat: u8, ctx: &mut Ctx<'_, Party>) {
        let holder = self.seats.get(&seat).copied().unwrap_or(customer);
        if holder != customer {
            ctx.send(customer, Message::Taken { seat });
            return;
        }
        if write_down(ctx.disk, seat, customer).is_err() {
            return;
        }
        ctx.sync();
        self.seats.insert(seat, holder);
        ctx.send(customer, Message::Booked { seat });
    }
}
