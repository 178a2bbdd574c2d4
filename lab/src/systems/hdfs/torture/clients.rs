//! Who writes and reads while processes are killed.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use mini_hdfs::server::dfs_client::{CreateOptions, DfsClient};
use node::Rng;

use super::ledger::{Contents, Known, Open, judge};
use super::{Torture, add};

/// After an error, and where there is nothing to do.
const PAUSE: Duration = Duration::from_millis(50);
/// Five blocks and a bit, at most.
const LEN_MAX: usize = (5 << 18) + 1000;

/// Writes file after file, and now and then moves or deletes one.
pub(super) fn write(torture: &Torture, writer: u64, mut rng: Rng) -> Result<()> {
    let client = torture.client(&format!("writer{writer}"), &mut rng)?;
    let dir = format!("/writer{writer}");
    client.mkdirs(&dir, true).context("the first call of all")?;
    let mut mine = Vec::new();
    for number in 0.. {
        if torture.is_over() {
            break;
        }
        let path = format!("{dir}/f{number}");
        match (rng.below(10), mine.is_empty()) {
            (0, false) => {
                let from: String = mine.swap_remove(rng.index(mine.len()));
                if move_file(torture, &client, &from, &path) {
                    mine.push(path);
                }
            }
            (1, false) => {
                let old: String = mine.swap_remove(rng.index(mine.len()));
                delete(torture, &client, &old);
            }
            _ => {
                let contents = Contents {
                    number: rng.next_u64(),
                    len: rng.index(LEN_MAX),
                };
                if write_file(torture, &client, &path, contents, &mut rng) {
                    mine.push(path);
                }
            }
        }
    }
    Ok(())
}

/// Whether the file was closed.
fn write_file(
    torture: &Torture,
    client: &DfsClient,
    path: &str,
    contents: Contents,
    rng: &mut Rng,
) -> bool {
    torture.ledger.set(path, Known::Unknown);
    match try_write(torture, client, path, contents, rng) {
        Ok(Ended::Left) => {
            torture.note(&format!("{path} is left open"));
            add(&torture.counts.files_left, 1);
            false
        }
        Ok(Ended::Closed) => {
            torture.ledger.set(path, Known::Closed(contents));
            torture.note(&format!("{path} is closed, {} bytes", contents.len));
            add(&torture.counts.files_closed, 1);
            add(&torture.counts.bytes_closed, contents.len as u64);
            true
        }
        Err(e) => {
            torture.note(&format!("{path} is given up: {e:#}"));
            add(&torture.counts.writes_given_up, 1);
            // The NameNode is in safe mode, most likely: the next call would end as soon.
            std::thread::sleep(PAUSE);
            false
        }
    }
}

/// How a writer has ended.
enum Ended {
    Closed,
    /// As one that dies: the file is open, and what was flushed is promised.
    Left,
}

/// Writes in pieces, and flushes after some: then those bytes are promised to whoever reads. Now and then the writer leaves.
fn try_write(
    torture: &Torture,
    client: &DfsClient,
    path: &str,
    contents: Contents,
    rng: &mut Rng,
) -> Result<Ended> {
    let options = CreateOptions {
        create_parent: false,
        replication: if rng.percent(70) { 3 } else { 2 },
        ..CreateOptions::default()
    };
    let mut out = client.create(path, options)?;
    let mut open = Open {
        contents,
        flushed: 0,
        synced: 0,
        since: Instant::now(),
    };
    torture.ledger.set(path, Known::Open(open));
    let (bytes, slow) = (contents.bytes(), rng.percent(60));
    let mut written = 0;
    while written < bytes.len() {
        let piece = (1 + rng.index(100_000)).min(bytes.len() - written);
        out.write_all(&bytes[written..written + piece])?;
        written += piece;
        if rng.percent(30) {
            let since = Instant::now();
            if rng.percent(70) {
                out.hflush()?;
            } else {
                out.hsync()?;
                open.synced = written;
            }
            (open.flushed, open.since) = (written, since);
            add(&torture.counts.flushes, 1);
            torture.ledger.set(path, Known::Open(open));
            if rng.percent(3) {
                return Ok(Ended::Left);
            }
        }
        if slow {
            // A slow writer: blocks stay open, and are hit more often.
            std::thread::sleep(Duration::from_millis(rng.below(60)));
        }
    }
    out.close()?;
    Ok(Ended::Closed)
}

/// Whether the file is known to have been moved.
fn move_file(torture: &Torture, client: &DfsClient, from: &str, to: &str) -> bool {
    let before = torture.ledger.get(from).unwrap_or(Known::Unknown);
    torture.ledger.set(from, Known::Unknown);
    torture.ledger.set(to, Known::Unknown);
    let moved = client.rename(from, to);
    torture.note(&format!("{from} moved to {to}: {moved:?}"));
    if moved.is_ok() {
        torture.ledger.set(from, Known::Gone);
        torture.ledger.set(to, before);
    }
    moved.is_ok()
}

fn delete(torture: &Torture, client: &DfsClient, path: &str) {
    torture.ledger.set(path, Known::Unknown);
    let deleted = client.delete(path, false);
    torture.note(&format!("{path} deleted: {deleted:?}"));
    if deleted.is_ok() {
        torture.ledger.set(path, Known::Gone);
    }
}

/// Reads files, closed ones and such as are being written, and compares.
pub(super) fn read(torture: &Torture, reader: u64, mut rng: Rng) -> Result<()> {
    let client = torture.client(&format!("reader{reader}"), &mut rng)?;
    while !torture.is_over() {
        let Some((path, known)) = torture.ledger.choose_readable(&mut rng) else {
            std::thread::sleep(PAUSE);
            continue;
        };
        match read_file(&client, &path) {
            Ok(got) => {
                let same = torture.ledger.get(&path) == Some(known);
                let grows = matches!(known, Known::Open(_));
                // It may have been moved or deleted meanwhile; paths are not used twice, so wrong bytes are wrong all the same.
                if let Err(wrong) = judge(&path, known, &got)
                    && (same || grows || !got.is_empty())
                {
                    torture.note(&format!("WRONG: {wrong}"));
                    torture.ledger.wrong(wrong);
                }
                add(&torture.counts.reads, 1);
            }
            Err(e) => {
                torture.note(&format!("reader {reader}: {path}: {e:#}"));
                add(&torture.counts.reads_given_up, 1);
                std::thread::sleep(PAUSE);
            }
        }
    }
    Ok(())
}

pub(super) fn read_file(client: &DfsClient, path: &str) -> Result<Vec<u8>> {
    let mut got = Vec::new();
    client.open(path)?.read_to_end(&mut got)?;
    Ok(got)
}
