//! The watch hub: who wants to hear of which keys, from which revision on, and how far each has heard (etcd's `watchableStore`).
//!
//! A watcher is **synced** if it has heard of everything: an event goes to it as it happens. It is **unsynced** if it has not,
//! since it began in the past, since its client reads too slowly, or since a snapshot replaced the store under it: then it
//! reads the store's history until it has caught up. So a watcher costs no memory for what it has not yet read, and never holds up a write.
//!
//! What each watcher can rely on (etcd's guarantees): events come in the order of revisions, each once, all of them, those of one revision
//! together; after a broken connection one goes on from the revision behind the last that one has heard; and a progress
//! notification says that everything up to its revision has been heard.
//!
//! The shell calls [`WatchHub::notify`] after each command that was applied, in their order, and [`WatchHub::sync`] as long as that says so;
//! then it wakes the streams that [`WatchHub::take_ready`] names, which call [`WatchHub::take`].

mod index;
mod stream;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::store::{Event, EventKind, KeyRange, Store};

use index::Index;
use stream::Stream;

/// A client's connection, on which many watchers may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId(pub u64);

/// A watcher's number on its stream.
pub type WatchId = i64;

/// A watcher.
type Watching = (StreamId, WatchId);

/// What a client wants to hear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchRequest {
    /// Of which keys.
    pub range: KeyRange,
    /// From this revision on; 0 is from now on. One in the future is waited for.
    pub start_revision: i64,
    /// The number to give it; 0 lets the hub choose.
    pub watch_id: WatchId,
    /// With what was there before.
    pub prev_kv: bool,
    /// With a progress notification now and then, when nothing happens.
    pub progress_notify: bool,
    /// Large answers in several parts.
    pub fragment: bool,
    /// Nothing of puts.
    pub no_put: bool,
    /// Nothing of deletions.
    pub no_delete: bool,
}

/// What is sent to a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchResponse {
    /// The watcher; −1 is no single one.
    pub watch_id: WatchId,
    /// The revision for the header: everything up to it has been heard, once the last fragment is there.
    pub revision: i64,
    /// The watcher is there now.
    pub created: bool,
    /// It is no longer, or never was.
    pub canceled: bool,
    /// Why.
    pub cancel_reason: &'static str,
    /// Where it began before the last compaction, that one's revision.
    pub compact_revision: i64,
    /// More of the same revision follows.
    pub fragment: bool,
    /// Whether [`Event::prev_kv`] is to be sent.
    pub prev_kv: bool,
    /// What happened.
    pub events: Vec<Arc<Event>>,
}

/// Settings of the hub.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many answers may wait on a stream. One more, and its watchers fall behind.
    pub waiting_max: usize,
    /// How many events a watcher that catches up gets in one answer, more or less.
    pub events_max: usize,
    /// How large a fragment is, in bytes.
    pub fragment_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            waiting_max: 128,
            events_max: 1000,
            fragment_bytes: 1536 * 1024,
        }
    }
}

#[derive(Debug)]
struct Watcher {
    request: WatchRequest,
    /// Everything before it has been heard; not kept up to date while it is synced and nothing happens.
    next: i64,
    synced: bool,
    /// Whether it has heard of something since the last progress notification.
    heard: bool,
}

/// All watchers of a member.
#[derive(Debug, Default)]
pub struct WatchHub {
    limits: Limits,
    streams: BTreeMap<StreamId, Stream>,
    watchers: BTreeMap<Watching, Watcher>,
    /// The synced ones, by what they watch.
    index: Index,
    unsynced: BTreeSet<Watching>,
    /// Whom [`WatchHub::sync`] looked at last, so that each has its turn.
    turn: Option<Watching>,
    streams_made: u64,
    ready: BTreeSet<StreamId>,
    /// Those that asked for their progress, and were not yet answered.
    asking: BTreeSet<StreamId>,
    /// The store's revision, as far as was told.
    revision: i64,
}

