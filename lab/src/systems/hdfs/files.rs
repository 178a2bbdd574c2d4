//! What the lab's client does with files, through the links that are its own. It remembers a checksum of whatever it
//! was told is safe, to compare with what it reads later.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use mini_hdfs::error::FsError;
use mini_hdfs::namenode::hosts::Wish;
use mini_hdfs::server::balancer::{self, BalancerSettings, ExitStatus};
use mini_hdfs::server::connector::Connector;
use mini_hdfs::server::dfs_client::{ClientSettings, CreateOptions, DfsClient};
use serde::Serialize;

use sim::Level;

use super::{Hdfs, Sample, lock};
use crate::lab::quoted;

const PIECE_BYTES: usize = 64 << 10;
/// Between two attempts to take a file over.
const ASK_EVERY: Duration = Duration::from_millis(200);
/// A paused node is given up after this long; in earnest, that is a minute.
const SILENCE_MAX: Duration = Duration::from_secs(5);
const RETRY_WINDOW: Duration = Duration::from_millis(500);
/// Four blocks and a bit.
const SAMPLE_BYTES: u64 = (4 << 20) + (300 << 10);

/// What was read, or written.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Checked {
    /// The file.
    pub(crate) path: String,
    /// Its length in bytes.
    pub(crate) len: u64,
    /// CRC32C of its bytes, in hexadecimal digits.
    pub(crate) checksum: String,
    /// The checksum of what was acknowledged, if it was written through the lab.
    pub(crate) acknowledged: Option<String>,
    /// Whether both are the same, if there are both.
    pub(crate) same: Option<bool>,
}

/// The lab's client.
#[derive(Debug)]
pub(super) struct Files {
    client: DfsClient,
    /// Checksums of what was acknowledged, by path.
    acknowledged: Mutex<BTreeMap<String, String>>,
    samples: AtomicU64,
}

impl Files {
    /// A client of the NameNode at `address` that dials through the listener `socks`.
    pub(super) fn new(address: &str, socks: SocketAddr) -> Result<Files> {
        let mut settings = ClientSettings::new(address, "lab");
        settings.connector = Connector::socks5(socks);
        settings.socket_timeout = SILENCE_MAX;
        settings.retry_window = RETRY_WINDOW;
        Ok(Files {
            client: DfsClient::connect(settings)?,
            acknowledged: Mutex::default(),
            samples: AtomicU64::new(0),
        })
    }

    /// Reads the file at `path`, and compares it with what was acknowledged.
    pub(super) fn check(&self, path: &str) -> Result<Checked> {
        let mut file = self.open(path)?;
        let (len, checksum) =
            copy(&mut *file, &mut io::sink()).with_context(|| format!("cannot read {path}"))?;
        let acknowledged = lock(&self.acknowledged).get(path).cloned();
        Ok(Checked {
            path: path.to_owned(),
            len,
            same: acknowledged
                .as_ref()
                .map(|acknowledged| *acknowledged == checksum),
            acknowledged,
            checksum,
        })
    }

    /// A client of its own, with the same settings.
    pub(super) fn another_client(&self) -> Result<DfsClient> {
        Ok(DfsClient::connect(self.client.settings().clone())?)
    }

    /// Writes and flushes a file as a client of its own, which then falls silent for ever.
    fn put_and_die(&self, path: &str, contents: &mut dyn Read) -> Result<String> {
        let dying = self.another_client()?;
        let mut file = dying.create(path, CreateOptions::default())?;
        let (_, checksum) =
            copy(contents, &mut file).with_context(|| format!("cannot write {path}"))?;
        file.hflush()?;
        lock(&self.acknowledged).insert(path.to_owned(), checksum.clone());
        Ok(checksum)
    }

    /// Asks for the file at `path`, without overwriting it, until its writer has lost it. Returns what it was refused with.
    fn take_over(&self, path: &str) -> Result<Vec<String>> {
        let mut refusals: Vec<String> = Vec::new();
        loop {
            let error = match self.client.create(path, CreateOptions::default()) {
                Ok(_) => bail!("{path} was not there"),
                Err(error) => error,
            };
            match error.refusal() {
                Some(FsError::FileAlreadyExists(_)) => return Ok(refusals),
                Some(FsError::AlreadyBeingCreated { .. } | FsError::RecoveryInProgress { .. }) => {
                    let text = error.to_string();
                    if refusals.last() != Some(&text) {
                        refusals.push(text);
                    }
                }
                _ => return Err(error.into()),
            }
            std::thread::sleep(ASK_EVERY);
        }
    }

    /// Whether the NameNode says that there is nothing at `path`.
    pub(super) fn is_gone(&self, path: &str) -> bool {
        matches!(self.client.stat(path), Ok(None))
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send>> {
        Ok(Box::new(self.client.open(path)?))
    }

    fn put(&self, path: &str, contents: &mut dyn Read) -> Result<Checked> {
        let mut file = self.client.create(path, CreateOptions::default())?;
        let (len, checksum) =
            copy(contents, &mut file).with_context(|| format!("cannot write {path}"))?;
        file.close()?;
        lock(&self.acknowledged).insert(path.to_owned(), checksum.clone());
        Ok(Checked {
            path: path.to_owned(),
            len,
            acknowledged: Some(checksum.clone()),
            checksum,
            same: Some(true),
        })
    }
}

/// Copies everything; returns how much that was, and its checksum.
fn copy(from: &mut dyn Read, to: &mut dyn Write) -> io::Result<(u64, String)> {
    let (mut len, mut crc) = (0, 0);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = match from.read(&mut piece) {
            Ok(0) => return Ok((len, format!("{crc:08x}"))),
            Ok(read) => &piece[..read],
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        to.write_all(read)?;
        crc = crc32c::crc32c_append(crc, read);
        len += read.len() as u64;
    }
}

impl Hdfs {
    /// Writes a file with a client that dies once it is flushed, and remembers the checksum of that.
    pub(crate) fn put_and_die(&self, path: &str, contents: &mut dyn Read) -> Result<()> {
        let command = format!("mini-hdfs dfs -put - {}", quoted(path));
        let recorder = &self.lab.recorder;
        recorder.action(None, format!("another client writes {path}"), &command);
        let checksum = self.files.put_and_die(path, contents)?;
        let text = format!("{path} is flushed, with the checksum {checksum}; its writer is dead");
        recorder.event(Level::Bad, None, text);
        Ok(())
    }

