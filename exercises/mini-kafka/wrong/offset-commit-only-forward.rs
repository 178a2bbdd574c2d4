//! Keeps the highest offset that was ever committed: a consumer that was set back to read something again does so once, and
//! after its next restart is where it was.
//! caught-by: offset_commit::the_last_commit_counts

impl Group {
    pub(super) fn offsets_stored(
        &mut self,
        accepted: Accepted,
        result: Result<(), ErrorCode>,
    ) -> Vec<ErrorCode> {
        match result {
            Ok(()) => {
                for (key, committed) in accepted.offsets {
                    let known = self.offsets.get(&key);
                    if known.is_none_or(|known| known.offset <= committed.offset) {
                        self.offsets.insert(key, committed);
                    }
                }
                accepted.codes
            }
            Err(error) => {
                let codes = accepted.codes.into_iter();
                codes.map(|code| if code == ErrorCode::None { error } else { code }).collect()
            }
        }
    }
}
