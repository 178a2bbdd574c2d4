//! Takes whatever comes, as Hadoop's first scheduler did: most maps read over the network, though their data was on an idle disk a second later.
//! caught-by: delay::a_far_slot_is_left_until_the_job_has_waited_long_enough

impl Delay {
    pub fn takes(&mut self, nearest: Locality, waits: &Waits, now: Time) -> bool {
        let _ = (waits, now);
        self.level = nearest;
        true
    }
}
