//! The watch hub in its shell: told of what is applied, it wakes the streams that have something to send; a task goes on with watchers that
//! are behind.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Notify;

use super::replica::Replica;
use crate::store::{Event, Store};
use crate::watch::{Limits, StreamId, WatchHub, WatchResponse};

/// How many watchers that are behind go on under one lock.
const SYNCED_AT_ONCE: usize = 32;

/// The hub, and whom to wake.
#[derive(Debug)]
pub struct Watchers {
    hub: Mutex<Woken>,
    behind: Notify,
}

#[derive(Debug)]
struct Woken {
    hub: WatchHub,
    streams: BTreeMap<StreamId, Arc<Notify>>,
}

impl Woken {
    fn wake(&mut self) {
        for stream in self.hub.take_ready() {
            if let Some(stream) = self.streams.get(&stream) {
                stream.notify_one();
            }
        }
    }
}

impl Watchers {
    /// None yet.
    pub fn new(limits: Limits) -> Watchers {
        let hub = WatchHub::new(limits, 1);
        let streams = BTreeMap::new();
        Watchers {
            hub: Mutex::new(Woken { hub, streams }),
            behind: Notify::new(),
        }
    }

    fn hub(&self) -> MutexGuard<'_, Woken> {
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A command has been applied. To be called under the store's lock, so that nothing comes between.
    pub(super) fn applied(&self, revision: i64, events: Vec<Event>) {
        let mut woken = self.hub();
        woken.hub.notify(revision, events);
        woken.wake();
        if woken.hub.watchers().1 > 0 {
            self.behind.notify_one();
        }
    }

    /// Another store has taken the place of the one before. To be called under its lock.
    pub(super) fn restored(&self, store: &Store) {
        self.hub().hub.restored(store);
        self.behind.notify_one();
    }

    /// A client has connected: its stream, and what tells of something to send on it.
    pub fn open(&self) -> (StreamId, Arc<Notify>) {
        let mut woken = self.hub();
        let stream = woken.hub.open();
        let notify = Arc::new(Notify::new());
        woken.streams.insert(stream, notify.clone());
        (stream, notify)
    }

    /// The client has gone.
    pub fn close(&self, stream: StreamId) {
        let mut woken = self.hub();
        woken.hub.close(stream);
        woken.streams.remove(&stream);
    }

    /// Does something with the hub; whoever has something to send then is woken.
    pub fn with<T>(&self, act: impl FnOnce(&mut WatchHub) -> T) -> T {
        let mut woken = self.hub();
        let done = act(&mut woken.hub);
        woken.wake();
        self.behind.notify_one();
        done
    }

    /// The next thing to send on a stream.
    pub fn take(&self, stream: StreamId) -> Option<WatchResponse> {
        let mut woken = self.hub();
        let taken = woken.hub.take(stream);
        if woken.hub.watchers().1 > 0 {
            self.behind.notify_one();
        }
        taken
    }

    /// How many watchers there are, and how many of them are behind.
    pub(super) fn count(&self) -> (usize, usize) {
        self.hub().hub.watchers()
    }

    /// Goes on with watchers that are behind, whenever there are some. Ends never.
    pub async fn catch_up<M: Borrow<Replica>>(&self, machine: &RwLock<M>) {
        loop {
            self.behind.notified().await;
            let step = || {
                let machine = machine.read().unwrap_or_else(PoisonError::into_inner);
                let replica: &Replica = (*machine).borrow();
                let mut woken = self.hub();
                let again = woken.hub.sync(&replica.store, SYNCED_AT_ONCE);
                woken.wake();
                again
            };
            while step() {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Tells quiet watchers now and then how far they are. Ends never.
    pub async fn progress(&self, interval: Duration) {
        loop {
            tokio::time::sleep(interval).await;
            self.with(WatchHub::progress);
        }
    }
}
