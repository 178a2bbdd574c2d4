//! Nobody looks whether the write has failed: on a full disk seats are sold that no file knows of.
//! caught-by: persist::what_cannot_be_written_is_not_promised

impl Office {
    pub fn book(&mut self, customer: NodeId, seat: u8, ctx: &mut Ctx<'_, Party>) {
        let holder = *self.seats.entry(seat).or_insert(customer);
        if holder == customer {
            let _ = write_down(ctx.disk, seat, customer);
            ctx.sync();
            ctx.send(customer, Message::Booked { seat });
        } else {
            ctx.send(customer, Message::Taken { seat });
        }
    }
}
