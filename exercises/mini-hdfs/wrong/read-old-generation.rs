//! Takes new locations and keeps the old version of the block: the nodes do not have that one any more.
//! caught-by: read::read_takes_the_new_version_of_a_block

impl BlockReader {
    pub fn on_locations(&mut self, located: &LocatedBlock) {
        self.locations.clone_from(&located.locations);
        self.under_construction = located.under_construction;
        self.dead.clear();
        self.rounds += 1;
    }
}
