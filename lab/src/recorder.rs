//! The recorder: everything that happens in a run, as a trace of the same form as the simulator's (`sim::trace`). The page is fed from
//! it, a run is saved from it, and the shell's narration is read from it.
//!
//! It remembers a bounded number of lines. What is older folds: patches of the state into one whole document, messages into
//! nothing; starts and crashes of nodes and the journal's events are kept longer. So whoever comes late, or was too slow, gets a shorter
//! trace that still begins at the beginning.

mod memory;

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};
use sim::{Clock, Level, Record, TRACE_VERSION, What, patch};
use tokio::sync::watch;

use crate::links::Sink;

pub use memory::{Limits, Lines};

use memory::{Log, line};

/// Records a run, and tells who listens.
#[derive(Debug)]
pub struct Recorder {
    begun: Instant,
    log: watch::Sender<Log>,
}

impl Sink for Recorder {
    fn send(&self, from: &str, to: &str, label: &str, text: &str) -> u64 {
        Recorder::send(self, from, to, label, text)
    }

    fn deliver(&self, from: &str, to: &str, message: u64) {
        Recorder::deliver(self, from, to, message);
    }

    fn lose(&self, from: &str, to: &str, message: u64, why: &str) {
        Recorder::lose(self, from, to, message, why);
    }
}

impl Recorder {
    /// A recorder of a run of `system` in which `scenario` is shown.
    pub fn new(system: &str, scenario: &str, limits: Limits) -> Recorder {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let since = since.map_or(0, |since| since.as_millis());
        let epoch_ms = u64::try_from(since).unwrap_or(u64::MAX);
        let begin = Record {
            time: 0,
            what: What::Begin {
                version: TRACE_VERSION,
                system: system.to_owned(),
                scenario: scenario.to_owned(),
                seed: String::new(),
                clock: Clock::Wall,
                epoch_ms: Some(epoch_ms),
            },
        };
        Recorder {
            begun: Instant::now(),
            log: watch::Sender::new(Log::new(&begin, limits)),
        }
    }

    fn record(&self, make: impl FnOnce(&mut Log) -> Option<What>) {
        self.log.send_if_modified(|log| {
            // The time is taken under the lock, so that it never runs backwards from line to line.
            let time = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
            let Some(what) = make(log) else {
                return false;
            };
            log.push(line(&Record { time, what }));
            true
        });
    }

    /// Enters that `text`, a sentence without its full stop, happened; to which node if to one.
    pub fn event(&self, level: Level, node: Option<&str>, text: impl Into<String>) {
        self.enter(level, node, text.into(), None);
    }

    /// Enters that somebody did what `text` says; `command` would have done it as well from a shell.
    pub fn action(&self, node: Option<&str>, text: impl Into<String>, command: &str) {
        self.enter(Level::Action, node, text.into(), Some(command.to_owned()));
    }

    fn enter(&self, level: Level, node: Option<&str>, text: String, command: Option<String>) {
        self.record(|log| {
            Some(What::Event {
                level,
                node: node.map(|name| log.node(name)),
                text,
                command,
            })
        });
    }

    /// The node `name` came up.
    pub fn start(&self, name: &str) {
        self.record(|log| {
            let node = log.node(name);
            let (_, life) = log.nodes.get_mut(name)?;
            *life += 1;
            Some(What::Start {
                node,
                name: name.to_owned(),
                life: *life,
            })
        });
    }

    /// The node `name` went down; `text` says how.
    pub fn crash(&self, name: &str, text: &str) {
        self.record(|log| {
            Some(What::Crash {
                node: log.node(name),
                text: text.to_owned(),
            })
        });
    }

