//! No timer is set: one lost message, and the client waits for ever.
//! caught-by: retry::without_an_answer_the_same_request_is_sent_again
//! caught-by: retry::on_a_bad_network_everything_is_added_once

impl Client {
    pub fn send(&mut self, ctx: &mut Ctx<'_, Party>) {
        if let Some(amount) = self.left.front() {
            let (number, amount) = (self.number, *amount);
            ctx.send(SERVER, Message::Add { number, amount });
        }
    }
}
