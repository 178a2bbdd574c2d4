//! Only times are compared: two requests for a lock at the same time are both first, or whichever one's own queue had first.
//! caught-by: lamport::of_equal_times_the_lower_process_is_first

impl<P: Ord> Ord for Stamp<P> {
    fn cmp(&self, other: &Stamp<P>) -> Ordering {
        self.time.cmp(&other.time)
    }
}
