//! Compaction without being asked (etcd's `v3compactor`): history is kept for a time, or for a number of revisions. The leader does it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use node::Time;
use tracing::{debug, info};

use super::kv_server::KvServer;
use super::settings::Compaction;
use crate::store::Command;

/// Between two looks, where revisions count.
const REVISION_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// How often a period is looked at, at least.
const LOOKS_A_PERIOD: u32 = 10;

/// Which revisions there were when.
#[derive(Debug, Default)]
struct Past(VecDeque<(Time, i64)>);

impl Past {
    /// Notes the revision of now; says the newest one that is at least `period` old.
    fn look(&mut self, now: Time, revision: i64, period: Duration) -> Option<i64> {
        self.0.push_back((now, revision));
        let mut old = None;
        while let Some((at, revision)) = self.0.front()
            && *at + period <= now
        {
            old = Some(*revision);
            self.0.pop_front();
        }
        old
    }
}

/// Compacts as the settings say, while this member leads. Ends never.
pub(super) async fn run(server: &Arc<KvServer>) {
    let interval = match server.settings.compaction {
        Compaction::Off => return std::future::pending().await,
        // A long period is looked at each hour's tenth, as in etcd.
        Compaction::Periodic(period) => period.min(Duration::from_secs(3600)) / LOOKS_A_PERIOD,
        Compaction::Revision(_) => REVISION_INTERVAL,
    };
    let mut past = Past::default();
    loop {
        tokio::time::sleep(interval).await;
        let (revision, compacted) =
            server.read(|replica| (replica.store.revision(), replica.store.compacted()));
        let upto = match server.settings.compaction {
            Compaction::Periodic(period) => past.look(server.clock.now(), revision, period),
            Compaction::Revision(kept) => Some(revision - kept),
            Compaction::Off => None,
        };
        let leads = server.status().leadership.leader == Some(server.identity.member_id);
        let Some(upto) = upto.filter(|upto| leads && *upto > compacted.max(0)) else {
            continue;
        };
        match server.change(Command::Compact(upto)).await {
            Ok(_) => info!(revision = upto, "compacted"),
            Err(error) => debug!(revision = upto, "not compacted: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_of_history_is_kept() {
        let mut past = Past::default();
        let mut look = |seconds: u64, revision| {
            past.look(
                Time::from_millis(seconds * 1000),
                revision,
                Duration::from_secs(60),
            )
        };
        assert_eq!(look(0, 5), None);
        assert_eq!(look(30, 9), None);
        assert_eq!(look(60, 12), Some(5));
        assert_eq!(look(61, 13), None);
        assert_eq!(look(200, 20), Some(13));
    }
}