    /// Has the file at `path` taken from its writer, however long that takes. Returns the reasons for which it was refused before.
    pub(crate) fn take_over(&self, path: &str) -> Result<Vec<String>> {
        let command = format!(
            "mini-hdfs debug recoverLease -path {} -retries 10",
            quoted(path)
        );
        let text = format!("the client wants {path}, and asks again and again");
        self.lab.recorder.action(None, text, &command);
        let refusals = self.files.take_over(path)?;
        for refusal in &refusals {
            self.lab.recorder.event(Level::Story, None, refusal.clone());
        }
        Ok(refusals)
    }

    /// Takes the DataNode `name` out of service for good, or puts it back.
    pub(crate) fn decommission(&self, name: &str, out: bool) -> Result<()> {
        let (word, wish) = if out {
            ("decommission", Some(Wish::Decommission))
        } else {
            ("recommission", None)
        };
        let recorder = &self.lab.recorder;
        let command = format!("mini-hdfs dfsadmin -{word} {name}");
        recorder.action(Some(name), format!("the operator {word}s {name}"), &command);
        let hosts = [self.lab.address(name, "address")?];
        Ok(self.files.client.set_admin_state(&hosts, wish)?)
    }

    /// Runs the balancer until it ends. A DataNode may be `threshold` bytes from the average.
    pub(crate) fn balance(&self, threshold: u64) -> Result<ExitStatus> {
        let recorder = &self.lab.recorder;
        recorder.action(None, "the operator runs the balancer", "mini-hdfs balancer");
        let client = self.files.another_client()?;
        let nodes = client.datanode_report()?;
        let capacities = nodes.iter().map(|node| node.heartbeat.capacity);
        let capacity = capacities.max().context("there is no DataNode")?;
        let settings = BalancerSettings {
            threshold: 100.0 * threshold as f64 / capacity as f64,
            // The lab's blocks are small, and its heartbeats frequent.
            min_block_size: 1,
            pause: Duration::from_secs(2),
            ..BalancerSettings::default()
        };
        let ended = balancer::run(&client, &settings, |iteration| {
            let (left, moving) = (iteration.left, iteration.moving);
            let text = format!(
                "{left} bytes are too much or too little somewhere; the balancer moves {moving}"
            );
            recorder.event(Level::Change, None, text);
            Ok(())
        });
        Ok(ended?)
    }

    /// Writes a new file, and remembers the checksum of what was acknowledged.
    pub(crate) fn put(&self, path: &str, contents: &mut dyn Read) -> Result<Checked> {
        let command = format!("mini-hdfs dfs -put FILE {}", quoted(path));
        let recorder = &self.lab.recorder;
        recorder.action(None, format!("the client writes {path}"), &command);
        let put = self.files.put(path, contents);
        match &put {
            Ok(put) => {
                let text = format!("{path} is acknowledged: checksum {}", put.checksum);
                recorder.event(Level::Good, None, text);
            }
            Err(e) => recorder.event(Level::Bad, None, format!("{e:#}")),
        }
        put
    }

    /// Writes a new sample file under a free name; it takes the time `over` at least.
    pub(crate) fn put_sample(&self, over: Duration) -> Result<Checked> {
        loop {
            let number = self.files.samples.fetch_add(1, Ordering::Relaxed) + 1;
            let path = format!("/sample-{number}.bin");
            if self.files.client.stat(&path)?.is_none() {
                return self.put(&path, &mut Sample::new(number, SAMPLE_BYTES, over));
            }
        }
    }

    /// Opens the file at `path` for reading.
    pub(crate) fn open(&self, path: &str) -> Result<Box<dyn Read + Send>> {
        let command = format!("mini-hdfs dfs -get {}", quoted(path));
        let text = format!("the client reads {path}");
        self.lab.recorder.action(None, text, &command);
        self.files.open(path)
    }

    /// Reads the file at `path` to its end, and compares it with what was acknowledged.
    pub(crate) fn read_back(&self, path: &str) -> Result<Checked> {
        let command = format!("mini-hdfs dfs -cat {} | cmp - FILE", quoted(path));
        let recorder = &self.lab.recorder;
        recorder.action(None, format!("the client reads {path} back"), &command);
        let checked = self.files.check(path);
        match &checked {
            Ok(Checked {
                same: Some(false), ..
            }) => {
                let text = format!("{path} is not what was acknowledged");
                recorder.event(Level::Bad, None, text);
            }
            Ok(checked) => {
                let text = format!("{path} is read: checksum {}", checked.checksum);
                recorder.event(Level::Good, None, text);
            }
            Err(e) => recorder.event(Level::Bad, None, format!("{e:#}")),
        }
        checked
    }

    /// Removes the file at `path`.
    pub(crate) fn delete(&self, path: &str) -> Result<()> {
        let command = format!("mini-hdfs dfs -rm {}", quoted(path));
        self.files.client.delete(path, false)?;
        lock(&self.files.acknowledged).remove(path);
        let text = format!("the client deletes {path}");
        self.lab.recorder.action(None, text, &command);
        Ok(())
    }
}
