//! openraft's own suite for storage, and a cluster in one process.

mod messages;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use node::{Disk, DiskError, FileDisk, MemDisk};
use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::log_store::LogStore;
use super::machine::Machine;
use super::types::Types;
use super::*;

/// Adds numbers up; a snapshot is the sum, in chunks of a byte.
#[derive(Debug, Default)]
struct Sum {
    sum: u64,
    applied: Vec<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Add(u64);

impl StateMachine for Sum {
    type Command = Add;
    type Response = u64;
    type Snapshot = Vec<u8>;

    fn apply(&mut self, index: u64, Add(number): Add) -> u64 {
        self.applied.push(index);
        self.sum += number;
        self.sum
    }

    fn begin_snapshot(&self) -> Vec<u8> {
        self.sum.to_be_bytes().to_vec()
    }

    fn next_chunk(&self, left: &mut Vec<u8>) -> Option<Vec<u8>> {
        (!left.is_empty()).then(|| vec![left.remove(0)])
    }

    fn restore(
        &mut self,
        chunks: &mut dyn Iterator<Item = Result<Vec<u8>, String>>,
    ) -> Result<(), String> {
        let bytes = chunks.collect::<Result<Vec<_>, _>>()?.concat();
        let sum = bytes.try_into().map_err(|_| "no sum".to_owned())?;
        self.sum = u64::from_be_bytes(sum);
        Ok(())
    }
}

/// A disk in memory that several handles share.
#[derive(Clone, Default)]
struct SharedDisk(Arc<Mutex<MemDisk>>);

impl SharedDisk {
    fn with<R>(&self, f: impl FnOnce(&mut MemDisk) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn storage(&self) -> Storage {
        let disk = self.clone();
        Storage::simulated(move || Box::new(disk.clone()))
    }
}

impl Disk for SharedDisk {
    fn write_at(&mut self, file: &str, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.with(|disk| disk.write_at(file, offset, bytes))
    }

    fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskError> {
        self.with(|disk| disk.truncate(file, len))
    }

    fn read_at(&self, file: &str, offset: u64, len: usize) -> Result<Vec<u8>, DiskError> {
        self.with(|disk| disk.read_at(file, offset, len))
    }

    fn len(&self, file: &str) -> Result<u64, DiskError> {
        self.with(|disk| disk.len(file))
    }

