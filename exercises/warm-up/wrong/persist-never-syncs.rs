//! What is written is never synced: it is in the operating system's memory, and goes with it.
//! caught-by: persist::the_disk_is_told_before_the_customer
//! caught-by: persist::no_power_failure_takes_a_promise_back

impl Office {
    pub fn book(&mut self, customer: NodeId, seat: u8, ctx: &mut Ctx<'_, Party>) {
        match self.seats.get(&seat) {
            Some(holder) if *holder == customer => ctx.send(customer, Message::Booked { seat }),
            Some(_) => ctx.send(customer, Message::Taken { seat }),
            None => {
                if write_down(ctx.disk, seat, customer).is_ok() {
                    self.seats.insert(seat, customer);
                    ctx.send(customer, Message::Booked { seat });
                }
            }
        }
    }
}
