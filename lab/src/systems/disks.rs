//! What can be done to the disks of nodes: each does it to itself, as it is told by way of its `--chaos` address, so that neither root nor
//! a file system of its own is needed.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use sim::DiskView;

use crate::lab::{Condition, Lab, NodeView, lock};
use crate::system::{Deed, Order, Param, Target, When};

/// How long a node may take to answer over HTTP.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// How often the nodes are asked how their disks are.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What is wrong with the disk of a node, as the node itself says. It lasts as long as the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
struct DiskFault {
    /// Bytes that still fit, if it is about to be full.
    full: Option<u64>,
    /// Milliseconds by which each read, write and sync takes longer.
    slow_ms: u64,
    /// What fails.
    fail: Fail,
}

/// Which operations of a disk fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Fail {
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
    fn view(&self) -> DiskView {
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

/// What can be done to disks by a button.
pub(super) fn deeds(roles: &'static [&'static str]) -> Vec<Deed> {
    const RUNS: &[&str] = &["up"];
    let deed = |id, label, title| Deed {
        id,
        label,
        title,
        group: Some("disk"),
        on: Target::Node,
        roles,
        when: When { process: RUNS },
        param: None,
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
    ]
}

/// The disks of a lab's nodes.
#[derive(Debug)]
pub(super) struct Disks {
    lab: Arc<Lab>,
    /// What is wrong, by node.
    faults: Mutex<BTreeMap<String, DiskFault>>,
}

impl Disks {
    /// The disks of `lab`. The nodes are asked how they are, for as long as the lab is open: a shell can give orders too.
    pub(super) fn of(lab: &Arc<Lab>) -> Arc<Disks> {
        let disks = Arc::new(Disks {
            lab: lab.clone(),
            faults: Mutex::default(),
        });
        let watched = Arc::downgrade(&disks);
        std::thread::spawn(move || {
            while let Some(disks) = watched.upgrade().filter(|disks| disks.lab.is_open()) {
                for node in disks.lab.nodes() {
                    disks.look_at(&node);
                }
                drop(disks);
                std::thread::sleep(LOOK_EVERY);
            }
        });
        disks
    }

    /// Does one of the [`deeds`]; none of them is an error.
    pub(super) fn perform(&self, deed: &str, order: &Order) -> Result<()> {
        let name = order.node()?;
        match deed {
            "fill" => self.change(name, "is full", |fault| fault.full = Some(0)),
            "free" => self.change(name, "has room again", |fault| fault.full = None),
            "slow-disk" => {
                let ms = order.value.context("say by how many milliseconds")?;
                ensure!(
                    (0.0..=60_000.0).contains(&ms),
                    "slow a disk by 0 to 60000 ms"
                );
                self.slow(name, Duration::from_secs_f64(ms / 1000.0))
            }
            "fail-syncs" => self.change(name, "fails to sync", |fault| fault.fail = Fail::Syncs),
            "mend-disk" => self.mend(name),
            _ => bail!("there is no deed {deed}"),
        }
    }

    fn slow(&self, name: &str, longer: Duration) -> Result<()> {
        let ms = u64::try_from(longer.as_millis()).unwrap_or(u64::MAX);
        let text = match ms {
            0 => "is as fast as ever".to_owned(),
            ms => format!("is slow: each operation takes {ms} ms longer"),
        };
        self.change(name, &text, |fault| fault.slow_ms = ms)
    }

    fn mend(&self, name: &str) -> Result<()> {
        self.change(name, "is well", |fault| *fault = DiskFault::default())
    }

    /// Takes every fault from every disk.
    pub(super) fn undo(&self) -> Result<()> {
        let faulty = self.faults().into_iter();
        let mended: Vec<Result<()>> = faulty.map(|(name, _)| self.mend(&name)).collect();
        mended.into_iter().collect()
    }

    fn change(&self, name: &str, text: &str, change: impl FnOnce(&mut DiskFault)) -> Result<()> {
        let address = self.lab.address(name, "chaos")?;
        let mut fault = ask(&address, "GET", "")
            .with_context(|| format!("{name} does not say how its disk is"))?;
        change(&mut fault);
        let order = fault.order();
        ask(&address, "PUT", &order).with_context(|| format!("{name} does not follow"))?;
        lock(&self.faults).insert(name.to_owned(), fault);
        let command = format!("curl -X PUT http://{address}/chaos -d '{order}'");
        self.lab
            .recorder
            .action(Some(name), format!("the disk of {name} {text}"), &command);
        Ok(())
    }

    fn look_at(&self, node: &NodeView) {
        let name = node.name.as_str();
        let fault = match node.process {
            // Some nodes take no orders.
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
            lock(&self.faults).insert(name.to_owned(), fault);
        }
    }

    /// What is wrong, of nodes with which something is.
    fn faults(&self) -> Vec<(String, DiskFault)> {
        let faults = lock(&self.faults).clone().into_iter();
        let faults = faults.filter(|(_, fault)| *fault != DiskFault::default());
        faults.collect()
    }

    /// The same, as the member `disks` of the state document.
    pub(super) fn document(&self) -> Value {
        let faults = self.faults().into_iter();
        let shown = faults.map(|(name, fault)| (name, json!(fault.view())));
        Value::Object(shown.collect())
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
