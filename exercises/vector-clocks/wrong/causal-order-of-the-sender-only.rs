//! Keeps the order of each sender, and that alone (FIFO broadcast): an answer is shown before its question.
//! caught-by: causal::an_answer_is_not_next_before_its_question

impl<P: Ord + Clone, M: Clone> CausalBroadcast<P, M> {
    pub fn is_next(&self, broadcast: &Broadcast<P, M>) -> bool {
        broadcast.number() == self.count(&broadcast.sender) + 1
    }
}
