//! What the background scan of a volume reads next, and when (`VolumeScanner`).
//!
//! A disk tells of a damaged sector only when somebody reads it, and most blocks are not read for months. By then the other two replicas
//! may be damaged too. So every DataNode reads all that it has, again and again, slowly: three weeks
//! for a pass (`dfs.datanode.scan.period.hours`), and never more than a megabyte a second
//! (`dfs.block.scanner.volume.bytes.per.second`), since the disk is there for others. What somebody else had trouble with, a *suspect*,
//! comes first.
//!
//! A pass goes through the blocks in the order of their ids, and all that is to be remembered of it is a [`Cursor`]. It is
//! saved now and then: a DataNode that is restarted every week would otherwise read the first third of its disk for ever, and the rest never.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use node::Time;

use super::replica_map::ReplicaMap;
use super::volumes::VolumeId;
use crate::block::{Block, BlockId};

/// A suspect is not read again so soon after it was (HDFS's ten minutes too).
pub const SUSPECT_PAUSE: Duration = Duration::from_secs(10 * 60);

/// How fast, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanConfig {
    /// Bytes in a second, on each volume (`dfs.block.scanner.volume.bytes.per.second`); 0 turns the scanner off.
    pub bytes_per_second: u64,
    /// From the beginning of a pass to that of the next (`dfs.datanode.scan.period.hours`).
    pub period: Duration,
}

impl Default for ScanConfig {
    fn default() -> ScanConfig {
        ScanConfig {
            bytes_per_second: 1 << 20,
            period: Duration::from_secs(3 * 7 * 24 * 60 * 60),
        }
    }
}

/// How far the pass is (`BlockIterator.Cursor`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// When it began.
    pub began: Time,
    /// The last block that is done; none at the beginning.
    pub after: Option<BlockId>,
    /// There were no more.
    pub at_end: bool,
}

/// A replica to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Which.
    pub block: Block,
    /// Whether it is read because somebody suspects it, out of turn.
    pub suspect: bool,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Read this one, and tell [`VolumeScanner::scanned`].
    Scan(Scan),
    /// Nothing before then, unless a replica is suspected.
    Wait(Time),
}

/// Decides for one volume.
#[derive(Clone, Debug)]
pub struct VolumeScanner {
    /// Whose replicas are meant.
    pub volume: VolumeId,
    /// How fast, and how often.
    pub config: ScanConfig,
    /// How far the pass is.
    pub cursor: Cursor,
    /// Suspects that are still to be read, in the order in which they were named; none twice.
    pub suspects: VecDeque<BlockId>,
    /// Suspects that have been read within the last [`SUSPECT_PAUSE`], and when; older ones may be in it too.
    pub recent_suspects: BTreeMap<BlockId, Time>,
    /// Nothing is read before, so as not to exceed the bandwidth.
    pub not_before: Time,
}

impl VolumeScanner {
    /// Goes on where `saved` says, a cursor of an earlier life; without one a pass begins `now`. So it does where the
    /// saved pass has begun later than `now`: the clock was wrong then or is now, and who waits for it may wait for years.
    /// Nobody is suspected, and the disk needs no rest.
    pub fn resume(
        volume: VolumeId,
        config: ScanConfig,
        saved: Option<Cursor>,
        now: Time,
    ) -> VolumeScanner {
        let _ = (volume, config, saved, now);
        todo!("hdfs/scanner: a saved cursor counts, if it can be true.")
    }

    /// Somebody had trouble with this replica: it is to be read soon (`addSuspectBlock`). Nothing happens where it is waiting
    /// already, or was read as a suspect less than [`SUSPECT_PAUSE`] ago: a client that tries again and again is not to keep the
    /// disk busy.
    pub fn suspect(&mut self, id: BlockId, now: Time) {
        let _ = (id, now);
        todo!("hdfs/scanner: once in the queue is enough, and so is once in ten minutes.")
    }

    /// What to read now, of the finalised replicas on this volume (the map has those of others too; see
    /// [`ReplicaMap::get`] and [`ReplicaMap::finalized_after`]):
    ///
    /// 1. Before `not_before`, nothing: wait until then.
    /// 2. The suspect that was named first. Those that are no finalised replica of this volume any more are dropped.
    /// 3. The next one of the pass: the first after the cursor, in the order of ids.
    /// 4. If there is none, the pass is at its end, and stays so: what comes later is left to the next one. That begins `config.period`
    ///    after this one *began*: wait until then. If it is due already, it begins now, with the first replica; on an empty volume it
    ///    is at its end at once, and the wait is one period from now.
    pub fn next(&mut self, replicas: &ReplicaMap, now: Time) -> Next {
        let _ = (replicas, now);
        todo!(
            "hdfs/scanner: within the bandwidth, suspects first, then the pass; a new pass once the period is over."
        )
    }

    /// What [`VolumeScanner::next`] gave has been read: `bytes` of it, beginning at `began` and ending `now`. Only now it is done: a
    /// crash in the middle is not to skip it. What is read next begins no sooner than `bytes` at the configured bandwidth
    /// take, counted from `began`, rounded up to a microsecond. Time in which nothing was read is not saved up.
    pub fn scanned(&mut self, scan: Scan, bytes: u64, began: Time, now: Time) {
        let _ = (scan, bytes, began, now);
        todo!("hdfs/scanner: note that it is done, and how long the disk is left alone.")
    }
}

impl Cursor {
    /// As it is saved in the volume's directory: three lines of `key=value`.
    pub fn to_text(self) -> String {
        let after = self.after.map_or(String::new(), |id| id.0.to_string());
        let Cursor { began, at_end, .. } = self;
        format!(
            "beganMicros={}\nafter={after}\natEnd={at_end}\n",
            began.as_micros()
        )
    }

    /// What [`Cursor::to_text`] made; none where it is anything else.
    pub fn parse(text: &str) -> Option<Cursor> {
        let mut lines = text.lines();
        let mut value = |key: &str| lines.next()?.strip_prefix(key)?.strip_prefix('=');
        let cursor = Cursor {
            began: Time::from_micros(value("beganMicros")?.parse().ok()?),
            after: match value("after")? {
                "" => None,
                id => Some(BlockId(id.parse().ok()?)),
            },
            at_end: value("atEnd")?.parse().ok()?,
        };
        lines.next().is_none().then_some(cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_from_its_text() {
        let cursors = [
            Cursor::default(),
            Cursor {
                began: Time::from_micros(u64::MAX),
                after: Some(BlockId(u64::MAX)),
                at_end: true,
            },
        ];
        for cursor in cursors {
            assert_eq!(Cursor::parse(&cursor.to_text()), Some(cursor));
        }
        let text = Cursor::default().to_text();
        for bad in [
            "",
            &text[..text.len() - 3],
            &format!("{text}x"),
            "beganMicros=-1",
        ] {
            assert_eq!(Cursor::parse(bad), None, "{bad:?}");
        }
    }
}
