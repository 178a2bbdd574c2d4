//! Asks who it is before it asks for the state; makes codes and offsets in two walks.

impl Group {
    fn may_commit(&self, member: &MemberRef) -> Result<(), ErrorCode> {
        if self.state == State::Dead {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        let is_alone = member.generation < 0;
        let is_anybody = member.member_id.is_empty() && member.instance_id.is_none();
        if is_alone && self.state == State::Empty {
            return Ok(());
        }
        if is_alone && is_anybody {
            return Err(ErrorCode::UnknownMemberId);
        }
        self.check_generation(member)?;
        if self.state == State::CompletingRebalance {
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }

    fn accept(&self, request: &CommitRequest, config: &Config, now: Time) -> Accepted {
        let code = |commit: &OffsetCommit| match commit.metadata.len() {
            len if len > config.offset_metadata_bytes_max => ErrorCode::OffsetMetadataTooLarge,
            _ => ErrorCode::None,
        };
        let codes: Vec<ErrorCode> = request.offsets.iter().map(code).collect();
        let both = request.offsets.iter().zip(&codes);
        let taken = both.filter(|(_, code)| **code == ErrorCode::None);
        let offsets = taken.map(|(commit, _)| {
            let expires = request.retention.map(|kept| millis(now + kept));
            let committed = Committed {
                metadata: commit.metadata.clone(),
                offset: commit.offset,
                leader_epoch: commit.leader_epoch,
                expire_timestamp_ms: expires,
                commit_timestamp_ms: millis(now),
            };
            ((commit.topic.clone(), commit.partition), committed)
        });
        Accepted { offsets: offsets.collect(), codes }
    }

    pub(super) fn offsets_stored(
        &mut self,
        accepted: Accepted,
        result: Result<(), ErrorCode>,
    ) -> Vec<ErrorCode> {
        let Err(error) = result else {
            for (key, committed) in accepted.offsets {
                self.offsets.insert(key, committed);
            }
            return accepted.codes;
        };
        let told = accepted.codes.iter().map(|code| match code {
            ErrorCode::None => error,
            refused => *refused,
        });
        told.collect()
    }
}
