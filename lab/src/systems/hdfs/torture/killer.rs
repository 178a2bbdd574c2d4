//! Who kills: one process after the other, at moments drawn, some of them chosen to hurt.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Result;
use node::Rng;

use super::{SIZE, Torture, add, namenode_dir};
use crate::lab::lock;
use crate::systems::hdfs::NAMENODE;

/// How long to wait for a checkpoint to kill the NameNode in.
const CHECKPOINT_MAX: Duration = Duration::from_secs(3);

/// When to strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// A DataNode, at any time.
    DataNode,
    /// A DataNode, and a moment later another one: pipelines of the first are being rebuilt then.
    InRecovery,
    /// The NameNode, at any time.
    NameNode,
    /// The NameNode, while it writes an image.
    InCheckpoint,
}

const MOMENTS: &[Moment] = &[
    Moment::DataNode,
    Moment::DataNode,
    Moment::DataNode,
    Moment::InRecovery,
    Moment::InRecovery,
    Moment::NameNode,
    Moment::InCheckpoint,
];

/// Kills until there were `kills`, or for `limit`; whatever is down then is started again.
pub(super) fn kill(
    torture: &Torture,
    mut rng: Rng,
    kills: Option<u64>,
    limit: Duration,
) -> Result<()> {
    let enough = || {
        let (done, wanted) = (torture.kills(), kills.unwrap_or(u64::MAX));
        done >= wanted || torture.begun.elapsed() >= limit || torture.ledger.has_failed()
    };
    while !enough() {
        pause(&mut rng, 400);
        let moment = rng.choose(MOMENTS).copied().unwrap_or(Moment::DataNode);
        let victims = match moment {
            Moment::DataNode => vec![datanode(&mut rng)],
            Moment::InRecovery => two_datanodes(&mut rng),
            Moment::NameNode => vec![NAMENODE.to_owned()],
            Moment::InCheckpoint => {
                let hit = wait_for_checkpoint(&namenode_dir(&torture.lab));
                add(&torture.counts.killed_in_checkpoints, u64::from(hit));
                vec![NAMENODE.to_owned()]
            }
        };
        for (n, victim) in victims.iter().enumerate() {
            if n > 0 {
                pause(&mut rng, 40);
                add(&torture.counts.killed_in_recoveries, 1);
            }
            strike(torture, victim)?;
        }
        pause(&mut rng, 700);
        for victim in &victims {
            torture.lab.start(victim)?;
            torture.note(&format!("{victim} is started"));
        }
    }
    Ok(())
}

fn strike(torture: &Torture, victim: &str) -> Result<()> {
    torture.lab.kill(victim)?;
    lock(&torture.killed).insert(victim.to_owned(), Instant::now());
    torture.note(&format!("{victim} is killed"));
    let count = if victim == NAMENODE {
        &torture.counts.namenodes_killed
    } else {
        &torture.counts.datanodes_killed
    };
    count.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

fn datanode(rng: &mut Rng) -> String {
    format!("dn{}", 1 + rng.below(u64::from(SIZE.datanodes)))
}

fn two_datanodes(rng: &mut Rng) -> Vec<String> {
    let first = datanode(rng);
    loop {
        let second = datanode(rng);
        if second != first {
            return vec![first, second];
        }
    }
}

/// The moment of a strike is what is drawn here; nothing waits for this.
fn pause(rng: &mut Rng, ms_max: u64) {
    std::thread::sleep(Duration::from_millis(rng.below(ms_max)));
}

/// Waits until the NameNode is writing an image: there is a file that is not finished. False if that takes too long.
fn wait_for_checkpoint(dir: &Path) -> bool {
    let end = Instant::now() + CHECKPOINT_MAX;
    while Instant::now() < end {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        let mut names = entries.map(|entry| entry.file_name());
        if names.any(|name| name.to_string_lossy().ends_with(".new")) {
            return true;
        }
    }
    false
}
