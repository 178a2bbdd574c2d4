//! What a watcher can rely on, whatever the writers do and however slowly its client reads: ordered, unique, atomic, reliable, resumable,
//! bookmarkable (etcd's guarantees).

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use raft_kv::store::{Command, Event, EventKind, KeyRange, Store};
use raft_kv::watch::{Limits, StreamId, WatchHub, WatchRequest, WatchResponse};

use crate::model::{Model, copied};
use crate::random::{command, range};

#[derive(Clone, Debug)]
enum Step {
    Apply(Command),
    Watch(WatchRequest, usize),
    /// The client of this stream reads so many answers.
    Read(usize, usize),
    Sync(usize),
    Progress,
    AskProgress(usize),
    /// The connection breaks; its watchers begin anew where they were.
    Reconnect(usize),
    /// A snapshot is installed in the place of the store; the last so many commands are only in it.
    Install(Vec<Command>),
}

const STREAMS: usize = 3;

/// Commands that do not compact: whoever is behind a compaction is told so, which is another story.
fn change() -> impl Strategy<Value = Command> {
    command().prop_filter("compacts", |command| {
        !matches!(command, Command::Compact(_))
    })
}

fn step() -> impl Strategy<Value = Step> {
    let watch = (range(), 0i64..20, any::<[bool; 5]>(), 0..STREAMS).prop_map(
        |(range, start_revision, flags, stream)| {
            let request = WatchRequest {
                range,
                start_revision,
                watch_id: 0,
                prev_kv: flags[0],
                progress_notify: flags[1],
                fragment: flags[2],
                no_put: flags[3] && flags[4],
                no_delete: flags[4] && !flags[3],
            };
            Step::Watch(request, stream)
        },
    );
    prop_oneof![
        12 => change().prop_map(Step::Apply),
        3 => watch,
        6 => (0..STREAMS, 1usize..4).prop_map(|(stream, count)| Step::Read(stream, count)),
        4 => (1usize..4).prop_map(Step::Sync),
        1 => Just(Step::Progress),
        1 => (0..STREAMS).prop_map(Step::AskProgress),
        1 => (0..STREAMS).prop_map(Step::Reconnect),
        1 => prop::collection::vec(change(), 0..4).prop_map(Step::Install),
    ]
}

/// A watcher as its client sees it.
#[derive(Debug)]
struct Heard {
    request: WatchRequest,
    /// The first revision that it is to hear of.
    start: i64,
    events: Vec<Arc<Event>>,
    /// Everything up to it was heard, it was told.
    told: i64,
    in_fragments: bool,
}

struct World {
    store: Store,
    model: Model,
    hub: WatchHub,
    index: u64,
    streams: Vec<StreamId>,
    watchers: BTreeMap<(StreamId, i64), Heard>,
    /// What was asked for and not yet said to be there, in order.
    asked: BTreeMap<StreamId, Vec<(WatchRequest, i64)>>,
    gone: Vec<Heard>,
}

impl World {
    fn new() -> World {
        let limits = Limits {
            waiting_max: 3,
            events_max: 2,
            fragment_bytes: 150,
        };
        let mut hub = WatchHub::new(limits, 1);
        World {
            store: Store::default(),
            model: Model::new(),
            streams: (0..STREAMS).map(|_| hub.open()).collect(),
            hub,
            index: 0,
            watchers: BTreeMap::new(),
            asked: BTreeMap::new(),
            gone: Vec::new(),
        }
    }

    fn change(&mut self, command: &Command) {
        self.index += 1;
        let applied = self.store.apply(self.index, command.clone());
        if command.check(usize::MAX).is_ok() {
            assert_eq!(applied, self.model.apply(command));
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Apply(command) => {
                self.change(&command);
                let events = self.store.take_events();
                self.hub.notify(self.store.revision(), events);
            }
            Step::Watch(request, stream) => self.watch(request, stream),
            Step::Read(stream, count) => {
                for _ in 0..count {
                    self.read(self.streams[stream]);
                }
            }
            Step::Sync(count) => {
                self.hub.sync(&self.store, count);
            }
            Step::Progress => self.hub.progress(),
            Step::AskProgress(stream) => self.hub.request_progress(self.streams[stream]),
            Step::Reconnect(stream) => self.reconnect(stream),
            Step::Install(commands) => {
                commands.iter().for_each(|command| self.change(command));
                self.store = copied(&self.store);
                self.hub.restored(&self.store);
            }
        }
    }

    fn watch(&mut self, request: WatchRequest, stream: usize) {
        if request.range.is_empty() {
            return;
        }
        let stream = self.streams[stream];
        let start = match request.start_revision {
            0 => self.store.revision() + 1,
            start => start,
        };
        let asked = self.asked.entry(stream).or_default();
        asked.push((request.clone(), start));
        self.hub.create(stream, request);
    }

    fn reconnect(&mut self, stream: usize) {
        let old = self.streams[stream];
        self.hub.close(old);
        self.streams[stream] = self.hub.open();
        let mut again: Vec<(WatchRequest, i64)> = self.asked.remove(&old).unwrap_or_default();
        let of_stream: Vec<(StreamId, i64)> =
            (self.watchers.range((old, i64::MIN)..=(old, i64::MAX)))
                .map(|(id, _)| *id)
                .collect();
        for id in of_stream {
            let heard = self.watchers.remove(&id).unwrap();
            // A revision that came in parts, and not all of them, is heard anew.
            let whole = heard.told + 1;
            again.push((heard.request.clone(), whole.max(heard.start)));
            self.gone.push(heard);
        }
        for (mut request, start) in again {
            request.start_revision = start;
            self.watch(request, stream);
        }
    }

