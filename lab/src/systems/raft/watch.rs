//! The lab's looks at the members, a few in a second, past all links.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use anyhow::Result;
use raft_kv::client::{Client, pb};
use serde::Deserialize;
use sim::Level;

use super::ledger::Proof;
use super::load::PREFIX;
use super::{Raft, document, http, is_up};
use crate::lab::{Condition, NodeView, lock};
use crate::load::Status;

const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long a member may take to say how it stands.
const LOOK_MAX: Duration = Duration::from_millis(800);
/// Between two comparisons of what the members hold.
const COMPARE_EVERY: Duration = Duration::from_secs(2);
/// So many keys of each member are shown.
const KEYS_MAX: i64 = 8;

/// How a member stands, as it says at `/status`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) term: u64,
    /// Whom it follows, by id.
    pub(crate) leader: Option<String>,
    /// The last index of its log, up to where it knows it to be committed, and what it has applied.
    pub(crate) last: u64,
    pub(crate) committed: u64,
    pub(crate) applied: u64,
    pub(crate) snapshot: Option<u64>,
    pub(crate) revision: i64,
    pub(crate) bytes: u64,
    /// By id.
    pub(crate) members: BTreeMap<String, Known>,
    /// What it has under the first few keys, with the revisions.
    #[serde(skip)]
    pub(crate) keys: BTreeMap<String, (String, i64)>,
    /// Whether it answered at this look; if not, the rest is what it said last.
    #[serde(skip)]
    pub(crate) answers: bool,
}

impl Member {
    pub(crate) fn leads(&self) -> bool {
        self.leader.as_ref() == Some(&self.id)
    }
}

/// A member, as another one knows it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) learner: bool,
    pub(crate) votes: bool,
    /// The last index that it is known to have; at the leader only.
    pub(crate) matched: Option<u64>,
}

/// What there is to see.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct View {
    /// By name, those that have ever answered.
    pub(crate) members: BTreeMap<String, Member>,
    pub(crate) load: Status,
    /// What no Raft may do: two leaders in a term.
    pub(crate) two_leaders: Option<String>,
    /// Members that hold different things at the same revision; none where all are alike. The revision at which it was looked, and at whom.
    pub(crate) different: Option<String>,
    pub(crate) compared_at: Option<i64>,
    pub(crate) compared: BTreeSet<String>,
    /// Why what the load saw makes no sense.
    pub(crate) wrong: Option<String>,
    /// The calls that no order explains, where some were found.
    pub(crate) proof: Option<Proof>,
    /// What each client heard last.
    pub(crate) heard: BTreeMap<String, String>,
}

impl View {
    /// The name of the member that leads in the newest term in which anybody does.
    pub(crate) fn leader(&self) -> Option<&str> {
        let leaders = self.members.iter().filter(|(_, m)| m.answers && m.leads());
        let newest = leaders.max_by_key(|(_, member)| member.term)?;
        Some(newest.0.as_str())
    }

    /// How many members say that `leader` leads, in its own term.
    pub(crate) fn following(&self, leader: &str) -> usize {
        let Some(leader) = self.members.get(leader) else {
            return 0;
        };
        let follows = |member: &&Member| {
            member.answers
                && member.term == leader.term
                && member.leader.as_ref() == Some(&leader.id)
        };
        self.members.values().filter(follows).count()
    }

    /// The newest term that anybody knows.
    pub(crate) fn term(&self) -> u64 {
        let terms = self.members.values().map(|member| member.term);
        terms.max().unwrap_or(0)
    }

    /// What a member is called that is known by its id.
    pub(crate) fn name_of(&self, id: &str) -> Option<&str> {
        let found = self.members.iter().find(|(_, member)| member.id == id);
        found.map(|(name, _)| name.as_str())
    }

    /// How many votes there are, as the leader counts them.
    pub(crate) fn voters(&self) -> Option<usize> {
        let leader = self.members.get(self.leader()?)?;
        Some(leader.members.values().filter(|known| known.votes).count())
    }
}

/// What a look leaves for the next one.
#[derive(Default)]
pub(crate) struct Watching {
    /// Who led, by term: an id.
    leaders: BTreeMap<u64, String>,
    compared: Option<Instant>,
}

/// Looks for as long as there is something to look at.
pub(super) fn start(raft: &Arc<Raft>) {
    let raft = Arc::downgrade(raft);
    std::thread::spawn(move || {
        while let Some(raft) = Weak::upgrade(&raft).filter(|raft| raft.lab.is_open()) {
            raft.look();
            drop(raft);
            std::thread::sleep(LOOK_EVERY);
        }
    });
}

impl Raft {
    fn look(&self) {
        let began = Instant::now();
        let mut watching = lock(&self.watching);
        let before = lock(&self.seen).1.clone();
        let nodes = self.lab.nodes();
        let members: Vec<&NodeView> = nodes.iter().filter(|node| node.role == "member").collect();
        let urls = members.iter().map(|node| {
            let url = is_up(node.process).then(|| node.address.clone());
            url.flatten()
        });
        let asked = futures::future::join_all(
            urls.map(|url| async { tokio::time::timeout(LOOK_MAX, ask(url?)).await.ok()?.ok() }),
        );
        let asked = self.lab.runtime().block_on(asked);
        let mut after = View {
            load: self.load.status(),
            two_leaders: before.two_leaders.clone(),
            wrong: lock(&self.wrong).clone(),
            proof: lock(&self.proof).clone(),
            heard: lock(&self.heard).clone(),
            ..View::default()
        };
        for (node, asked) in members.into_iter().zip(asked) {
            // One that is paused, down, or too busy is as it was.
            let left = || before.members.get(&node.name).cloned();
            let left = || {
                left().map(|member| Member {
                    answers: false,
                    ..member
                })
            };
            let member = asked.or_else(left);
            after
                .members
                .extend(member.map(|member| (node.name.clone(), member)));
        }
        watching.judge(&mut after);
        self.compare(&mut watching, &nodes, &before, &mut after);
        drop(watching);
        // What is seen of it while it is taken down is no news.
        if !self.lab.is_open() {
            return;
        }
        self.tell_changes(&before, &after);
        let disks = ("disks", self.disks.document());
        let load = ("load", after.load.document());
        let shown = document::members(&after, &nodes).into_iter();
        self.lab.recorder.put_all(shown.chain([disks, load]));
        *lock(&self.seen) = (began, Arc::new(after));
    }