    fn sync(&mut self, file: &str) -> Result<(), DiskError> {
        self.with(|disk| disk.sync(file))
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError> {
        self.with(|disk| disk.rename(from, to))
    }

    fn remove(&mut self, file: &str) -> Result<(), DiskError> {
        self.with(|disk| disk.remove(file))
    }

    fn list(&self, dir: &str) -> Result<Vec<String>, DiskError> {
        self.with(|disk| disk.list(dir))
    }

    fn sync_dir(&mut self, dir: &str) -> Result<(), DiskError> {
        self.with(|disk| disk.sync_dir(dir))
    }
}

struct Build {
    is_on_files: bool,
}

impl StoreBuilder<Types, LogStore, Machine<Sum>, Option<tempfile::TempDir>> for Build {
    async fn build(
        &self,
    ) -> Result<(Option<tempfile::TempDir>, LogStore, Machine<Sum>), StorageError<Types>> {
        let (guard, storage) = if self.is_on_files {
            let dir = tempfile::tempdir().unwrap();
            let disk = FileDisk::open(dir.path()).unwrap();
            let storage = Storage::blocking(move || Box::new(disk.clone()));
            (Some(dir), storage)
        } else {
            (None, SharedDisk::default().storage())
        };
        let (log, _) = LogStore::open(storage.clone(), Some(300)).unwrap();
        let (applied, _) = watch::channel(0);
        Ok((guard, log, Machine::new(Arc::default(), storage, applied)))
    }
}

#[tokio::test]
async fn storage_passes_the_suite_of_openraft() {
    Suite::test_all(Build { is_on_files: false }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storage_on_files_passes_the_suite_of_openraft() {
    Suite::test_all(Build { is_on_files: true }).await.unwrap();
}

type Engine = Openraft<Sum, Wires>;

/// Calls, within one process. A member that is cut off is not reached, and reaches nobody.
#[derive(Clone, Default)]
struct Wires {
    members: Arc<Mutex<BTreeMap<u64, Engine>>>,
}

impl Transport for Wires {
    async fn call(&self, to: u64, _: &Member, message: Bytes) -> Result<Bytes, TransportError> {
        let engine = self.members.lock().unwrap().get(&to).cloned();
        let engine = engine.ok_or_else(|| TransportError::Unreachable("cut off".to_owned()))?;
        Ok(engine.handle(&message).await)
    }
}

struct Cluster {
    wires: Wires,
    disks: BTreeMap<u64, SharedDisk>,
    machines: BTreeMap<u64, Arc<RwLock<Sum>>>,
}

impl Cluster {
    fn new() -> Cluster {
        Cluster {
            wires: Wires::default(),
            disks: BTreeMap::new(),
            machines: BTreeMap::new(),
        }
    }

    async fn start(&mut self, id: u64) -> Engine {
        let options = Options {
            snapshot_entries: 20,
            catch_up_entries: 5,
            heartbeat_interval: Duration::from_millis(20),
            election_timeout: Duration::from_millis(200),
            segment_bytes: Some(1000),
            ..Options::new(7, id, id)
        };
        let storage = self.disks.entry(id).or_default().storage();
        let machine = Arc::<RwLock<Sum>>::default();
        self.machines.insert(id, machine.clone());
        let engine = Engine::start(options, storage, machine, self.wires.clone())
            .await
            .unwrap();
        self.wires
            .members
            .lock()
            .unwrap()
            .insert(id, engine.clone());
        engine
    }

    fn sum(&self, id: u64) -> u64 {
        self.machines[&id].read().unwrap().sum
    }
}

fn three() -> BTreeMap<u64, Member> {
    (1..=3).map(|id| (id, Member::default())).collect()
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(Duration::from_secs(20), future).await;
    done.unwrap_or_else(|_| panic!("{what} takes too long"))
}

/// The member that leads, once one of these knows it.
async fn leader(engines: &BTreeMap<u64, Engine>) -> Engine {
    let mut leadership = engines.values().next().unwrap().leadership();
    let known = leadership.wait_for(|now| {
        now.leader
            .is_some_and(|leader| engines.contains_key(&leader))
    });
    let known = within("an election", known).await.unwrap().leader.unwrap();
    engines[&known].clone()
}

#[tokio::test(start_paused = true)]
async fn one_member_alone_forgets_nothing() {
    let mut cluster = Cluster::new();
    let engine = cluster.start(1).await;
    let alone = BTreeMap::from([(1, Member::default())]);
    engine.bootstrap(alone.clone()).await.unwrap();
    leader(&BTreeMap::from([(1, engine.clone())])).await;
    for number in 1..=100 {
        let sum = within("a proposal", engine.propose(Add(number)))
            .await
            .unwrap();
        assert_eq!(sum, number * (number + 1) / 2);
    }
    let mut applied = engine.applied();
    within("a snapshot", async {
        while engine.status().purged.is_none() {
            applied.changed().await.unwrap();
            engine.propose(Add(0)).await.unwrap();
        }
    })
    .await;
    engine.stop().await;

    let engine = cluster.start(1).await;
    engine.bootstrap(alone).await.unwrap();
    within("a read", async {
        while engine.read_index().await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert_eq!(cluster.sum(1), 5050);
    let first = cluster.machines[&1].read().unwrap().applied[0];
    assert!(
        first > 20,
        "the snapshot stands for what is before it, but {first} was applied again"
    );
}

#[tokio::test(start_paused = true)]
async fn three_members_agree_and_one_may_be_lost() {
    let mut cluster = Cluster::new();
    let mut engines = BTreeMap::new();
    for id in 1..=3 {
        engines.insert(id, cluster.start(id).await);
    }
    for engine in engines.values() {
        engine.bootstrap(three()).await.unwrap();
    }
    let first = leader(&engines).await;
    assert_eq!(within("a proposal", first.propose(Add(5))).await, Ok(5));

    // Several at once are applied in their order.
    let batch = [Arc::new(Add(2)), Arc::new(Add(3))];
    let sums = within("a batch", first.propose_all(&batch)).await;
    assert_eq!(sums, [Ok(7), Ok(10)]);

    // A follower proposes nothing, but reads what was acknowledged.
    let id = first.status().id;
    let (follower_id, follower) = engines.iter().find(|(other, _)| **other != id).unwrap();
    let refused = follower.propose(Add(1)).await;
    let not_leader = ProposeError::NotLeader { leader: Some(id) };
    assert_eq!(refused, Err(not_leader.clone()));
    let refused = follower.propose_all(&batch).await;
    assert_eq!(refused, [Err(not_leader.clone()), Err(not_leader)]);
    within("a read at a follower", follower.read_index())
        .await
        .unwrap();
    assert_eq!(cluster.sum(*follower_id), 10);

    // The leader is cut off, and another one takes over.
    cluster.wires.members.lock().unwrap().remove(&id);
    engines.remove(&id);
    first.stop().await;
    let mut leadership = engines.values().next().unwrap().leadership();
    let changed = leadership.wait_for(|now| now.leader.is_some_and(|leader| leader != id));
    within("another election", changed).await.unwrap();
    let second = leader(&engines).await;
    let mut sum = 10;
    for _ in 0..100 {
        sum += 1;
        assert_eq!(within("a proposal", second.propose(Add(1))).await, Ok(sum));
    }

    // It comes back when the log that it lacks is gone, and gets a snapshot.
    let engine = cluster.start(id).await;
    let mut applied = engine.applied();
    let last = second.status().applied;
    within("catching up", applied.wait_for(|applied| *applied >= last))
        .await
        .unwrap();
    assert_eq!(cluster.sum(id), sum);
    assert!(
        cluster.machines[&id].read().unwrap().applied.len() < 50,
        "it got no snapshot"
    );
}

/// Seeds 9 and 15 of the simulation found stale reads here: the leader went on in its old term.
#[tokio::test(start_paused = true)]
async fn a_leader_that_comes_back_leads_in_another_term_or_not_at_all() {
    let mut cluster = Cluster::new();
    let mut engines = BTreeMap::new();
    for id in 1..=3 {
        engines.insert(id, cluster.start(id).await);
    }
    for engine in engines.values() {
        engine.bootstrap(three()).await.unwrap();
    }
    let first = leader(&engines).await;
    within("a proposal", first.propose(Add(5))).await.unwrap();
    let Status { id, leadership, .. } = first.status();
    first.stop().await;
    let again = cluster.start(id).await;
    let mut known = again.leadership();
    let known = known.wait_for(|now| now.leader.is_some());
    let now = *within("an election", known).await.unwrap();
    assert!(
        now.leader != Some(id) || now.term > leadership.term,
        "{id} leads again in term {}",
        now.term
    );
}

/// A leader once decided that a lease was over, lost and regained leadership, and only then had it revoked.
#[tokio::test(start_paused = true)]
async fn what_was_decided_in_a_term_is_not_done_in_a_later_one() {
    let mut cluster = Cluster::new();
    let mut engines = BTreeMap::new();
    for id in 1..=3 {
        engines.insert(id, cluster.start(id).await);
    }
    engines[&1].bootstrap(three()).await.unwrap();
    let first = leader(&engines).await;
    let term = first.leadership().borrow().term;
    let proposed = within("a proposal", first.propose_in(term, Add(1))).await;
    assert_eq!(proposed, Ok(1));
    let me = first.status().id;
    let other = engines.keys().find(|id| **id != me).unwrap();
    within("a transfer", first.transfer_leader(*other))
        .await
        .unwrap();
    within("a proposal", engines[other].propose(Add(1)))
        .await
        .unwrap();
    within("the way back", engines[other].transfer_leader(me))
        .await
        .unwrap();
    let mut leadership = first.leadership();
    let back = leadership.wait_for(|now| now.leader == Some(me) && now.term > term);
    let now = within("an election", back).await.unwrap().term;
    let late = within("a proposal", first.propose_in(term, Add(1))).await;
    assert!(
        matches!(late, Err(ProposeError::NotLeader { .. })),
        "{late:?}"
    );
    let proposed = within("a proposal", first.propose_in(now, Add(1))).await;
    assert_eq!(proposed, Ok(3));
}

/// A leader without a majority once asked again and again, without a pause, whether a member that had caught up could have its vote.
#[test]
fn a_vote_that_cannot_be_given_yet_is_waited_for() {
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut cluster = Cluster::new();
            let mut engines = BTreeMap::new();
            for id in 1..=3 {
                engines.insert(id, cluster.start(id).await);
            }
            engines[&1].bootstrap(three()).await.unwrap();
            let first = leader(&engines).await;
            let me = first.status().id;
            let members = cluster.wires.members.clone();
            members.lock().unwrap().retain(|id, _| *id == me);
            cluster.start(4).await;
            let adding = first.clone();
            tokio::spawn(async move { adding.add_member(4, Member::default(), false).await });
            tokio::time::sleep(Duration::from_secs(5)).await;
        });
        done.send(())
    });
    let ended = ended.recv_timeout(Duration::from_secs(60));
    ended.expect("time stands still, since somebody asks without a pause");
}

#[tokio::test(start_paused = true)]
async fn members_come_and_go() {
    let mut cluster = Cluster::new();
    let mut engines = BTreeMap::from([(1, cluster.start(1).await)]);
    let alone = BTreeMap::from([(1, Member::default())]);
    engines[&1].bootstrap(alone).await.unwrap();
    let first = leader(&engines).await;
    within("a proposal", first.propose(Add(1))).await.unwrap();
    assert_eq!(
        first.remove_member(1).await,
        Err(MembershipError::LastVoter(1))
    );
    assert_eq!(
        first.promote_member(9).await,
        Err(MembershipError::NotFound(9))
    );

    // Added before it runs, and its vote comes by itself; a learner's does not.
    for id in [2, 3] {
        let member = Member {
            peer_urls: vec![format!("http://m{id}")],
            ..Member::default()
        };
        within("adding", first.add_member(id, member, id == 3))
            .await
            .unwrap();
        engines.insert(id, cluster.start(id).await);
    }
    let again = first.add_member(3, Member::default(), true).await;
    assert_eq!(again, Err(MembershipError::Exists(3)));
    let voters = |first: &Engine| {
        let metrics = first.metrics();
        metrics.membership_config.voter_ids().collect::<Vec<_>>()
    };
    within("the second's vote", async {
        while voters(&first) != [1, 2] {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let status = first.status();
    assert!(status.members[&3].is_learner && !status.members[&2].is_learner);
    assert_eq!(status.members[&2].member.peer_urls, ["http://m2"]);
    within("the third's vote", async {
        while first.promote_member(3).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert_eq!(voters(&first), [1, 2, 3]);

    // Leadership goes where it is sent, and the old leader leaves.
    within("a transfer", first.transfer_leader(2))
        .await
        .unwrap();
    let second = engines[&2].clone();
    within("a proposal", second.propose(Add(1))).await.unwrap();
    within("a removal", second.remove_member(1)).await.unwrap();
    assert_eq!(voters(&second), [2, 3]);
    first.stop().await;
    assert_eq!(within("a proposal", second.propose(Add(1))).await, Ok(3));
    within("a read", engines[&3].read_index()).await.unwrap();
    assert_eq!(cluster.sum(3), 3);
}
