//! A seat that is sold is taken, whoever asks: a customer whose answer was lost is told that somebody else has his seat.
//! caught-by: persist::who_asks_again_hears_the_same

impl Office {
    pub fn book(&mut self, customer: NodeId, seat: u8, ctx: &mut Ctx<'_, Party>) {
        if self.seats.contains_key(&seat) {
            ctx.send(customer, Message::Taken { seat });
        } else if write_down(ctx.disk, seat, customer).is_ok() {
            self.seats.insert(seat, customer);
            ctx.sync();
            ctx.send(customer, Message::Booked { seat });
        }
    }
}
