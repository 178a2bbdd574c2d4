//! The office remembers the sale before it knows that it could be written. When the disk is full nothing is written, and
//! the customer who asks again is told that the seat is his.
//! caught-by: persist::what_cannot_be_written_is_not_promised
//! caught-by: persist::no_power_failure_takes_a_promise_back

impl Office {
    pub fn book(&mut self, customer: NodeId, seat: u8, ctx: &mut Ctx<'_, Party>) {
        match self.seats.get(&seat) {
            Some(holder) if *holder == customer => ctx.send(customer, Message::Booked { seat }),
            Some(_) => ctx.send(customer, Message::Taken { seat }),
            None => {
                self.seats.insert(seat, customer);
                if write_down(ctx.disk, seat, customer).is_err() {
                    return;
                }
                ctx.sync();
                ctx.send(customer, Message::Booked { seat });
            }
        }
    }
}
