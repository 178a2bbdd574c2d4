//! Says the same of every partition where the log failed: one whose metadata is too large is sent again and again.
//! caught-by: offset_commit::each_partition_is_taken_or_refused_by_itself

impl Group {
    pub(super) fn offsets_stored(
        &mut self,
        accepted: Accepted,
        result: Result<(), ErrorCode>,
    ) -> Vec<ErrorCode> {
        match result {
            Ok(()) => {
                self.offsets.extend(accepted.offsets);
                accepted.codes
            }
            Err(error) => accepted.codes.iter().map(|_| error).collect(),
        }
    }
}
