//! Compares halves without what stands above them: a small count above a large base seems less than a large one above a small base.
//! caught-by: interval_tree::in_any_run_stamps_order_as_histories_do

impl Event {
    fn leq(&self, lift: u64, other: &Event, other_lift: u64) -> bool {
        let _ = (lift, other_lift);
        self.base() <= other.base()
            && match self {
                Event::Leaf(_) => true,
                Event::Halves(_, halves) => {
                    let (_, left, right) = other.parts();
                    halves.0.leq(0, left, 0) && halves.1.leq(0, right, 0)
                }
            }
    }
}