    /// A message of the sort `label` left `from` for `to`. Returns what names it in this run; 0, which names none, where there are more
    /// in this second than anybody could see. The next one says how many those were.
    pub fn send(&self, from: &str, to: &str, label: &str, text: &str) -> u64 {
        let mut message = 0;
        self.record(|log| {
            let untold = log.messages.count(self.begun.elapsed().as_secs())?;
            message = log.messages.told;
            Some(What::Send {
                from: log.node(from),
                to: log.node(to),
                message,
                text: match untold {
                    0 => text.to_owned(),
                    untold => format!("{text}, and {untold} messages anywhere before it"),
                },
                label: Some(label.to_owned()),
            })
        });
        message
    }

    /// The `message` from `from` to `to` arrived.
    pub fn deliver(&self, from: &str, to: &str, message: u64) {
        self.record(|log| {
            (message > 0).then(|| What::Deliver {
                from: log.node(from),
                to: log.node(to),
                message,
            })
        });
    }

    /// The `message` from `from` to `to` will not arrive; `text` says why.
    pub fn lose(&self, from: &str, to: &str, message: u64, text: &str) {
        self.record(|log| {
            (message > 0).then(|| What::Lose {
                from: log.node(from),
                to: log.node(to),
                message,
                text: text.to_owned(),
            })
        });
    }

    /// Makes `value` the member `name` of the state document; null removes it. Only what differs is recorded. Each member
    /// has one owner, who puts all of it.
    pub fn put(&self, name: &str, value: Value) {
        self.put_all([(name, value)]);
    }

    /// As [`Recorder::put`], for several members at one moment.
    pub fn put_all<'a>(&self, members: impl IntoIterator<Item = (&'a str, Value)>) {
        self.record(|log| {
            let mut patch = Map::new();
            for (name, mut value) in members {
                remove_nulls(&mut value);
                let old = log.state.get(name).unwrap_or(&Value::Null);
                patch.extend(patch::diff(old, &value).map(|diff| (name.to_owned(), diff)));
            }
            if patch.is_empty() {
                return None;
            }
            let patch = Value::Object(patch);
            patch::apply(&mut log.state, &patch);
            Some(What::State { patch })
        });
    }

    /// The state document as it is now.
    pub fn state(&self) -> Value {
        self.log.borrow().state.clone()
    }

    /// Says that nothing more will come.
    pub fn close(&self) {
        self.log.send_modify(|log| log.closed = true);
    }

    /// Everything that is remembered, as a trace that stands by itself.
    pub fn trace(&self) -> Lines {
        self.log.borrow().trace()
    }

    /// To get everything that is remembered, and then what comes.
    pub fn follow(&self) -> Follower {
        let mut log = self.log.subscribe();
        log.mark_changed();
        Follower { log, next: None }
    }
}

/// Follows a recording.
#[derive(Debug)]
pub struct Follower {
    log: watch::Receiver<Log>,
    next: Option<u64>,
}

impl Follower {
    /// The lines that have come since the last call, as soon as there are any; none after the end. Who was so slow that
    /// some are forgotten gets everything that is remembered, from a `begin` on.
    pub async fn next(&mut self) -> Option<Vec<Arc<str>>> {
        loop {
            if self.log.has_changed().is_err() {
                return None;
            }
            let (lines, closed) = {
                let log = self.log.borrow_and_update();
                let (lines, next) = log.since(self.next);
                self.next = Some(next);
                (lines, log.closed)
            };
            if !lines.is_empty() {
                return Some(lines);
            }
            if closed || self.log.changed().await.is_err() {
                return None;
            }
        }
    }
}

