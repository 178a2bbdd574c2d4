//! Torture: members killed (`kill -9`) and stopped (`SIGSTOP`) at random under readers and writers; afterwards what the clients saw must be
//! linearizable, key by key, and all members must hold the same.
//!
//! ```text
//! raft-kv torture --minutes 10
//! raft-kv torture --members 5 --seed 7 -- --snapshot-count 100
//! ```
//!
//! The simulation finds more, faster, and replays it. What it cannot see is what a kernel makes of processes, sockets and files. The seed
//! fixes what is asked for and what is done to members, not what the machine makes of that: a failure leaves its directories, what
//! the clients saw (`history.json`) and a picture of the proof (`violation.svg`).

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use history::models::{Kv, RegisterInput, RegisterOutput};
use history::{History, Verdict, check, draw};
use node::Rng;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::local_cluster::LocalCluster;
use crate::client::{Client, ClientError, pb};
use pb::compare::{CompareResult, CompareTarget, TargetUnion};
use pb::request_op::Request;

/// How long a client waits for an answer; then it goes on, and does not know.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Keys that are in use at a time.
const KEYS: u64 = 5;
/// Then they are others: a short history is checked sooner.
const KEYS_LAST: Duration = Duration::from_secs(4);
/// How long a member may take to start, and the cluster to be whole again.
const PATIENCE: Duration = Duration::from_secs(60);
/// Steps of the checker for all keys: some minutes at most.
const STEPS_MAX: u64 = 100_000_000;

type Recorded = History<(String, RegisterInput), RegisterOutput>;

/// How long, and with which luck.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How long members are killed
    #[arg(long, value_name = "N", default_value_t = 1.0)]
    pub minutes: f64,
    /// Draw what is done from this number [default: one that is drawn]
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// How many members
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=9))]
    pub members: u16,
    /// How many clients
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub clients: u64,
    /// Keep everything in DIR, also when it ends well [default: a temporary directory, kept on failure]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Flags of `raft-kv serve` for every member
    #[arg(last = true, value_name = "FLAGS")]
    pub flags: Vec<String>,
}

/// Prints a line. Whoever reads may have gone, which ends nothing.
fn tell(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// What everybody who takes part in it shares.
struct Torture {
    begun: Instant,
    is_over: AtomicBool,
    history: Mutex<Recorded>,
    answered: AtomicU64,
    unanswered: AtomicU64,
}

/// Tortures a cluster of `program serve`.
///
/// # Errors
/// When what the clients saw is not linearizable, or nobody can say; when members differ, or the cluster does not get well.
pub fn run(program: &Path, options: &Options) -> Result<()> {
    let temporary = TempDir::with_prefix("raft-kv-torture-")?;
    let dir = options.dir.clone().unwrap_or(temporary.path().to_owned());
    let seed = match options.seed {
        Some(seed) => seed,
        None => getrandom::u64().context("cannot draw a seed")?,
    };
    tell(&format!("seed {seed}, in {}", dir.display()));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let ran = runtime.block_on(torture(program, options, &dir, seed));
    if ran.is_err() {
        let kept = if options.dir.is_none() {
            temporary.keep()
        } else {
            dir
        };
        return ran
            .with_context(|| format!("seed {seed}; everything is left in {}", kept.display()));
    }
    ran
}

async fn torture(program: &Path, options: &Options, dir: &Path, seed: u64) -> Result<()> {
    let mut rng = Rng::new(seed);
    let mut cluster = LocalCluster::prepare(program, options.members, dir, &options.flags)?;
    cluster.start()?;
    let client = cluster.ready().await?.with_timeout(TIMEOUT);
    let torture = Arc::new(Torture {
        begun: Instant::now(),
        is_over: AtomicBool::new(false),
        history: Mutex::default(),
        answered: AtomicU64::new(0),
        unanswered: AtomicU64::new(0),
    });
    let mut clients = JoinSet::new();
    for number in 0..options.clients {
        clients.spawn(ask(torture.clone(), client.clone(), number, rng.fork()));
    }
    let end = torture.begun + Duration::from_secs_f64(options.minutes.max(0.0) * 60.0);
    let done = hurt(&mut cluster, &mut rng, end).await;
    torture.is_over.store(true, Ordering::Relaxed);
    while let Some(ended) = clients.join_next().await {
        ended.context("a client panicked")?;
    }
    tell(&format!("{}; {}", done?, torture.tell()));
    let same = settle(&client).await;
    judge(&torture, dir)?;
    tell(&format!("all members hold the same at revision {}", same?));
    cluster.stop();
    Ok(())
}

impl Torture {
    fn history(&self) -> std::sync::MutexGuard<'_, Recorded> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) -> String {
        let [answered, unanswered] =
            [&self.answered, &self.unanswered].map(|count| count.load(Ordering::Relaxed));
        format!("{answered} operations were answered, {unanswered} were not")
    }
}

