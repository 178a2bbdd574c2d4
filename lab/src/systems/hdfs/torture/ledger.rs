//! The ledger: what the cluster has acknowledged, as its clients were told. Kept in this process, which nobody kills.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Result, bail};
use node::Rng;

use crate::lab::lock;

/// The contents of a file: all that is random about it is its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    /// What its bytes are drawn from.
    pub(crate) number: u64,
    /// How many there are.
    pub(crate) len: usize,
}

impl Contents {
    /// The bytes.
    pub(crate) fn bytes(self) -> Vec<u8> {
        let mut rng = Rng::new(self.number);
        let mut bytes = Vec::with_capacity(self.len + 8);
        while bytes.len() < self.len {
            bytes.extend(rng.next_u64().to_le_bytes());
        }
        bytes.truncate(self.len);
        bytes
    }
}

/// What is known of a file that is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    /// What it is to hold.
    pub(crate) contents: Contents,
    /// The first so many bytes were acknowledged by an hflush or hsync: they are in the memory of each node of the pipeline.
    pub(crate) flushed: usize,
    /// The first so many by an hsync: they are on their disks.
    pub(crate) synced: usize,
    /// When the last of these calls began.
    pub(crate) since: Instant,
}

/// What is known of a path. Each path has one client that changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It is being written, or its writer was told of an error. It may be closed, too.
    Open(Open),
    /// It is closed.
    Closed(Contents),
    /// It was deleted, or renamed to somewhere else.
    Gone,
    /// A call about it is under way, or nobody knows what became of it.
    Unknown,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    paths: Mutex<BTreeMap<String, Known>>,
    wrong: Mutex<Vec<String>>,
}

impl Ledger {
    pub(crate) fn set(&self, path: &str, known: Known) {
        lock(&self.paths).insert(path.to_owned(), known);
    }

    pub(crate) fn get(&self, path: &str) -> Option<Known> {
        lock(&self.paths).get(path).copied()
    }

    /// All paths, in their order.
    pub(crate) fn all(&self) -> Vec<(String, Known)> {
        let paths = lock(&self.paths);
        paths.iter().map(|(p, k)| (p.clone(), *k)).collect()
    }

    /// Some path that can be read.
    pub(crate) fn choose_readable(&self, rng: &mut Rng) -> Option<(String, Known)> {
        let mut all = self.all();
        all.retain(|(_, known)| matches!(known, Known::Open(_) | Known::Closed(_)));
        rng.choose(&all).cloned()
    }

    /// Notes that something that was acknowledged is not so.
    pub(crate) fn wrong(&self, text: String) {
        lock(&self.wrong).push(text);
    }

    pub(crate) fn has_failed(&self) -> bool {
        !lock(&self.wrong).is_empty()
    }

    /// # Errors
    /// When anything was wrong.
    pub(crate) fn check(&self) -> Result<()> {
        let wrong = lock(&self.wrong);
        if !wrong.is_empty() {
            bail!("{}", wrong.join("\n"));
        }
        Ok(())
    }
}

/// What is wrong with `got`, read of a path of which this was known when the reading began.
pub(crate) fn judge(path: &str, known: Known, got: &[u8]) -> Result<(), String> {
    let (contents, least, most) = match known {
        Known::Closed(contents) => (contents, contents.len, contents.len),
        Known::Open(open) => (open.contents, open.flushed, open.contents.len),
        Known::Gone | Known::Unknown => return Ok(()),
    };
    let bytes = contents.bytes();
    if !(least..=most).contains(&got.len()) {
        return Err(format!(
            "{path}: {} bytes were read, and {least} to {most} are there",
            got.len()
        ));
    }
    if !bytes.starts_with(got) {
        let same = bytes.iter().zip(got).take_while(|(a, b)| a == b).count();
        return Err(format!(
            "{path}: of {} bytes read, only the first {same} are as written",
            got.len()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_what_was_acknowledged_is_noticed() {
        let contents = Contents {
            number: 7,
            len: 100,
        };
        let bytes = contents.bytes();
        let closed = Known::Closed(contents);
        let open = Known::Open(Open {
            contents,
            flushed: 60,
            synced: 40,
            since: Instant::now(),
        });
        assert_eq!(judge("/f", closed, &bytes), Ok(()));
        assert!(judge("/f", closed, &bytes[..99]).is_err());
        assert_eq!(judge("/f", open, &bytes[..60]), Ok(()));
        assert_eq!(judge("/f", open, &bytes), Ok(()));
        assert!(judge("/f", open, &bytes[..59]).is_err());
        let mut flipped = bytes.clone();
        flipped[30] ^= 1;
        for known in [closed, open] {
            let wrong = judge("/f", known, &flipped).unwrap_err();
            assert!(wrong.contains("the first 30"), "{wrong}");
        }
    }
}
