//! Who writes and reads while processes are killed, and who judges afterwards.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mini_hdfs::server::dfs_client::{CreateOptions, DfsClient};
use node::Rng;

use super::ledger::{Contents, Known, judge};
use super::{PATIENCE, Torture, add, until};

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
        Ok(()) => {
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

/// Writes in pieces, and flushes after some: then those bytes are promised to whoever reads.
fn try_write(
    torture: &Torture,
    client: &DfsClient,
    path: &str,
    contents: Contents,
    rng: &mut Rng,
) -> Result<()> {
    let options = CreateOptions {
        create_parent: false,
        replication: if rng.percent(70) { 3 } else { 2 },
        ..CreateOptions::default()
    };
    let mut out = client.create(path, options)?;
    let open = |flushed| Known::Open { contents, flushed };
    torture.ledger.set(path, open(0));
    let (bytes, slow) = (contents.bytes(), rng.percent(60));
    let mut written = 0;
    while written < bytes.len() {
        let piece = (1 + rng.index(100_000)).min(bytes.len() - written);
        out.write_all(&bytes[written..written + piece])?;
        written += piece;
        if rng.percent(30) {
            if rng.percent(70) {
                out.hflush()?;
            } else {
                out.hsync()?;
            }
            add(&torture.counts.flushes, 1);
            torture.ledger.set(path, open(written));
        }
        if slow {
            // A slow writer: blocks stay open, and are hit more often.
            std::thread::sleep(Duration::from_millis(rng.below(60)));
        }
    }
    Ok(out.close()?)
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
                let grows = matches!(known, Known::Open { .. });
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

fn read_file(client: &DfsClient, path: &str) -> Result<Vec<u8>> {
    let mut got = Vec::new();
    client.open(path)?.read_to_end(&mut got)?;
    Ok(got)
}

/// Looks at everything in the ledger, once the cluster has mended itself.
///
/// # Errors
/// When something that was acknowledged is not so.
pub(super) fn verify(torture: &Torture, client: &DfsClient) -> Result<()> {
    let (mut closed, mut gone, mut open, mut unreadable) = (0, 0, 0, 0);
    for (path, known) in torture.ledger.all() {
        match known {
            Known::Unknown => {}
            Known::Gone => {
                ensure!(
                    client.stat(&path)?.is_none(),
                    "{path} was deleted and is there"
                );
                gone += 1;
            }
            Known::Closed(_) => {
                let status = client.stat(&path)?;
                let status = status.with_context(|| format!("{path} was closed and is gone"))?;
                ensure!(!status.under_construction, "{path} was closed and is open");
                let got = read_file(client, &path)?;
                judge(&path, known, &got).map_err(anyhow::Error::msg)?;
                closed += 1;
            }
            Known::Open { .. } => match read_file(client, &path) {
                Ok(got) => {
                    judge(&path, known, &got).map_err(anyhow::Error::msg)?;
                    open += 1;
                }
                // Its writer is gone, and each node of its last pipeline has been killed since.
                Err(e) => {
                    torture.note(&format!("{path}: {e:#}"));
                    unreadable += 1;
                }
            },
        }
    }
    super::say(&format!(
        "{closed} closed files are there as written, {gone} deleted ones are gone, {open} open ones hold what was flushed; \
         of {unreadable} the last block waits to be recovered"
    ));
    write_again(torture, client)
}

/// After all that, a file can be written as on the first day.
fn write_again(torture: &Torture, client: &DfsClient) -> Result<()> {
    let contents = Contents {
        number: 1,
        len: 300_000,
    };
    let began = Instant::now();
    let mut out = client.create("/after", CreateOptions::default())?;
    out.write_all(&contents.bytes())?;
    out.close()?;
    until("the last file is read", || {
        let got = read_file(client, "/after")?;
        judge("/after", Known::Closed(contents), &got).map_err(anyhow::Error::msg)
    })?;
    ensure!(began.elapsed() < PATIENCE, "the last file took too long");
    torture.note("a file was written as on the first day");
    Ok(())
}
