//! Who judges, once nobody kills any more and the cluster has mended itself.
//!
//! Closed files are read, whole. So is what was flushed of a file whose writer gave up or was gone, as long as one node of its last pipeline has not been
//! killed since: that much an hflush promises. Where all of them have been, the file cannot be read until its lease is recovered, and
//! then only what was hsynced must be there. So in the end all leases are recovered, and what is there then is judged.

use std::io::Write;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use mini_hdfs::server::dfs_client::{CreateOptions, DfsClient};

use super::clients::read_file;
use super::ledger::{Contents, Known, Open, judge};
use super::{PATIENCE, Torture, say, until, wait_mended};

/// A file that was never closed, as far as its writer knows.
struct Left {
    path: String,
    /// With no more flushed than must be there when its lease has been recovered.
    open: Open,
    flushed: usize,
}

/// Looks at everything in the ledger.
///
/// # Errors
/// When something that was acknowledged is not so.
pub(super) fn verify(torture: &Torture, client: &DfsClient) -> Result<()> {
    let (mut closed, mut gone, mut left) = (0, 0, Vec::new());
    for (path, known) in torture.ledger.all() {
        match known {
            Known::Unknown => {}
            Known::Gone => {
                let there = client.stat(&path)?.is_some();
                ensure!(!there, "{path} was deleted and is there");
                gone += 1;
            }
            Known::Closed(_) => {
                let status = client.stat(&path)?;
                let status = status.with_context(|| format!("{path} was closed and is gone"))?;
                ensure!(!status.under_construction, "{path} was closed and is open");
                judged(client, &path, known)?;
                closed += 1;
            }
            Known::Open(open) => {
                let flushed = open.flushed;
                let open = look_at_open(torture, client, &path, open)?;
                left.push(Left {
                    path,
                    open,
                    flushed,
                });
            }
        }
    }
    say(&format!(
        "{closed} closed files are there as written, {gone} deleted ones are gone"
    ));
    close(torture, client, &left)?;
    write_again(torture, client)
}

/// Reads a file and compares. Says how many bytes it has.
fn judged(client: &DfsClient, path: &str, known: Known) -> Result<usize> {
    let got = read_file(client, path)?;
    judge(path, known, &got).map_err(anyhow::Error::msg)?;
    Ok(got.len())
}

/// Reads what was flushed, unless nobody can. Says what must be there when the lease has been recovered.
fn look_at_open(torture: &Torture, client: &DfsClient, path: &str, open: Open) -> Result<Open> {
    let e = match read_file(client, path) {
        Ok(got) => {
            judge(path, Known::Open(open), &got).map_err(anyhow::Error::msg)?;
            return Ok(open);
        }
        Err(e) => e,
    };
    torture.note(&format!("{path}: {e:#}"));
    let blocks = client.block_locations(path, 0, u64::MAX)?.blocks;
    let last = blocks.last();
    let last = last.with_context(|| format!("{path} has no block and cannot be read: {e:#}"))?;
    if last.offset >= open.flushed as u64 {
        // What is in the way is a block of which nothing was promised.
        return Ok(open);
    }
    let mut wrote = last.locations.iter();
    if let Some(node) = wrote.find(|node| !torture.was_killed_since(&node.hostname, open.since)) {
        let why = format!(
            "{path}: {} bytes were flushed, {} has not been killed since, and they cannot be read",
            open.flushed, node.hostname
        );
        return Err(e.context(why));
    }
    Ok(Open {
        flushed: open.synced,
        ..open
    })
}

/// Recovers all leases, and judges.
fn close(torture: &Torture, client: &DfsClient, left: &[Left]) -> Result<()> {
    for Left { path, .. } in left {
        client.recover_lease(path)?;
    }
    let (mut nobody_lived, mut lacking, mut lost) = (0, 0, 0);
    for Left {
        path,
        open,
        flushed,
    } in left
    {
        until("a lease is recovered", || {
            let closed = client.is_file_closed(path)?;
            ensure!(closed, "{path} is open");
            Ok(())
        })?;
        let len = judged(client, path, Known::Open(*open))?;
        nobody_lived += u32::from(open.flushed < *flushed);
        if len < *flushed {
            torture.note(&format!(
                "{path}: {len} bytes of {flushed} that were flushed"
            ));
            (lacking, lost) = (lacking + 1, lost + flushed - len);
        }
    }
    wait_mended(torture, client)?;
    let all = left.len();
    say(&format!(
        "{all} files that were never closed hold what was flushed, and still do after their leases were recovered"
    ));
    if nobody_lived > 0 {
        say(&format!(
            "... but for {nobody_lived} of them: no node that wrote their last block had lived on. They hold what was synced; \
             {lacking} lack {lost} bytes that were only flushed"
        ));
    }
    Ok(())
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
        judged(client, "/after", Known::Closed(contents)).map(|_| ())
    })?;
    ensure!(began.elapsed() < PATIENCE, "the last file took too long");
    torture.note("a file was written as on the first day");
    Ok(())
}
