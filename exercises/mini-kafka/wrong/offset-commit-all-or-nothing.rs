//! Refuses the whole commit for one partition's metadata: the others are read again after a restart.
//! caught-by: offset_commit::each_partition_is_taken_or_refused_by_itself

impl Group {
    fn accept(&self, request: &CommitRequest, config: &Config, now: Time) -> Accepted {
        let now_ms = millis(now);
        let kept = request.retention;
        let expires = kept.map(|kept| {
            now_ms.saturating_add(i64::try_from(kept.as_millis()).unwrap_or(i64::MAX))
        });
        let too_large = |commit: &OffsetCommit| commit.metadata.len() > config.offset_metadata_bytes_max;
        if request.offsets.iter().any(too_large) {
            let codes = request.offsets.iter().map(|_| ErrorCode::OffsetMetadataTooLarge);
            return Accepted { offsets: Vec::new(), codes: codes.collect() };
        }
        let (mut codes, mut offsets) = (Vec::new(), Vec::new());
        for commit in &request.offsets {
            if too_large(commit) {
                codes.push(ErrorCode::OffsetMetadataTooLarge);
                continue;
            }
            codes.push(ErrorCode::None);
            let committed = Committed {
                offset: commit.offset,
                leader_epoch: commit.leader_epoch,
                metadata: commit.metadata.clone(),
                commit_timestamp_ms: now_ms,
                expire_timestamp_ms: expires,
            };
            offsets.push(((commit.topic.clone(), commit.partition), committed));
        }
        Accepted { offsets, codes }
    }
}