/// Kills and stops members until `end`, then has all run. Says what it did.
async fn hurt(cluster: &mut LocalCluster, rng: &mut Rng, end: Instant) -> Result<String> {
    let (mut kills, mut stops) = (0, 0);
    while Instant::now() < end {
        sleep(Duration::from_millis(300 + rng.below(2500))).await;
        // Most often one, sometimes a majority.
        let mut victims: Vec<usize> = (0..cluster.members.len()).collect();
        rng.shuffle(&mut victims);
        let count = if rng.percent(80) {
            1
        } else {
            victims.len() / 2 + 1
        };
        victims.truncate(count);
        let is_kill = rng.percent(60);
        for victim in &victims {
            let member = &mut cluster.members[*victim];
            if is_kill {
                member.kill();
                kills += 1;
            } else {
                member.pause()?;
                stops += 1;
            }
        }
        sleep(Duration::from_millis(rng.below(4000))).await;
        for victim in victims {
            let member = &mut cluster.members[victim];
            if is_kill {
                member.start(PATIENCE)?;
            } else {
                member.resume()?;
            }
        }
        for (place, member) in cluster.members.iter_mut().enumerate() {
            ensure!(
                member.is_running(),
                "member {} has ended by itself; see its log",
                place + 1
            );
        }
    }
    Ok(format!("{kills} kills, {stops} stops"))
}

/// One client: one thing after the other, all recorded.
async fn ask(torture: Arc<Torture>, client: Client, number: u64, mut rng: Rng) {
    let mut last_seen = None;
    for n in 0.. {
        if torture.is_over.load(Ordering::Relaxed) {
            return;
        }
        let epoch = torture.begun.elapsed().as_secs() / KEYS_LAST.as_secs();
        let key = format!("torture/{epoch}/{}", rng.below(KEYS));
        let value = || Some(format!("{number}.{n}"));
        let input = match rng.below(10) {
            0..5 => RegisterInput::Read,
            5..9 => RegisterInput::Write(value()),
            _ => RegisterInput::Cas {
                from: last_seen.take(),
                to: value(),
            },
        };
        let id = torture.history().call(number, (key.clone(), input.clone()));
        match perform(&client, key, input).await {
            Ok(output) => {
                if let RegisterOutput::Value(value) = &output {
                    last_seen.clone_from(value);
                }
                torture.history().returned(id, output);
                torture.answered.fetch_add(1, Ordering::Relaxed);
            }
            // Whatever it says, it may have been carried out.
            Err(_) => {
                torture.unanswered.fetch_add(1, Ordering::Relaxed);
                sleep(Duration::from_millis(rng.below(200))).await;
            }
        }
    }
}

async fn perform(
    client: &Client,
    key: String,
    input: RegisterInput,
) -> Result<RegisterOutput, ClientError> {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    match input {
        RegisterInput::Read => {
            let found = client.get(key).await?;
            Ok(RegisterOutput::Value(found.map(|found| text(found.value))))
        }
        RegisterInput::Write(value) => {
            client.put(key, value.unwrap_or_default(), 0).await?;
            Ok(RegisterOutput::Written)
        }
        RegisterInput::Cas { from, to } => {
            let key = key.into_bytes();
            let (target, union) = match from {
                Some(from) => (CompareTarget::Value, TargetUnion::Value(from.into_bytes())),
                None => (CompareTarget::Version, TargetUnion::Version(0)),
            };
            let compare = pb::Compare {
                result: CompareResult::Equal.into(),
                target: target.into(),
                key: key.clone(),
                target_union: Some(union),
                range_end: Vec::new(),
            };
            let put = pb::PutRequest {
                key,
                value: to.unwrap_or_default().into_bytes(),
                ..Default::default()
            };
            let request = pb::TxnRequest {
                compare: vec![compare],
                success: vec![pb::RequestOp {
                    request: Some(Request::RequestPut(put)),
                }],
                failure: vec![],
            };
            Ok(RegisterOutput::Swapped(
                client.txn(request).await?.succeeded,
            ))
        }
    }
}

/// Waits until everybody answers again, and holds the same: the revision at which that was compared.
async fn settle(client: &Client) -> Result<i64> {
    let began = Instant::now();
    let patient = client.clone().with_timeout(PATIENCE);
    let revision = patient
        .put("torture/end", "", 0)
        .await
        .context("nobody takes writes, though all run")?;
    let mut hashes: Vec<(String, u32)> = Vec::new();
    for (url, member) in patient.each() {
        // A linearizable read waits until the member has applied what came before.
        member
            .get("torture/end")
            .await
            .with_context(|| format!("{url} does not answer, though all run"))?;
        let hash = member
            .hash_kv(revision)
            .await
            .with_context(|| format!("{url} has no hash"))?;
        hashes.push((url.to_string(), hash.hash));
    }
    ensure!(
        hashes.iter().all(|(_, hash)| *hash == hashes[0].1),
        "members differ at revision {revision}: {hashes:?}"
    );
    tell(&format!(
        "whole again after {:.1} s",
        began.elapsed().as_secs_f64()
    ));
    Ok(revision)
}

fn judge(torture: &Torture, dir: &Path) -> Result<()> {
    let history = torture.history();
    let began = Instant::now();
    let verdict = check(&Kv::default(), &history, STEPS_MAX);
    let seconds = began.elapsed().as_secs_f64();
    let text = match &verdict {
        Verdict::Linearizable { steps, .. } => {
            tell(&format!("linearizable ({steps} steps, {seconds:.1} s)"));
            return Ok(());
        }
        Verdict::Violation(violation) => violation.to_string(),
        Verdict::Unknown { steps } => {
            format!("not known whether it is linearizable: {steps} steps were not enough")
        }
    };
    let mut json = Vec::new();
    history.write_json(&mut json)?;
    std::fs::write(dir.join("history.json"), json)?;
    if let Some(violation) = verdict.violation() {
        std::fs::write(
            dir.join("violation.svg"),
            draw::draw(violation, "What the clients saw"),
        )?;
    }
    bail!(text)
}
