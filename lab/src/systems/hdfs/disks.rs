//! What can be done to the disks of a node: the node does it to itself, as it is told by way of its `--chaos` address, so that
//! neither root nor a file system of its own is needed.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Weak;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use sim::DiskView;

use super::Hdfs;
use crate::lab::{Condition, NodeView, lock, quoted};
use crate::system::{Deed, Order, Param, Target, When};

/// How long a node may take to answer over HTTP.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// How often the nodes are asked how their disks are.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What is wrong with the disk of a node, as the node itself says. It lasts as long as the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct DiskFault {
    /// Bytes that still fit, if it is about to be full.
    pub(crate) full: Option<u64>,
    /// Milliseconds by which each read, write and sync takes longer.
    pub(crate) slow_ms: u64,
    /// What fails.
    pub(crate) fail: Fail,
}

/// Which operations of a disk fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fail {
    #[default]
    Nothing,
    Syncs,
    Everything,
}

impl DiskFault {
    fn failing(&self) -> Option<&'static str> {
        match self.fail {
            Fail::Nothing => None,
            Fail::Syncs => Some("syncs"),
            Fail::Everything => Some("everything"),
        }
    }

    /// The same, as the state document has it.
    pub(super) fn view(&self) -> DiskView {
        DiskView {
            full: self.full.map(|_| true),
            slow_ms: Some(self.slow_ms).filter(|ms| *ms > 0),
            failing: self.failing().map(str::to_owned),
        }
    }

    /// The order that says so.
    fn order(&self) -> String {
        let full = self.full.map(|bytes| format!("full={bytes}"));
        let slow = (self.slow_ms > 0).then(|| format!("slow_ms={}", self.slow_ms));
        let fail = self.failing().map(|what| format!("fail={what}"));
        let parts: Vec<String> = [full, slow, fail].into_iter().flatten().collect();
        parts.join("&")
    }
}

/// Asks the nodes how their disks are, for as long as the cluster is there: a shell can give orders too.
pub(super) fn start(hdfs: Weak<Hdfs>) {
    std::thread::spawn(move || {
        while let Some(hdfs) = hdfs.upgrade().filter(|hdfs| hdfs.lab.is_open()) {
            for node in hdfs.lab.nodes() {
                hdfs.look_at_disk(&node);
            }
            drop(hdfs);
            std::thread::sleep(LOOK_EVERY);
        }
    });
}

/// What can be done to disks by a button.
pub(super) fn deeds() -> Vec<Deed> {
    const ALL: &[&str] = &["namenode", "datanode"];
    const RUNS: &[&str] = &["up"];
    let deed = |id, label, title| Deed {
        id,
        label,
        title,
        group: Some("disk"),
        on: Target::Node,
        roles: ALL,
        when: When { process: RUNS },
        param: None,
    };
    let of_datanodes = |deed, process| Deed {
        roles: &["datanode"],
        when: When { process },
        ..deed
    };
    let longer = Param {
        name: "ms",
        label: "Longer by",
        unit: "ms",
        min: 0.0,
        max: 10_000.0,
        value: 200.0,
    };
    vec![
        deed("fill", "Fill the disk", "No byte more fits on the disk"),
        deed(
            "free",
            "Free the disk",
            "Make room again on a disk that was filled",
        ),
        Deed {
            param: Some(longer),
            ..deed(
                "slow-disk",
                "Slow the disk",
                "Make each read, write and sync take longer",
            )
        },
        deed(
            "fail-syncs",
            "Fail syncs",
            "Have the next sync of the disk fail",
        ),
        deed(
            "mend-disk",
            "Mend the disk",
            "Take every fault from the disk",
        ),
        of_datanodes(
            deed(
                "flip",
                "Flip a bit",
                "Change a bit of a replica on the disk, which does not notice",
            ),
            &[],
        ),
        of_datanodes(
            deed(
                "wipe",
                "Wipe the disk",
                "Replace the disk by an empty one, and start the node anew",
            ),
            &["up", "paused", "down"],
        ),
    ]
}

impl Hdfs {
    /// Does one of the deeds.
    pub(super) fn break_disk(&self, deed: &str, order: &Order) -> Result<()> {
        let name = order.node()?;
        match deed {
            "fill" => self.fill(name),
            "free" => self.free(name),
            "slow-disk" => {
                let ms = order.value.context("say by how many milliseconds")?;
                ensure!(
                    (0.0..=60_000.0).contains(&ms),
                    "slow a disk by 0 to 60000 ms"
                );
                self.slow_disk(name, Duration::from_secs_f64(ms / 1000.0))
            }
            "fail-syncs" => self.fail_syncs(name),
            "mend-disk" => self.mend_disk(name),
            "flip" => self.rot_any(name),
            "wipe" => self.wipe(name),
            _ => bail!("there is no deed {deed}"),
        }
    }

