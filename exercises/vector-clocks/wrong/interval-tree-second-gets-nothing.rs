//! Of two parts only the left one is split: who owns nothing there gives nothing away, and the new process can count no event.
//! caught-by: interval_tree::a_share_on_one_side_is_split_there

impl Id {
    fn split(&self) -> (Id, Id) {
        match self {
            Id::Zero => (Id::Zero, Id::Zero),
            Id::One => (Id::halves(Id::One, Id::Zero), Id::halves(Id::Zero, Id::One)),
            Id::Halves(halves) => {
                let (one, other) = halves.0.split();
                (Id::halves(one, halves.1.clone()), Id::halves(other, Id::Zero))
            }
        }
    }
}