impl WatchHub {
    /// A hub without watchers, beside a store at `revision`.
    pub fn new(limits: Limits, revision: i64) -> WatchHub {
        WatchHub {
            limits,
            revision,
            ..WatchHub::default()
        }
    }

    /// How many watchers there are, and how many of them have fallen behind.
    pub fn watchers(&self) -> (usize, usize) {
        (self.watchers.len(), self.unsynced.len())
    }

    /// A client has connected.
    pub fn open(&mut self) -> StreamId {
        self.streams_made += 1;
        let id = StreamId(self.streams_made);
        self.streams.insert(id, Stream::default());
        id
    }

    /// A client has gone, with all its watchers.
    pub fn close(&mut self, stream: StreamId) {
        let of_stream = (stream, WatchId::MIN)..=(stream, WatchId::MAX);
        let ids: Vec<Watching> = (self.watchers.range(of_stream))
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            self.remove(id);
        }
        self.streams.remove(&stream);
        self.ready.remove(&stream);
        self.asking.remove(&stream);
    }

    /// Makes a watcher; the answer says which, or why not.
    pub fn create(&mut self, stream: StreamId, mut request: WatchRequest) {
        if request.range.key.is_empty() {
            request.range.key = [0].as_slice().into();
        }
        let Some(state) = self.streams.get_mut(&stream) else {
            return;
        };
        let refused = if request.range.is_empty() {
            Some("mvcc: watcher range is empty")
        } else if request.watch_id != 0 && self.watchers.contains_key(&(stream, request.watch_id)) {
            Some("mvcc: duplicate watch ID provided on the WatchStream")
        } else {
            None
        };
        let watch_id = match (refused, request.watch_id) {
            (Some(_), _) => -1,
            (None, 0) => {
                while self.watchers.contains_key(&(stream, state.next_watch)) {
                    state.next_watch += 1;
                }
                state.next_watch += 1;
                state.next_watch - 1
            }
            (None, id) => id,
        };
        let response = WatchResponse {
            watch_id,
            revision: self.revision,
            created: true,
            canceled: refused.is_some(),
            cancel_reason: refused.unwrap_or_default(),
            ..WatchResponse::default()
        };
        self.push(stream, response);
        if refused.is_some() {
            return;
        }
        let id = (stream, watch_id);
        let next = match request.start_revision {
            0 => self.revision + 1,
            start => start,
        };
        let synced = next > self.revision;
        if synced {
            self.index.insert(&request.range, id);
        } else {
            self.unsynced.insert(id);
        }
        let watcher = Watcher {
            request,
            next,
            synced,
            heard: false,
        };
        self.watchers.insert(id, watcher);
    }

    /// Ends a watcher, and says so. Nothing where there is none.
    pub fn cancel(&mut self, stream: StreamId, watch_id: WatchId) {
        if self.remove((stream, watch_id)) {
            let response = WatchResponse {
                watch_id,
                revision: self.revision,
                canceled: true,
                ..WatchResponse::default()
            };
            self.push(stream, response);
        }
    }

    /// A command has been applied: the store is at `revision`, and `events` happened, of one revision or of several.
    pub fn notify(&mut self, revision: i64, events: Vec<Event>) {
        let mut events = events.into_iter().map(Arc::new).peekable();
        while let Some(first) = events.next() {
            let main = first.kv.mod_revision;
            let mut of_revision = vec![first];
            while let Some(next) = events.next_if(|event| event.kv.mod_revision == main) {
                of_revision.push(next);
            }
            self.notify_of(main, &of_revision);
        }
        self.revision = self.revision.max(revision);
    }

    /// Sends the events of one revision to all synced watchers that want some of them.
    fn notify_of(&mut self, revision: i64, events: &[Arc<Event>]) {
        self.revision = self.revision.max(revision);
        let mut wanted: Vec<(Watching, &Arc<Event>)> = Vec::new();
        for event in events {
            let watching = self.index.watching(&event.kv.key);
            wanted.extend(watching.map(|id| (*id, event)));
        }
        // Stable, so that each watcher's events keep their order.
        wanted.sort_by_key(|(id, _)| *id);
        let mut behind = Vec::new();
        for of_stream in wanted.chunk_by(|(a, _), (b, _)| a.0 == b.0) {
            let stream = of_stream[0].0.0;
            let Some(state) = self.streams.get_mut(&stream) else {
                continue;
            };
            for of_watcher in of_stream.chunk_by(|(a, _), (b, _)| a == b) {
                let id = of_watcher[0].0;
                let Some(watcher) = self.watchers.get_mut(&id) else {
                    continue;
                };
                let wants = |event: &Arc<Event>| watcher.wants(event, revision);
                let events = of_watcher.iter().map(|(_, event)| Arc::clone(event));
                let events: Vec<_> = events.filter(wants).collect();
                if events.is_empty() {
                    continue;
                }
                if state.waiting.len() >= self.limits.waiting_max {
                    behind.push(id);
                } else {
                    watcher.send(id.1, revision, events, state, self.limits.fragment_bytes);
                    self.ready.insert(stream);
                }
            }
        }
        for id in behind {
            self.fall_behind(id, revision);
        }
    }

    /// Goes on with watchers that are behind, `watchers_max` of them. The store must be as [`WatchHub::notify`] was last told. Says whether it is
    /// worth to call it again at once; what waits for a slow client is not.
    pub fn sync(&mut self, store: &Store, watchers_max: usize) -> bool {
        for _ in 0..watchers_max {
            let Some(id) = self.next_unsynced() else {
                break;
            };
            self.turn = Some(id);
            self.catch_up(id, store);
        }
        self.answer_progress_requests();
        self.next_unsynced().is_some()
    }

    /// The next watcher in turn whose stream has room.
    fn next_unsynced(&self) -> Option<Watching> {
        use std::ops::Bound::{Excluded, Unbounded};
        let behind = self.turn.map_or(Unbounded, Excluded);
        let later = self.unsynced.range((behind, Unbounded));
        let mut in_turn = later.chain(&self.unsynced);
        in_turn.find(|(stream, _)| !self.is_full(*stream)).copied()
    }

    /// One page of history for one watcher.
    fn catch_up(&mut self, id: Watching, store: &Store) {
        let Some(watcher) = self.watchers.get_mut(&id) else {
            return;
        };
        let range = &watcher.request.range;
        let page = (store.mvcc()).events_since(range, watcher.next, self.limits.events_max);
        let page = match page {
            Ok(page) => page,
            Err(_) => {
                self.remove(id);
                let response = WatchResponse {
                    watch_id: id.1,
                    revision: store.revision(),
                    canceled: true,
                    cancel_reason: COMPACTED,
                    compact_revision: store.compacted(),
                    ..WatchResponse::default()
                };
                return self.push(id.0, response);
            }
        };
        watcher.next = page.next;
        let synced = page.next > store.revision();
        let events: Vec<Arc<Event>> = (page.events.into_iter())
            .filter(|event| !watcher.filters_out(event))
            .map(Arc::new)
            .collect();
        if synced {
            watcher.synced = true;
            self.index.insert(range, id);
            self.unsynced.remove(&id);
        }
        if !events.is_empty() {
            let Some(state) = self.streams.get_mut(&id.0) else {
                return;
            };
            let revision = page.next - 1;
            watcher.send(id.1, revision, events, state, self.limits.fragment_bytes);
            self.ready.insert(id.0);
        }
    }

    /// Another store has taken this one's place, at a later revision: a snapshot was installed. What happened between, watchers read
    /// from its history, or hear that it is compacted.
    pub fn restored(&mut self, store: &Store) {
        let heard = self.revision;
        self.revision = store.revision();
        let synced = |watcher: &Watcher| watcher.synced && watcher.next <= store.revision();
        let ids: Vec<Watching> = (self.watchers.iter())
            .filter(|(_, watcher)| synced(watcher))
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            self.fall_behind(id, heard + 1);
        }
    }

    /// Time for a progress notification: to every synced watcher that wants them and has heard of nothing since the last.
    pub fn progress(&mut self) {
        let mut quiet = Vec::new();
        for (id, watcher) in &mut self.watchers {
            if watcher.request.progress_notify && watcher.synced {
                if !watcher.heard && watcher.next <= self.revision + 1 {
                    quiet.push(*id);
                }
                watcher.heard = false;
            }
        }
        for (stream, watch_id) in quiet {
            if !self.is_full(stream) {
                let revision = self.revision;
                let response = WatchResponse {
                    watch_id,
                    revision,
                    ..WatchResponse::default()
                };
                self.push(stream, response);
            }
        }
    }

    /// A client asks how far its watchers are: it is answered, with the id −1, once all of them are synced.
    pub fn request_progress(&mut self, stream: StreamId) {
        self.asking.insert(stream);
        self.answer_progress_requests();
    }

    fn answer_progress_requests(&mut self) {
        let synced = |id: &StreamId| {
            let of_stream = (*id, WatchId::MIN)..=(*id, WatchId::MAX);
            self.unsynced.range(of_stream).next().is_none()
        };
        let answered: Vec<StreamId> = self.asking.iter().copied().filter(synced).collect();
        for id in answered {
            self.asking.remove(&id);
            let revision = self.revision;
            let response = WatchResponse {
                watch_id: -1,
                revision,
                ..WatchResponse::default()
            };
            self.push(id, response);
        }
    }

    /// The next answer for a client.
    pub fn take(&mut self, stream: StreamId) -> Option<WatchResponse> {
        self.streams.get_mut(&stream)?.waiting.pop_front()
    }

    /// The streams that got something since this was last called.
    pub fn take_ready(&mut self) -> BTreeSet<StreamId> {
        std::mem::take(&mut self.ready)
    }

    fn push(&mut self, stream: StreamId, response: WatchResponse) {
        if let Some(state) = self.streams.get_mut(&stream) {
            state.waiting.push_back(response);
            self.ready.insert(stream);
        }
    }

    fn is_full(&self, stream: StreamId) -> bool {
        let waiting = self
            .streams
            .get(&stream)
            .map_or(0, |state| state.waiting.len());
        waiting >= self.limits.waiting_max
    }

    /// A synced watcher has heard of everything before `next`, and not of `next`.
    fn fall_behind(&mut self, id: Watching, next: i64) {
        if let Some(watcher) = self.watchers.get_mut(&id) {
            watcher.next = watcher.next.max(next);
            watcher.synced = false;
            self.index.remove(&watcher.request.range, id);
            self.unsynced.insert(id);
        }
    }

    fn remove(&mut self, id: Watching) -> bool {
        let Some(watcher) = self.watchers.remove(&id) else {
            return false;
        };
        self.index.remove(&watcher.request.range, id);
        self.unsynced.remove(&id);
        true
    }
}

/// Why a watcher ends that began too early.
const COMPACTED: &str = "etcdserver: mvcc: required revision has been compacted";

impl Watcher {
    /// Puts events, all up to `revision`, on the stream.
    fn send(
        &mut self,
        watch_id: WatchId,
        revision: i64,
        events: Vec<Arc<Event>>,
        stream: &mut Stream,
        fragment_bytes: usize,
    ) {
        self.next = revision + 1;
        self.heard = true;
        let response = WatchResponse {
            watch_id,
            revision,
            prev_kv: self.request.prev_kv,
            events,
            ..WatchResponse::default()
        };
        if self.request.fragment {
            let parts = stream::fragments(&response, fragment_bytes);
            stream.waiting.extend(parts);
        } else {
            stream.waiting.push_back(response);
        }
    }

    fn wants(&self, event: &Event, revision: i64) -> bool {
        self.next <= revision && !self.filters_out(event)
    }

    fn filters_out(&self, event: &Event) -> bool {
        match event.kind {
            EventKind::Put => self.request.no_put,
            EventKind::Delete => self.request.no_delete,
        }
    }
}