    fn read(&mut self, stream: StreamId) {
        let Some(response) = self.hub.take(stream) else {
            return;
        };
        assert!(!response.canceled, "{response:?}");
        if response.created {
            let (request, start) = self.asked.get_mut(&stream).unwrap().remove(0);
            let heard = Heard {
                request,
                start,
                events: Vec::new(),
                told: start - 1,
                in_fragments: false,
            };
            let before = self.watchers.insert((stream, response.watch_id), heard);
            assert!(before.is_none(), "each watcher has an id of its own");
        } else if response.watch_id == -1 {
            for (_, heard) in self
                .watchers
                .range_mut((stream, i64::MIN)..=(stream, i64::MAX))
            {
                bookmark(heard, response.revision, &self.model);
            }
        } else {
            let heard = self.watchers.get_mut(&(stream, response.watch_id)).unwrap();
            hear(heard, response, &self.model);
        }
    }
}

fn hear(heard: &mut Heard, response: WatchResponse, model: &Model) {
    if response.events.is_empty() {
        assert!(heard.request.progress_notify);
        return bookmark(heard, response.revision, model);
    }
    assert_eq!(response.prev_kv, heard.request.prev_kv);
    assert!(heard.request.fragment || !response.fragment);
    for event in &response.events {
        assert!(
            event.kv.mod_revision > heard.told,
            "heard before: {event:?} in {heard:?}"
        );
        assert!(event.kv.mod_revision <= response.revision);
    }
    heard.events.extend(response.events);
    heard.in_fragments = response.fragment;
    if !response.fragment {
        bookmark(heard, response.revision, model);
    }
}

/// Everything up to `revision` has been heard.
fn bookmark(heard: &mut Heard, revision: i64, model: &Model) {
    assert!(!heard.in_fragments);
    heard.told = heard.told.max(revision);
    let mut expected = expected(heard, model);
    expected.retain(|event| event.kv.mod_revision <= heard.told);
    let events: Vec<Event> = heard.events.iter().map(|event| (**event).clone()).collect();
    assert_eq!(
        events, expected,
        "up to revision {}: {:?}",
        heard.told, heard.request
    );
}

fn expected(heard: &Heard, model: &Model) -> Vec<Event> {
    let mut events = model.events(&heard.request.range, heard.start);
    events.retain(|event| match event.kind {
        EventKind::Put => !heard.request.no_put,
        EventKind::Delete => !heard.request.no_delete,
    });
    events
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_watcher_hears_all_once_and_in_order(steps in prop::collection::vec(step(), 0..120)) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        // In the end, when all read, all have heard everything.
        for round in 0.. {
            prop_assert!(round < 10_000, "it never ends");
            let more = world.hub.sync(&world.store, 10);
            let before: usize = world.watchers.values().map(|heard| heard.events.len()).sum();
            for stream in world.streams.clone() {
                for _ in 0..4 {
                    world.read(stream);
                }
            }
            let after: usize = world.watchers.values().map(|heard| heard.events.len()).sum();
            if !more && before == after && world.hub.watchers().1 == 0 {
                break;
            }
        }
        for stream in world.streams.clone() {
            world.hub.request_progress(stream);
            for _ in 0..1000 {
                world.read(stream);
            }
        }
        for heard in world.watchers.values() {
            prop_assert!(heard.told >= world.model.revision());
            prop_assert_eq!(heard.events.len(), expected(heard, &world.model).len());
        }
    }
}

/// A slow client costs a bounded number of answers, and delays nobody else.
#[test]
fn a_client_that_does_not_read_falls_behind_alone() {
    let mut store = Store::default();
    let mut hub = WatchHub::new(Limits::default(), 1);
    let (slow, quick) = (hub.open(), hub.open());
    for stream in [slow, quick] {
        let range = KeyRange::prefix("");
        hub.create(
            stream,
            WatchRequest {
                range,
                ..WatchRequest::default()
            },
        );
    }
    assert!(hub.take(quick).unwrap().created);
    for index in 1..=1000 {
        let put = raft_kv::store::PutRequest {
            key: "k".into(),
            ..Default::default()
        };
        store.apply(index, Command::Put(put)).unwrap();
        hub.notify(store.revision(), store.take_events());
        let response = hub.take(quick).unwrap();
        assert_eq!(
            (response.revision, response.events.len()),
            (store.revision(), 1)
        );
    }
    assert_eq!(hub.watchers(), (2, 1));
    assert!(
        !hub.sync(&store, 10),
        "while it does not read there is nothing to be done"
    );
    let (mut answers, mut events) = (0, 0);
    while let Some(response) = hub.take(slow) {
        answers += 1;
        events += response.events.len();
        hub.sync(&store, 10);
    }
    assert_eq!((events, hub.watchers()), (1000, (2, 0)));
    assert!(
        answers < 140,
        "what was missed comes in large answers: {answers}"
    );
}
