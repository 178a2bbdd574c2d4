//! Stories: commands as one types them, and what comes of them.
//!
//! ```text
//! put KEY VALUE [lease=ID] [prev] [ignore-value] [ignore-lease]
//! get KEY [END] [rev=N] [limit=N] [desc] [by=TARGET] [keys] [count]
//! del KEY [END] [prev]
//! txn version(a)=0 value(b)>x ? put a 1 ; get b : del a
//! compact REVISION | scrub | grant ID TTL | revoke ID
//! watch KEY [END] [rev=N] [id=N] [no-put] [no-delete] [prev] | cancel ID | progress
//! ```
//!
//! `*` as END: no end. KEY* : all keys that begin with it.

use std::fmt::Write;

use expect_test::Expect;
use raft_kv::store::{
    Bytes, Command, Compare, CompareResult, CompareTarget, DeleteRangeRequest, Event, EventKind,
    KeyRange, KeyValue, Op, OpResponse, PutRequest, RangeRequest, Reply, SortOrder, SortTarget,
    Store, TxnRequest,
};
use raft_kv::watch::{Limits, StreamId, WatchHub, WatchRequest};

/// Tells the story, line by line, and compares.
pub(crate) fn check(story: &str, expect: &Expect) {
    let mut hub = WatchHub::new(Limits::default(), 1);
    let stream = hub.open();
    let mut teller = Teller {
        store: Store::default(),
        hub,
        stream,
        index: 0,
        out: String::new(),
    };
    for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
        writeln!(teller.out, "> {line}").unwrap();
        teller.line(line);
        teller.heard();
    }
    expect.assert_eq(&teller.out);
}

struct Teller {
    store: Store,
    hub: WatchHub,
    stream: StreamId,
    index: u64,
    out: String,
}

/// The words of a line: its name, what is meant by position, what by name.
struct Words<'a> {
    positions: Vec<&'a str>,
    options: Vec<(&'a str, &'a str)>,
}

const FLAGS: [&str; 8] = [
    "prev",
    "ignore-value",
    "ignore-lease",
    "desc",
    "keys",
    "count",
    "no-put",
    "no-delete",
];

impl<'a> Words<'a> {
    fn of(line: &'a str) -> Words<'a> {
        let is_option = |word: &&str| word.contains('=') || FLAGS.contains(word);
        let (options, positions): (Vec<&str>, Vec<&str>) =
            line.split_whitespace().skip(1).partition(is_option);
        let pair = |word: &'a str| word.split_once('=').unwrap_or((word, ""));
        Words {
            positions,
            options: options.into_iter().map(pair).collect(),
        }
    }

    fn option(&self, name: &str) -> Option<&'a str> {
        let option = self.options.iter().find(|(key, _)| *key == name)?;
        Some(option.1)
    }

    fn number(&self, name: &str) -> i64 {
        self.option(name)
            .map_or(0, |number| number.parse().unwrap())
    }

    fn has(&self, name: &str) -> bool {
        self.option(name).is_some()
    }

    fn position(&self, index: usize) -> Bytes {
        self.positions
            .get(index)
            .copied()
            .unwrap_or_default()
            .into()
    }

    fn range(&self) -> KeyRange {
        match (self.positions.first(), self.positions.get(1)) {
            (Some(key), None) if key.ends_with('*') => KeyRange::prefix(&key[..key.len() - 1]),
            (Some(key), Some(&"*")) => KeyRange::new(*key, [0].as_slice()),
            _ => KeyRange {
                key: self.position(0),
                end: self.position(1),
            },
        }
    }
}

