//! What can be done to the disks of a node: the node does it to itself, as it is told by way of its `--chaos` address, so that
//! neither root nor a file system of its own is needed.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;

use super::{Hdfs, NAMENODE};
use crate::system::{Deed, Order, Param, Target, When};

/// How long a node may take to answer over HTTP.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// What is wrong with the disk of a node. It lasts as long as the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct DiskFault {
    /// Bytes that still fit, if it is about to be full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) full: Option<u64>,
    /// Milliseconds by which each read, write and sync takes longer.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) slow_ms: u64,
    /// Syncs fail.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) syncs_fail: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl DiskFault {
    /// The order that says so.
    fn order(&self) -> String {
        let full = self.full.map(|bytes| format!("full={bytes}"));
        let slow = (self.slow_ms > 0).then(|| format!("slow_ms={}", self.slow_ms));
        let fail = self.syncs_fail.then(|| "fail=syncs".to_owned());
        let parts: Vec<String> = [full, slow, fail].into_iter().flatten().collect();
        parts.join("&")
    }
}

/// What can be done to disks by a button.
pub(super) fn deeds() -> Vec<Deed> {
    const ALL: &[&str] = &["namenode", "datanode"];
    const RUNS: &[&str] = &["up"];
    let deed = |id, label, title, undo| Deed {
        id,
        label,
        title,
        group: Some("disk"),
        on: Target::Node,
        roles: ALL,
        when: When { process: RUNS },
        param: None,
        undo,
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
        deed(
            "fill",
            "Fill the disk",
            "No byte more fits on the disk",
            Some("free"),
        ),
        deed(
            "free",
            "Free the disk",
            "Make room again on a disk that was filled",
            None,
        ),
        Deed {
            param: Some(longer),
            ..deed(
                "slow-disk",
                "Slow the disk",
                "Make each read, write and sync take longer",
                Some("mend-disk"),
            )
        },
        deed(
            "fail-syncs",
            "Fail syncs",
            "Have the next sync of the disk fail",
            None,
        ),
        deed(
            "mend-disk",
            "Mend the disk",
            "Take every fault from the disk",
            None,
        ),
        of_datanodes(
            deed(
                "flip",
                "Flip a bit",
                "Change a bit of a replica on the disk, which does not notice",
                None,
            ),
            &[],
        ),
        of_datanodes(
            deed(
                "wipe",
                "Wipe the disk",
                "Replace the disk by an empty one, and start the node anew",
                None,
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
                self.slow_disk(name, ms.round() as u64)
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

    /// Each read, write and sync of the node `name` takes so many milliseconds longer; with 0, no longer.
    pub(crate) fn slow_disk(&self, name: &str, ms: u64) -> Result<()> {
        let text = match ms {
            0 => "is as fast as ever".to_owned(),
            ms => format!("is slow: each operation takes {ms} ms longer"),
        };
        self.change_disk(name, &text, |fault| fault.slow_ms = ms)
    }

    /// The next sync of the node `name` fails.
    pub(crate) fn fail_syncs(&self, name: &str) -> Result<()> {
        self.change_disk(name, "fails to sync", |fault| fault.syncs_fail = true)
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
        let mut disks = super::lock(&self.disks);
        let address = self.lab.address(name, "chaos")?;
        let pid = self.lab.pid(name)?;
        // A new process knows nothing of the old one's orders.
        let known = disks.get(name).filter(|(of, _)| *of == pid);
        let mut fault = known.map_or_else(DiskFault::default, |(_, fault)| *fault);
        change(&mut fault);
        let order = fault.order();
        request(&address, "PUT", "/chaos", &order)
            .with_context(|| format!("{name} does not take the order"))?;
        disks.insert(name.to_owned(), (pid, fault));
        drop(disks);
        let command = format!("curl -X PUT http://{address}/chaos -d '{order}'");
        self.lab
            .recorder
            .action(Some(name), format!("the disk of {name} {text}"), &command);
        Ok(())
    }

    /// What is wrong with disks, of nodes with which something is.
    pub(crate) fn disk_faults(&self) -> Vec<(String, DiskFault)> {
        let disks = super::lock(&self.disks).clone();
        let faults = disks.into_iter().filter(|(name, (pid, fault))| {
            *fault != DiskFault::default() && self.lab.pid(name).is_ok_and(|now| now == *pid)
        });
        faults.map(|(name, (_, fault))| (name, fault)).collect()
    }

    /// Kills the DataNode `name`, empties its disk, and starts it anew: as if the disk had been replaced.
    pub(crate) fn wipe(&self, name: &str) -> Result<()> {
        if name == NAMENODE {
            bail!(
                "without the NameNode's disk nobody knows what the blocks are of; wipe a DataNode's"
            );
        }
        let dir = self.lab.dir(name);
        if self.lab.pid(name).is_ok() {
            self.lab.kill(name)?;
        }
        let shown = dir.display();
        fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {shown}"))?;
        self.lab.recorder.action(
            Some(name),
            format!("the disk of {name} is replaced by an empty one"),
            &format!("rm -r {shown}"),
        );
        self.lab.start(name)
    }
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
            syncs_fail: true,
        };
        assert_eq!(fault.order(), "full=0&slow_ms=200&fail=syncs");
    }
}
