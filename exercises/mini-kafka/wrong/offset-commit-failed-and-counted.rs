//! Takes the offsets in whether they are in the log or not: the client is told to try again, and a consumer that joins meanwhile
//! reads on from a place that a restart forgets.
//! caught-by: offset_commit::what_could_not_be_stored_is_not_committed

impl Group {
    pub(super) fn offsets_stored(
        &mut self,
        accepted: Accepted,
        result: Result<(), ErrorCode>,
    ) -> Vec<ErrorCode> {
        self.offsets.extend(accepted.offsets);
        let codes = accepted.codes.into_iter();
        let error = result.err().unwrap_or(ErrorCode::None);
        codes.map(|code| if code == ErrorCode::None { error } else { code }).collect()
    }
}
