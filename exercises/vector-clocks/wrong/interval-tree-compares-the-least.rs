//! Looks at the bases alone: two who have each counted events of their own seem to know of each other.
//! caught-by: interval_tree::an_event_is_later_than_what_was_known

impl Event {
    fn leq(&self, lift: u64, other: &Event, other_lift: u64) -> bool {
        lift + self.base() <= other_lift + other.base()
    }
}
