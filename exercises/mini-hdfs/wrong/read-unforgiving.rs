//! Never asks a node again that failed once: a client that was cut off for a moment cannot read for the rest of the file.
//! caught-by: read::read_asks_for_new_locations_and_then_gives_up_with_every_reason

impl BlockReader {
    pub fn on_locations(&mut self, located: &LocatedBlock) {
        self.block = located.block;
        self.locations.clone_from(&located.locations);
        self.under_construction = located.under_construction;
        self.rounds += 1;
    }
}
