//! The answer is sent before the sync is asked for: if the power fails between the two, the customer has a seat of which
//! the office knows nothing.
//! caught-by: persist::the_disk_is_told_before_the_customer
//! caught-by: persist::no_power_failure_takes_a_promise_back

impl Office {
    pub fn book(&mut self, customer: NodeId, seat: u8, ctx: &mut Ctx<'_, Party>) {
        match self.seats.get(&seat) {
            Some(holder) if *holder == customer => ctx.send(customer, Message::Booked { seat }),
            Some(_) => ctx.send(customer, Message::Taken { seat }),
            None => {
                if write_down(ctx.disk, seat, customer).is_err() {
                    return;
                }
                self.seats.insert(seat, customer);
                ctx.send(customer, Message::Booked { seat });
                ctx.sync();
            }
        }
    }
}
