//! What is put together keeps its cuts: two halves that are owned stay two halves, and the tree never shrinks.
//! caught-by: interval_tree::what_was_split_is_whole_again_when_it_is_joined

impl Id {
    fn sum(&self, other: &Id) -> Option<Id> {
        match (self, other) {
            (Id::Zero, id) | (id, Id::Zero) => Some(id.clone()),
            (Id::One, _) | (_, Id::One) => None,
            (Id::Halves(a), Id::Halves(b)) => {
                Some(Id::Halves(Box::new((a.0.sum(&b.0)?, a.1.sum(&b.1)?))))
            }
        }
    }
}
