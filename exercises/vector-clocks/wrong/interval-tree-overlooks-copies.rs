//! Who owns all, and anything, own all together: that a stamp was used after it was replaced is never found out.
//! caught-by: interval_tree::a_copy_cannot_be_joined

impl Id {
    fn sum(&self, other: &Id) -> Option<Id> {
        match (self, other) {
            (Id::Zero, id) | (id, Id::Zero) => Some(id.clone()),
            (Id::One, _) | (_, Id::One) => Some(Id::One),
            (Id::Halves(a), Id::Halves(b)) => Some(Id::halves(a.0.sum(&b.0)?, a.1.sum(&b.1)?)),
        }
    }
}
