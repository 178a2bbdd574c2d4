//! Disk faults on demand, for those who want to see what comes of them: with `--chaos ADDRESS` a server takes orders there, and its
//! disks do as they are told.
//!
//! ```text
//! curl http://127.0.0.1:4711/chaos                                     what is wrong now
//! curl -X PUT http://127.0.0.1:4711/chaos -d 'full=0'                  no byte more fits
//! curl -X PUT http://127.0.0.1:4711/chaos -d 'slow_ms=200&fail=syncs'  slow, and syncs fail; no longer full
//! curl -X PUT http://127.0.0.1:4711/chaos -d ''                        all is well
//! ```
//!
//! An order says all that is wrong from then on with every disk of the server, or with the one named by `dir`. It is forgotten when the process ends.
//! Only this machine is listened to.

#[cfg(feature = "server")]
mod server;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use node::{DiskFault, DiskFaults, Failing, FileDisk};
use serde::{Deserialize, Serialize};

/// Longer than anybody waits to see a slow disk.
const SLOW_MS_MAX: u64 = 60_000;

/// The disks of a server, by directory, with what is wrong with each.
#[derive(Clone, Debug)]
pub struct Chaos(Arc<BTreeMap<PathBuf, DiskFaults>>);

/// What is to be wrong with a disk, or is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Its directory. In an order, none stands for all.
    pub dir: Option<PathBuf>,
    /// Bytes that still fit.
    pub full: Option<u64>,
    /// Milliseconds by which each read, write and sync takes longer.
    #[serde(default)]
    pub slow_ms: u64,
    /// What fails.
    #[serde(default)]
    pub fail: Fail,
}

/// What of a disk's work fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fail {
    /// Nothing.
    #[default]
    Nothing,
    /// Syncs of files and directories.
    Syncs,
    /// All of it.
    Everything,
}

impl Chaos {
    /// Nothing is wrong yet with the disks at `dirs`.
    pub fn new(dirs: &[PathBuf]) -> Chaos {
        let disks = dirs.iter().map(|dir| (dir.clone(), DiskFaults::default()));
        Chaos(Arc::new(disks.collect()))
    }

    /// The one disk at `dir`, with which `faults` is wrong, for whoever looks at that himself.
    pub fn of(dir: &Path, faults: DiskFaults) -> Chaos {
        Chaos(Arc::new([(dir.to_owned(), faults)].into()))
    }

    /// The disk at `dir`, from now on under orders.
    pub fn break_into(&self, dir: &Path, disk: FileDisk) -> FileDisk {
        match self.0.get(dir) {
            Some(faults) => disk.with_faults(faults.clone()),
            None => disk,
        }
    }

    /// Does as it is told.
    ///
    /// # Errors
    /// In words, when the order makes no sense.
    pub fn follow(&self, order: &Order) -> Result<(), String> {
        if order.slow_ms > SLOW_MS_MAX {
            return Err(format!("slow_ms is {SLOW_MS_MAX} at most"));
        }
        if let Some(dir) = order.dir.as_ref().filter(|dir| !self.0.contains_key(*dir)) {
            let dirs = self.0.keys().map(|dir| dir.display().to_string());
            let dirs = dirs.collect::<Vec<String>>().join(", ");
            return Err(format!("no disk {}; there are: {dirs}", dir.display()));
        }
        let fault = DiskFault {
            full: order.full,
            slow: Duration::from_millis(order.slow_ms),
            failing: match order.fail {
                Fail::Nothing => Failing::Nothing,
                Fail::Syncs => Failing::Syncs,
                Fail::Everything => Failing::Everything,
            },
        };
        for (dir, faults) in self.0.iter() {
            if order.dir.as_ref().is_none_or(|named| named == dir) {
                faults.set(fault);
            }
        }
        Ok(())
    }

    /// What is wrong now with each disk.
    pub fn now(&self) -> Vec<Order> {
        let order = |(dir, faults): (&PathBuf, &DiskFaults)| {
            let DiskFault {
                full,
                slow,
                failing,
            } = faults.get();
            Order {
                dir: Some(dir.clone()),
                full,
                slow_ms: u64::try_from(slow.as_millis()).unwrap_or(u64::MAX),
                fail: match failing {
                    Failing::Nothing => Fail::Nothing,
                    Failing::Syncs => Fail::Syncs,
                    Failing::Everything => Fail::Everything,
                },
            }
        };
        self.0.iter().map(order).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_says_all_that_is_wrong_with_one_disk_or_with_all() {
        let dirs = ["/a", "/b"].map(PathBuf::from);
        let chaos = Chaos::new(&dirs);
        let well = Order {
            dir: None,
            full: None,
            slow_ms: 0,
            fail: Fail::Nothing,
        };
        let of = |dir: &Path| chaos.0[dir].get();
        let slow = Order {
            dir: Some(dirs[1].clone()),
            slow_ms: 200,
            ..well.clone()
        };
        chaos.follow(&slow).unwrap();
        assert_eq!(of(&dirs[1]).slow, Duration::from_millis(200));
        assert_eq!(of(&dirs[0]), DiskFault::default());
        assert_eq!(chaos.now()[1], slow);
        let full = Order {
            full: Some(7),
            fail: Fail::Syncs,
            ..well.clone()
        };
        chaos.follow(&full).unwrap();
        let fault = DiskFault {
            full: Some(7),
            failing: Failing::Syncs,
            ..DiskFault::default()
        };
        assert_eq!(of(&dirs[1]), fault);
        let elsewhere = Order {
            dir: Some("/c".into()),
            ..well.clone()
        };
        let refusal = chaos.follow(&elsewhere).unwrap_err();
        assert_eq!(refusal, "no disk /c; there are: /a, /b");
        chaos.follow(&well).unwrap();
        assert_eq!(of(&dirs[1]), DiskFault::default());
    }
}
