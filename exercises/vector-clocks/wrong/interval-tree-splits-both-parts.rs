//! Of two parts each is split again: both new shares are as large as the old one, and they grow with every fork.
//! caught-by: interval_tree::two_parts_are_given_away_one_by_one

impl Id {
    fn split(&self) -> (Id, Id) {
        match self {
            Id::Zero => (Id::Zero, Id::Zero),
            Id::One => (Id::halves(Id::One, Id::Zero), Id::halves(Id::Zero, Id::One)),
            Id::Halves(halves) => {
                let ((a, b), (c, d)) = (halves.0.split(), halves.1.split());
                (Id::halves(a, c), Id::halves(b, d))
            }
        }
    }
}