    /// Asks all members for a hash of what they hold at a revision that all have.
    fn compare(
        &self,
        watching: &mut Watching,
        nodes: &[NodeView],
        before: &View,
        after: &mut View,
    ) {
        (after.different, after.compared_at) = (before.different.clone(), before.compared_at);
        after.compared.clone_from(&before.compared);
        let is_due = watching
            .compared
            .is_none_or(|at| at.elapsed() >= COMPARE_EVERY);
        let answering = after.members.iter().filter(|(_, member)| member.answers);
        let revision = answering.clone().map(|(_, member)| member.revision).min();
        let (true, Some(revision)) = (is_due, revision) else {
            return;
        };
        watching.compared = Some(Instant::now());
        let address = |name: &str| nodes.iter().find(|node| node.name == name)?.address.clone();
        let asked = answering.filter_map(|(name, _)| Some((name, address(name)?)));
        let hashes = asked.map(|(name, url)| async move {
            let hash = tokio::time::timeout(LOOK_MAX, hash(&url, revision));
            Some((name.clone(), hash.await.ok()?.ok()?))
        });
        let hashes = self
            .lab
            .runtime()
            .block_on(futures::future::join_all(hashes));
        let hashes: BTreeMap<String, u32> = hashes.into_iter().flatten().collect();
        if hashes.len() < 2 {
            return;
        }
        let kinds: BTreeSet<u32> = hashes.values().copied().collect();
        after.compared_at = Some(revision);
        after.compared = hashes.keys().cloned().collect();
        after.different = (kinds.len() > 1).then(|| {
            let hashes = hashes
                .iter()
                .map(|(name, hash)| format!("{name} {hash:08x}"));
            let hashes = hashes.collect::<Vec<_>>().join(", ");
            format!("at revision {revision} the hashes are {hashes}")
        });
    }

    fn tell_changes(&self, before: &View, after: &View) {
        let recorder = &self.lab.recorder;
        for (was, is) in [
            (&before.two_leaders, &after.two_leaders),
            (&before.different, &after.different),
        ] {
            if let Some(is) = is.as_ref().filter(|_| was.is_none()) {
                recorder.event(Level::Bad, None, is.clone());
            }
        }
        let led = |view: &View| {
            let name = view.leader()?;
            Some((name.to_owned(), view.members[name].term))
        };
        match (led(before), led(after)) {
            (was, Some((name, term))) if was.as_ref() != Some(&(name.clone(), term)) => {
                let text = format!("{name} leads, in term {term}");
                recorder.event(Level::Change, Some(&name), text);
            }
            (Some((name, _)), None) => {
                recorder.event(Level::Change, Some(&name), "nobody leads any more");
            }
            _ => {}
        }
        for (name, member) in &after.members {
            let was = before.members.get(name);
            let led = |was: &Member| was.leads() && was.answers && was.term < member.term;
            if was.is_some_and(led) && !member.leads() && member.answers {
                let text = format!("{name} has heard of term {} and steps down", member.term);
                recorder.event(Level::Change, Some(name), text);
            }
        }
    }
}

impl Watching {
    /// Election safety: a term has one leader at most (Raft, figure 3).
    fn judge(&mut self, after: &mut View) {
        for member in after.members.values() {
            let Some(leader) = &member.leader else {
                continue;
            };
            let known = self.leaders.entry(member.term).or_insert(leader.clone());
            if known != leader {
                let name = |id: &str| after.name_of(id).unwrap_or(id).to_owned();
                let (one, other, term) = (name(known), name(leader), member.term);
                after.two_leaders = Some(format!("in term {term} both {one} and {other} lead"));
                return;
            }
        }
    }
}

async fn ask(url: String) -> Result<Member> {
    let mut member = Member::deserialize(http(&url, "/status").await?)?;
    let client = Client::new(&[&url])?.with_timeout(LOOK_MAX);
    let request = pb::RangeRequest {
        key: b"\0".into(),
        range_end: PREFIX.into(),
        limit: KEYS_MAX,
        serializable: true,
        ..Default::default()
    };
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let kvs = client.range(request).await?.kvs.into_iter();
    member.keys = kvs
        .map(|kv| (text(kv.key), (text(kv.value), kv.mod_revision)))
        .collect();
    member.answers = true;
    Ok(member)
}

async fn hash(url: &str, revision: i64) -> Result<u32> {
    let client = Client::new(&[url])?.with_timeout(LOOK_MAX);
    Ok(client.hash_kv(revision).await?.hash)
}

/// Whether there is a process that could know better.
pub(super) fn runs(node: &NodeView) -> bool {
    matches!(node.process, Condition::Up | Condition::Changing)
}
