//! Histories are compared by lifting the halves before the next step, as the paper writes it; shares are matched as pairs.

impl Id {
    fn split(&self) -> (Id, Id) {
        let Id::Halves(halves) = self else {
            let one = Id::halves(self.clone(), Id::Zero);
            return (one, Id::halves(Id::Zero, self.clone()));
        };
        let (left, right) = &**halves;
        if *left == Id::Zero {
            let (one, other) = right.split();
            (Id::halves(Id::Zero, one), Id::halves(Id::Zero, other))
        } else if *right == Id::Zero {
            let (one, other) = left.split();
            (Id::halves(one, Id::Zero), Id::halves(other, Id::Zero))
        } else {
            (Id::halves(left.clone(), Id::Zero), Id::halves(Id::Zero, right.clone()))
        }
    }

    fn sum(&self, other: &Id) -> Option<Id> {
        if *self == Id::Zero {
            return Some(other.clone());
        }
        if *other == Id::Zero {
            return Some(self.clone());
        }
        let (Id::Halves(mine), Id::Halves(theirs)) = (self, other) else {
            return None;
        };
        let left = mine.0.sum(&theirs.0)?;
        let right = mine.1.sum(&theirs.1)?;
        Some(Id::halves(left, right))
    }
}

impl Event {
    fn leq(&self, lift: u64, other: &Event, other_lift: u64) -> bool {
        match (self.lifted(lift), other.lifted(other_lift)) {
            (Event::Leaf(a), other) => a <= other.min(),
            (Event::Halves(a, halves), Event::Leaf(b)) => a + halves.0.max().max(halves.1.max()) <= b,
            (Event::Halves(a, mine), Event::Halves(b, theirs)) => {
                mine.0.leq(a, &theirs.0, b) && mine.1.leq(a, &theirs.1, b)
            }
        }
    }
}
