//! The sender must have seen exactly what was delivered here: who speaks without having heard the latest is never heard.
//! caught-by: causal::who_knows_less_than_we_do_is_not_held_back

impl<P: Ord + Clone, M: Clone> CausalBroadcast<P, M> {
    pub fn is_next(&self, broadcast: &Broadcast<P, M>) -> bool {
        let processes = self.delivered.keys().chain(broadcast.stamp.iter().map(|(process, _)| process));
        let mut processes = processes.cloned().collect::<Vec<P>>().into_iter();
        processes.all(|process| {
            let own = u64::from(process == broadcast.sender);
            broadcast.stamp.get(&process) == self.count(&process) + own
        })
    }
}