/// Writes a recording to `out` as it grows, until its end.
///
/// # Errors
/// When `out` takes no more.
pub async fn save(mut recording: Follower, mut out: impl Write) -> std::io::Result<()> {
    while let Some(lines) = recording.next().await {
        for line in lines {
            writeln!(out, "{line}")?;
        }
        out.flush()?;
        // Together is cheaper than one by one.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// A patch cannot write a null: what is not known is not there.
fn remove_nulls(value: &mut Value) {
    if let Value::Object(members) = value {
        members.retain(|_, member| !member.is_null());
        members.values_mut().for_each(remove_nulls);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn records(lines: &[Arc<str>]) -> Vec<What> {
        let text = lines.join("\n");
        let records = sim::parse_trace(&text).unwrap();
        assert_eq!(records.len(), lines.len(), "each line reads back");
        assert!(records.is_sorted_by_key(|record| record.time));
        records.into_iter().map(|record| record.what).collect()
    }

    fn document(records: &[What]) -> Value {
        let mut state = json!({});
        for what in records {
            if let What::State { patch } = what {
                patch::apply(&mut state, patch);
            }
        }
        state
    }

    fn busy(recorder: &Recorder) {
        recorder.start("dn1");
        for n in 1..=100 {
            let message = recorder.send("client", "dn1", "packet", "packet");
            recorder.deliver("client", "dn1", message);
            recorder.put_all([
                ("copying", json!(n)),
                ("files", json!({ (n % 7).to_string(): n })),
            ]);
            recorder.put("copying", json!(n));
            if n % 10 == 0 {
                recorder.action(Some("dn1"), "dn1 is killed", "kill -9 1");
            }
        }
    }

    #[test]
    fn what_is_recorded_reads_back_and_leads_to_the_state() {
        let recorder = Recorder::new("hdfs", "", Limits::default());
        busy(&recorder);
        let records = records(&recorder.trace().0);
        // `begin` and `start`; three lines for each number, since the second `put` changes nothing; ten events.
        assert_eq!(records.len(), 2 + 3 * 100 + 10);
        assert!(matches!(records[0], What::Begin { version: 2, .. }));
        assert_eq!(document(&records), recorder.state());
        assert_eq!(
            recorder.state(),
            json!({"copying": 100, "files": {"2": 100}})
        );
    }

    #[test]
    fn old_lines_fold_and_what_is_left_stands_by_itself() {
        let limits = Limits {
            lines: 20,
            bytes: 1 << 20,
            kept: 3,
        };
        let recorder = Recorder::new("hdfs", "", limits);
        busy(&recorder);
        let records = records(&recorder.trace().0);
        assert_eq!(records.len(), 1 + 3 + 1 + 20, "{records:?}");
        assert!(matches!(&records[1], What::Start { life: 1, .. }));
        assert!(matches!(records[4], What::State { .. }));
        assert_eq!(document(&records), recorder.state());
    }

    #[tokio::test]
    async fn who_follows_gets_each_line_once_and_who_is_late_a_new_beginning() {
        let limits = Limits {
            lines: 5,
            ..Limits::default()
        };
        let recorder = Recorder::new("hdfs", "", limits);
        let mut follower = recorder.follow();
        assert_eq!(follower.next().await.unwrap().len(), 1);
        recorder.start("dn1");
        recorder.crash("dn1", "killed");
        assert_eq!(follower.next().await.unwrap().len(), 2);
        for n in 0..10 {
            recorder.put("copying", json!(n));
        }
        let all = records(&follower.next().await.unwrap());
        assert!(matches!(all[0], What::Begin { .. }));
        assert_eq!(document(&all), json!({"copying": 9}));
        recorder.close();
        assert!(follower.next().await.is_none());
    }

    #[test]
    fn of_too_many_messages_some_are_counted_only() {
        let recorder = Recorder::new("hdfs", "", Limits::default());
        // One that was not told of arrives.
        recorder.deliver("client", "dn1", 0);
        assert_eq!(recorder.trace().0.len(), 1);
        let mut counts = memory::Messages::default();
        let told = (0..5_000).filter(|_| counts.count(7).is_some()).count();
        assert_eq!(told, 1_000);
        assert_eq!(counts.count(8), Some(4_000));
        assert_eq!(counts.count(8), Some(0));
    }

    #[test]
    fn null_removes_a_member() {
        let recorder = Recorder::new("hdfs", "", Limits::default());
        recorder.put("scene", json!({"name": "a"}));
        recorder.put("scene", Value::Null);
        recorder.put("scene", Value::Null);
        assert_eq!(recorder.state(), json!({}));
        assert_eq!(records(&recorder.trace().0).len(), 3);
    }
}
