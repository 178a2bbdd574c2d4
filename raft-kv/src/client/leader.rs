//! Who leads: every answer bears the term of whoever gave it, and in a later term somebody else does.

use std::sync::atomic::Ordering;

use super::{Client, Url, pb};

/// An answer with a head.
pub(super) trait Headed {
    /// The head.
    fn header(&self) -> Option<&pb::ResponseHeader>;
}

macro_rules! headed {
    ($($answer:ident)*) => {$(
        impl Headed for pb::$answer {
            fn header(&self) -> Option<&pb::ResponseHeader> {
                self.header.as_ref()
            }
        }
    )*};
}

headed! {
    RangeResponse PutResponse DeleteRangeResponse TxnResponse CompactionResponse
    LeaseGrantResponse LeaseRevokeResponse LeaseTimeToLiveResponse LeaseLeasesResponse LeaseKeepAliveResponse
    MemberListResponse MemberAddResponse MemberRemoveResponse MemberUpdateResponse MemberPromoteResponse
    StatusResponse HashKvResponse MoveLeaderResponse AlarmResponse
}

impl Client {
    /// Finds out who leads, so that writes need no detour. It is done by itself whenever an answer is of a later term than those before.
    pub async fn find_leader(&self) {
        for (i, (_, client)) in self.each().enumerate() {
            let Ok(status) = client.status().await else {
                continue;
            };
            let itself = status.header.as_ref().map(|header| header.member_id);
            if itself == Some(status.leader) {
                return self.leader.store(i, Ordering::Relaxed);
            }
        }
    }

    /// To whom writes go first.
    pub fn leader(&self) -> &Url {
        &self.channels[self.leader.load(Ordering::Relaxed) % self.channels.len()].0
    }

    /// Looks at an answer's term.
    pub(super) fn heard(&self, answer: &impl Headed) {
        let term = answer.header().map_or(0, |header| header.raft_term);
        let is_later = self.term.fetch_max(term, Ordering::Relaxed) < term;
        if is_later && self.channels.len() > 1 {
            let client = self.clone();
            tokio::spawn(async move { client.find_leader().await });
        }
    }
}
