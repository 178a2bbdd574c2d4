//! Each sending gets a number of its own: the server cannot know a copy by it, and adds it again.
//! caught-by: retry::without_an_answer_the_same_request_is_sent_again

impl Client {
    pub fn send(&mut self, ctx: &mut Ctx<'_, Party>) {
        let Some(amount) = self.left.front() else {
            return;
        };
        let (number, amount) = (self.number, *amount);
        self.number += 1;
        ctx.send(SERVER, Message::Add { number, amount });
        ctx.set_timer(NoAnswer, PATIENCE);
    }
}