impl Teller {
    fn line(&mut self, line: &str) {
        let words = Words::of(line);
        let number = |index: usize| words.positions[index].parse::<i64>().unwrap();
        match line.split_whitespace().next().unwrap() {
            "get" => match self.store.range(&range_request(&words)) {
                Ok(found) => {
                    for kv in &found.kvs {
                        writeln!(self.out, "  {}", shown(kv)).unwrap();
                    }
                    let more = if found.more { ", more" } else { "" };
                    let (count, revision) = (found.count, found.revision);
                    writeln!(self.out, "  count {count}{more} @{revision}").unwrap();
                }
                Err(error) => writeln!(self.out, "  error: {error}").unwrap(),
            },
            "scrub" => {
                while self.store.scrub(1) {}
                let versions = self.store.mvcc().versions();
                writeln!(self.out, "  {versions} versions are left").unwrap();
            }
            "watch" => {
                let request = WatchRequest {
                    range: words.range(),
                    start_revision: words.number("rev"),
                    watch_id: words.number("id"),
                    prev_kv: words.has("prev"),
                    no_put: words.has("no-put"),
                    no_delete: words.has("no-delete"),
                    ..WatchRequest::default()
                };
                self.hub.create(self.stream, request);
                self.hub.sync(&self.store, 10);
            }
            "cancel" => self.hub.cancel(self.stream, number(0)),
            "progress" => self.hub.request_progress(self.stream),
            "compact" => self.apply(Command::Compact(number(0))),
            "grant" => self.apply(Command::LeaseGrant {
                id: number(0),
                ttl: number(1),
            }),
            "revoke" => self.apply(Command::LeaseRevoke(number(0))),
            "put" => self.apply(Command::Put(put_request(&words))),
            "del" => self.apply(Command::DeleteRange(delete_request(&words))),
            "txn" => self.apply(Command::Txn(txn_request(line))),
            other => panic!("{other} is no command"),
        }
    }

    fn apply(&mut self, command: Command) {
        self.index += 1;
        let answer = command
            .check(8)
            .and_then(|()| self.store.apply(self.index, command));
        let text = match answer {
            Ok(reply) => shown_reply(&reply),
            Err(error) => format!("error: {error}\n"),
        };
        for line in text.lines() {
            writeln!(self.out, "  {line}").unwrap();
        }
        let events = self.store.take_events();
        self.hub.notify(self.store.revision(), events);
    }

    fn heard(&mut self) {
        while let Some(response) = self.hub.take(self.stream) {
            let id = response.watch_id;
            write!(self.out, "  watch {id} @{}:", response.revision).unwrap();
            if response.created {
                write!(self.out, " created").unwrap();
            }
            if response.canceled {
                write!(self.out, " canceled {}", response.cancel_reason).unwrap();
            }
            if response.compact_revision != 0 {
                write!(self.out, " (compacted at {})", response.compact_revision).unwrap();
            }
            for event in &response.events {
                write!(self.out, " {}", shown_event(event, response.prev_kv)).unwrap();
            }
            writeln!(self.out).unwrap();
        }
    }
}

fn range_request(words: &Words<'_>) -> RangeRequest {
    RangeRequest {
        range: words.range(),
        limit: words.number("limit"),
        revision: words.number("rev"),
        sort_order: match words.has("desc") {
            true => SortOrder::Descend,
            false => SortOrder::None,
        },
        sort_target: match words.option("by") {
            Some("version") => SortTarget::Version,
            Some("create") => SortTarget::Create,
            Some("mod") => SortTarget::Mod,
            Some("value") => SortTarget::Value,
            _ => SortTarget::Key,
        },
        keys_only: words.has("keys"),
        count_only: words.has("count"),
        min_mod_revision: words.number("min-mod"),
        max_mod_revision: words.number("max-mod"),
        min_create_revision: words.number("min-create"),
        max_create_revision: words.number("max-create"),
    }
}

fn put_request(words: &Words<'_>) -> PutRequest {
    PutRequest {
        key: words.position(0),
        value: words.position(1),
        lease: words.number("lease"),
        prev_kv: words.has("prev"),
        ignore_value: words.has("ignore-value"),
        ignore_lease: words.has("ignore-lease"),
    }
}

fn delete_request(words: &Words<'_>) -> DeleteRangeRequest {
    DeleteRangeRequest {
        range: words.range(),
        prev_kv: words.has("prev"),
    }
}

/// `txn version(a)=0 ? put a 1 ; get b : del a`
fn txn_request(line: &str) -> TxnRequest {
    let (compares, branches) = line["txn".len()..].split_once('?').unwrap();
    let (success, failure) = branches.split_once(':').unwrap_or((branches, ""));
    let ops = |text: &str| -> Vec<Op> {
        let lines = text.split(';').map(str::trim).filter(|op| !op.is_empty());
        lines.map(op).collect()
    };
    TxnRequest {
        compare: compares.split_whitespace().map(compare).collect(),
        success: ops(success),
        failure: ops(failure),
    }
}

