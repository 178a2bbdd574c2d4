//! What can be done to the disks of a node: the node does it to itself, as it is told by way of its `--chaos` address, so that
//! neither root nor a file system of its own is needed.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::Hdfs;

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

impl Hdfs {
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
            .journal
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
        if name == super::NAMENODE {
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
        self.lab.journal.action(
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