    /// Takes every fault from every disk.
    pub(super) fn mend_disks(&self) -> Result<()> {
        let faulty = self.disk_faults().into_iter();
        let mended: Vec<Result<()>> = faulty.map(|(name, _)| self.mend_disk(&name)).collect();
        mended.into_iter().collect()
    }

    /// No byte more fits on the disk of the node `name`.
    pub(crate) fn fill(&self, name: &str) -> Result<()> {
        self.change_disk(name, "is full", |fault| fault.full = Some(0))
    }

    /// There is room again on the disk of the node `name`.
    pub(crate) fn free(&self, name: &str) -> Result<()> {
        self.change_disk(name, "has room again", |fault| fault.full = None)
    }

    /// Each read, write and sync of the node `name` takes so much longer.
    pub(crate) fn slow_disk(&self, name: &str, longer: Duration) -> Result<()> {
        let ms = u64::try_from(longer.as_millis()).unwrap_or(u64::MAX);
        let text = match ms {
            0 => "is as fast as ever".to_owned(),
            ms => format!("is slow: each operation takes {ms} ms longer"),
        };
        self.change_disk(name, &text, |fault| fault.slow_ms = ms)
    }

    /// The next sync of the node `name` fails.
    pub(crate) fn fail_syncs(&self, name: &str) -> Result<()> {
        self.change_disk(name, "fails to sync", |fault| fault.fail = Fail::Syncs)
    }

    /// Nothing is wrong any more with the disk of the node `name`.
    pub(crate) fn mend_disk(&self, name: &str) -> Result<()> {
        self.change_disk(name, "is well", |fault| *fault = DiskFault::default())
    }

    fn change_disk(
        &self,
        name: &str,
        text: &str,
        change: impl FnOnce(&mut DiskFault),
    ) -> Result<()> {
        let address = self.lab.address(name, "chaos")?;
        let mut fault = ask(&address, "GET", "")
            .with_context(|| format!("{name} does not say how its disk is"))?;
        change(&mut fault);
        let order = fault.order();
        ask(&address, "PUT", &order).with_context(|| format!("{name} does not follow"))?;
        lock(&self.disks).insert(name.to_owned(), fault);
        let command = format!("curl -X PUT http://{address}/chaos -d '{order}'");
        self.lab
            .recorder
            .action(Some(name), format!("the disk of {name} {text}"), &command);
        Ok(())
    }

    fn look_at_disk(&self, node: &NodeView) {
        let name = node.name.as_str();
        let fault = match node.process {
            Condition::Up => self
                .lab
                .address(name, "chaos")
                .and_then(|address| ask(&address, "GET", "")),
            Condition::Down => Ok(DiskFault::default()),
            // Its disk is as it was.
            Condition::Paused | Condition::Changing => return,
        };
        // If it does not answer, the next look will tell.
        if let Ok(fault) = fault {
            lock(&self.disks).insert(name.to_owned(), fault);
        }
    }

    /// What is wrong with disks, of nodes with which something is.
    pub(crate) fn disk_faults(&self) -> Vec<(String, DiskFault)> {
        let disks = lock(&self.disks).clone().into_iter();
        let faults = disks.filter(|(_, fault)| *fault != DiskFault::default());
        faults.collect()
    }

    /// Kills the DataNode `name`, empties its disk, and starts it anew: as if the disk had been replaced.
    pub(crate) fn wipe(&self, name: &str) -> Result<()> {
        ensure!(
            self.lab.role(name)? == "datanode",
            "without the NameNode's disk nobody knows what the blocks are of; wipe a DataNode's"
        );
        let dir = self.lab.dir(name);
        if self.lab.pid(name).is_ok() {
            self.lab.kill(name)?;
        }
        let shown = dir.display();
        fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {shown}"))?;
        self.lab.recorder.action(
            Some(name),
            format!("the disk of {name} is replaced by an empty one"),
            &format!("rm -r {}", quoted(&shown.to_string())),
        );
        self.lab.start(name)
    }
}

/// Asks a node how its disk is, or orders it so. The nodes of the lab have one each.
fn ask(address: &str, method: &str, order: &str) -> Result<DiskFault> {
    let answer = request(address, method, "/chaos", order)?;
    let disks: Vec<DiskFault> = serde_json::from_str(&answer)?;
    disks.first().copied().context("it names no disk")
}

/// Asks a server over HTTP. Returns the body of its answer.
pub(super) fn request(address: &str, method: &str, path: &str, body: &str) -> Result<String> {
    let ask = || -> Result<String> {
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(ANSWER_MAX))?;
        let len = body.len();
        write!(
            socket,
            "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {len}\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().with_context(|| format!("cannot ask {address}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if head.split(' ').nth(1) != Some("200") {
        bail!("{address} answers: {}", body.trim());
    }
    Ok(body.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_says_all_that_is_wrong() {
        assert_eq!(DiskFault::default().order(), "");
        let fault = DiskFault {
            full: Some(0),
            slow_ms: 200,
            fail: Fail::Syncs,
        };
        assert_eq!(fault.order(), "full=0&slow_ms=200&fail=syncs");
    }
}