fn op(line: &str) -> Op {
    let words = Words::of(line);
    match line.split_whitespace().next().unwrap() {
        "put" => Op::Put(put_request(&words)),
        "del" => Op::DeleteRange(delete_request(&words)),
        _ => Op::Range(range_request(&words)),
    }
}

fn compare(text: &str) -> Compare {
    let (target, rest) = text.split_once('(').unwrap();
    let (key, rest) = rest.split_once(')').unwrap();
    let (result, given) = match rest.split_at(1) {
        ("=", given) => (CompareResult::Equal, given),
        (">", given) => (CompareResult::Greater, given),
        ("<", given) => (CompareResult::Less, given),
        (_, given) => (CompareResult::NotEqual, given),
    };
    let number = || given.parse().unwrap();
    Compare {
        range: match key.strip_suffix('*') {
            Some(prefix) => KeyRange::prefix(prefix),
            None => KeyRange::single(key),
        },
        target: match target {
            "version" => CompareTarget::Version(number()),
            "create" => CompareTarget::Create(number()),
            "mod" => CompareTarget::Mod(number()),
            "lease" => CompareTarget::Lease(number()),
            _ => CompareTarget::Value(given.into()),
        },
        result,
    }
}

fn text(bytes: &Bytes) -> String {
    bytes.escape_ascii().to_string()
}

/// `a=1 (created 2, modified 3, version 2)`
fn shown(kv: &KeyValue) -> String {
    let lease = match kv.lease {
        0 => String::new(),
        lease => format!(", lease {lease}"),
    };
    format!(
        "{}={} (created {}, modified {}, version {}{lease})",
        text(&kv.key),
        text(&kv.value),
        kv.create_revision,
        kv.mod_revision,
        kv.version
    )
}

fn shown_event(event: &Event, with_prev: bool) -> String {
    let kv = &event.kv;
    let prev = match &event.prev_kv {
        Some(prev) if with_prev => format!(" before {}", text(&prev.value)),
        _ => String::new(),
    };
    let (key, at) = (text(&kv.key), kv.mod_revision);
    match event.kind {
        EventKind::Put => format!("[put {key}={} @{at}{prev}]", text(&kv.value)),
        EventKind::Delete => format!("[delete {key} @{at}{prev}]"),
    }
}

fn shown_reply(reply: &Reply) -> String {
    match reply {
        Reply::Put(put) => {
            let prev = put
                .prev_kv
                .iter()
                .map(|kv| format!("before: {}\n", shown(kv)));
            format!("ok @{}\n{}", put.revision, prev.collect::<String>())
        }
        Reply::DeleteRange(delete) => {
            let prev = delete
                .prev_kvs
                .iter()
                .map(|kv| format!("before: {}\n", shown(kv)));
            let prev: String = prev.collect();
            format!("deleted {} @{}\n{prev}", delete.deleted, delete.revision)
        }
        Reply::Txn(txn) => {
            let way = if txn.succeeded { "success" } else { "failure" };
            let mut out = format!("{way} @{}\n", txn.revision);
            for response in &txn.responses {
                let one = match response {
                    OpResponse::Put(put) => shown_reply(&Reply::Put(put.clone())),
                    OpResponse::DeleteRange(one) => shown_reply(&Reply::DeleteRange(one.clone())),
                    OpResponse::Txn(txn) => shown_reply(&Reply::Txn(txn.clone())),
                    OpResponse::Range(range) => {
                        let kvs = range.kvs.iter().map(|kv| format!("{}\n", shown(kv)));
                        format!("{}count {}\n", kvs.collect::<String>(), range.count)
                    }
                };
                one.lines()
                    .for_each(|line| writeln!(out, "  {line}").unwrap());
            }
            out
        }
        Reply::Done { revision } => format!("ok @{revision}\n"),
        Reply::Alarm(alarm) => format!("{alarm:?}\n"),
    }
}
