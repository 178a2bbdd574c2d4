//! A fork copies the share: two processes count at the same place, and each takes the other's events for its own.
//! caught-by: interval_tree::what_was_split_is_whole_again_when_it_is_joined

impl Id {
    fn split(&self) -> (Id, Id) {
        (self.clone(), self.clone())
    }
}
