//! Clients that watch, lose their connections, and go on elsewhere; and what they must hear, whatever fails (etcd's guarantees).
//!
//! | promise | what it means here |
//! | --- | --- |
//! | ordered | revisions ascend |
//! | unique | no event comes twice, at whatever member |
//! | atomic | the events of a revision come in one answer, be it in several parts |
//! | reliable | between two events none is missing |
//! | resumable | after a broken connection the watcher goes on behind what it has heard, at any member |
//! | bookmarkable | an answer's revision says that all up to it has been heard, so that one may go on from there |
//!
//! Only a compaction may take something away, and whoever begins before it is told so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use node::Rng;
use raft_kv::store::{Bytes, KeyRange};
use tokio::time::{Instant, timeout};
use turmoil::net::TcpStream;

use crate::audit::Audit;
use crate::member::{Shared, name};
use crate::service::{Ask, Heard};
use crate::wire::{self, CLIENTS};

/// A member that says nothing for so long is left: it tells quiet watchers more often how far they are.
const PATIENCE: Duration = Duration::from_secs(1);

/// A watcher, over all of its connections.
#[derive(Debug)]
pub(crate) struct Watch {
    range: KeyRange,
    /// Everything before this revision has been heard.
    next: i64,
    /// What came of an answer that is not whole yet.
    parts: Vec<(i64, Bytes, Option<Bytes>)>,
}

impl Watch {
    pub(crate) fn new(range: KeyRange) -> Watch {
        Watch {
            range,
            next: 1,
            parts: Vec::new(),
        }
    }

    /// Takes an answer; whether the watcher goes on. The error says which promise was broken.
    pub(crate) fn hear(&mut self, heard: Heard, audit: &Audit) -> Result<bool, String> {
        if let Some((reason, compacted)) = heard.canceled {
            if compacted <= self.next {
                return Err(format!(
                    "a watcher from {} on was ended ({reason:?}, compacted at {compacted})",
                    self.next
                ));
            }
            self.next = compacted;
            return Ok(false);
        }
        if heard.is_created {
            return Ok(true);
        }
        self.parts.extend(heard.events);
        if heard.is_part {
            return Ok(true);
        }
        let events = std::mem::take(&mut self.parts);
        if !events.is_sorted_by_key(|(revision, ..)| *revision) {
            return Err(format!("ordered: {events:?}"));
        }
        let from = self.next;
        let mut sorted = events.clone();
        sorted.sort();
        let expected = audit.changes(&self.range, from, heard.revision);
        if sorted != expected {
            return Err(format!(
                "a watcher of {:?} that had heard all before {from} and is told that this is all up to {} hears {events:?}; what happened is {expected:?}",
                self.range, heard.revision
            ));
        }
        self.next = self.next.max(heard.revision + 1);
        Ok(true)
    }
}

/// Watches until `until` says so and all that happened has been heard.
pub(crate) async fn watcher(
    shared: Shared,
    number: u64,
    range: KeyRange,
    hosts: u64,
    mut rng: Rng,
    until: Arc<AtomicBool>,
) -> turmoil::Result {
    let mut watch = Watch::new(range);
    let is_done = |watch: &Watch| {
        until.load(Ordering::Relaxed) && watch.next > shared.lock().audit.revision()
    };
    while !is_done(&watch) {
        let host = 1 + rng.below(hosts);
        watch.parts.clear();
        let from = watch.next;
        let listened = listen(&shared, &mut watch, host, &mut rng, &is_done).await;
        let next = watch.next;
        shared.trace(&format!(
            "w{number} watched m{host} from {from} to {next}: {listened:?}"
        ));
        tokio::time::sleep(Duration::from_millis(rng.below(60))).await;
    }
    shared.lock().watchers_done += 1;
    Ok(())
}

/// Listens to one member; says why no longer.
async fn listen(
    shared: &Shared,
    watch: &mut Watch,
    host: u64,
    rng: &mut Rng,
    is_done: &impl Fn(&Watch) -> bool,
) -> std::io::Result<&'static str> {
    let host = name(host);
    let mut stream = timeout(PATIENCE, TcpStream::connect((host.as_str(), CLIENTS))).await??;
    let ask = Ask::Watch {
        range: watch.range.clone(),
        from: watch.next,
    };
    wire::send(&mut stream, &postcard::to_stdvec(&ask).unwrap()).await?;
    let mut news = (watch.next, Instant::now());
    loop {
        let frame = timeout(PATIENCE, wire::receive(&mut stream)).await??;
        let heard: Heard = postcard::from_bytes(&frame).unwrap();
        {
            let mut shared = shared.lock();
            match watch.hear(heard, &shared.audit) {
                Ok(true) => {}
                Ok(false) => return Ok("compacted"),
                Err(broken) => {
                    shared.audit.violated(broken);
                    return Ok("a promise was broken");
                }
            }
        }
        if is_done(watch) {
            return Ok("all was heard");
        }
        if watch.next > news.0 {
            news = (watch.next, Instant::now());
        }
        // It may not be a member, and never know of more.
        if news.1.elapsed() > PATIENCE {
            return Ok("it has heard nothing new");
        }
        if rng.percent(4) {
            return Ok("it has heard enough");
        }
        if rng.percent(10) {
            wire::send(&mut stream, b"how far?").await?;
        }
    }
}
