//! Keeps the client's lease (`LeaseRenewer`): one call for all the files that it is writing, at half the soft limit.
//!
//! What is not renewed for the hard limit is closed by the NameNode, so a client that cannot reach it for so long stops writing by itself: the
//! data would go into files that are not its own any more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::streamer;
use super::{DfsError, Shared};
use crate::protocol::LeaseLimits;

/// Before the NameNode has said how long a lease counts, and after a call that failed.
const SOON: Duration = Duration::from_secs(1);
/// What HDFS's client takes for the limits.
const LIMITS: LeaseLimits = LeaseLimits {
    soft: Duration::from_secs(60),
    hard: Duration::from_secs(20 * 60),
};

/// The files that a client is writing.
#[derive(Debug, Default)]
pub(super) struct Files(Mutex<State>);

#[derive(Debug)]
struct State {
    open: BTreeMap<u64, Weak<streamer::Shared>>,
    next: u64,
    /// When the NameNode last renewed the lease, or the first of these files was opened.
    renewed: Instant,
    limits: LeaseLimits,
    /// Somebody renews it.
    renewing: bool,
}

impl Default for State {
    fn default() -> State {
        State {
            open: BTreeMap::new(),
            next: 0,
            renewed: Instant::now(),
            limits: LIMITS,
            renewing: false,
        }
    }
}

impl Files {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nobody writes.
    fn is_idle(&self) -> bool {
        let mut state = self.lock();
        state.open.retain(|_, file| file.strong_count() > 0);
        state.renewing = !state.open.is_empty();
        !state.renewing
    }

    /// A call has succeeded; returns when the next one is due.
    fn renewed(&self, at: Instant, limits: LeaseLimits) -> Duration {
        let mut state = self.lock();
        state.renewed = at;
        state.limits = limits;
        limits.soft / 2
    }

    /// A call has failed: over the hard limit all files are given up.
    fn failed(&self, name: &str) {
        let mut state = self.lock();
        if state.renewed.elapsed() <= state.limits.hard {
            return;
        }
        let hard = state.limits.hard;
        for file in std::mem::take(&mut state.open).into_values() {
            if let Some(file) = file.upgrade() {
                let text = format!(
                    "cannot write {}: {name} could not renew its lease for {hard:?}, and the NameNode closes the file then",
                    file.path
                );
                tracing::warn!("{text}");
                file.fail(DfsError::Local(text));
            }
        }
    }
}

impl Shared {
    /// `file` is being written from now on: its lease is renewed until it is dropped.
    pub(super) fn keep_lease(self: &Arc<Shared>, file: &Arc<streamer::Shared>) {
        let mut state = self.writing.lock();
        let number = state.next;
        state.next += 1;
        state.open.insert(number, Arc::downgrade(file));
        if !std::mem::replace(&mut state.renewing, true) {
            state.renewed = Instant::now();
            if let Some(runtime) = &self.runtime {
                runtime.spawn(renew(Arc::downgrade(self)));
            }
        }
    }
}

/// Renews the lease until no file is being written.
async fn renew(client: Weak<Shared>) {
    let mut pause = SOON;
    loop {
        tokio::time::sleep(pause).await;
        let Some(client) = client.upgrade() else {
            return;
        };
        if client.writing.is_idle() {
            return;
        }
        let began = Instant::now();
        pause = match client.name_node.renew_lease(&client.name).await {
            Ok(limits) => client.writing.renewed(began, limits),
            Err(error) => {
                tracing::warn!(%error, "cannot renew the lease");
                client.writing.failed(&client.name);
                SOON.min(pause)
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_renewal_is_due_at_half_the_soft_limit() {
        let files = Files::default();
        let limits = LeaseLimits {
            soft: Duration::from_secs(4),
            hard: Duration::from_secs(9),
        };
        let pause = files.renewed(Instant::now(), limits);
        assert_eq!(pause, Duration::from_secs(2));
        assert!(files.is_idle());
    }
}
