//! `mini-hdfs fsck`: whether every file below a path can be read, and where its blocks are (`NamenodeFsck`).
//!
//! It goes by what the NameNode knows and reads no data, but for what `-move` saves. Files are shown as they come, so that memory stays flat.

mod repair;

use std::collections::BTreeSet;
use std::io::Write;

use mini_hdfs::block::DatanodeInfo;
use mini_hdfs::namenode::blocks::BlockState;
use mini_hdfs::protocol::{DatanodeState, FsckBlock, FsckFile, ReplicaHealth};

use super::{Failure, Generic, paths, reason};

const USAGE: &str = "Usage: mini-hdfs fsck [generic options] <path> [-list-corruptfileblocks | [-move | -delete] \
     [-files [-blocks [-locations | -racks]]]]";

#[derive(Default)]
struct Show {
    files: bool,
    blocks: bool,
    locations: bool,
    racks: bool,
}

/// What to do about files that have lost a block.
#[derive(Default)]
struct Repair {
    list: bool,
    save: bool,
    delete: bool,
}

/// Sums over the files seen.
#[derive(Default)]
struct Sums {
    bytes: u64,
    files: u64,
    open_files: u64,
    blocks: u64,
    minimal: u64,
    over: u64,
    under: u64,
    misplaced: u64,
    missing: u64,
    corrupt: u64,
    replicas: u64,
    missing_replicas: u64,
    expected_replicas: u64,
}

/// Runs `fsck` with the words behind it. A file system with missing blocks is a failure, so that scripts notice.
pub(crate) fn run(words: &[String], out: &mut dyn Write) -> Result<(), Failure> {
    let (Generic { client, .. }, words) = Generic::parse(words)?;
    let (mut path, mut show, mut repair) = (None, Show::default(), Repair::default());
    for word in words {
        match word.as_str() {
            "-files" => show.files = true,
            "-blocks" => show.blocks = true,
            "-locations" => show.locations = true,
            "-racks" => show.racks = true,
            "-list-corruptfileblocks" => repair.list = true,
            "-move" => repair.save = true,
            "-delete" => repair.delete = true,
            "-help" | "--help" | "-h" => return Ok(writeln!(out, "{USAGE}")?),
            word if word.starts_with('-') || path.is_some() => {
                return Err(Failure::Usage(format!(
                    "fsck: Illegal option {word}\n{USAGE}"
                )));
            }
            word => path = Some(paths::absolute(word)),
        }
    }
    let Some(path) = path else {
        return Err(Failure::Usage(USAGE.to_owned()));
    };
    // Each one shows what it is about, too.
    show.blocks |= show.locations || show.racks;
    show.files |= show.blocks;

    if repair.list {
        return repair::list(&client, &path, out);
    }
    let told = |error| Failure::said(format!("fsck: {}", reason(&error)));
    writeln!(out, "FSCK started by {} for path {path}", paths::user())?;
    let mut sums = Sums::default();
    for file in client.fsck(&path).map_err(told)? {
        let file = file.map_err(told)?;
        let begun = (sums.missing, sums.corrupt, sums.under);
        sums.add(&file);
        let now = (sums.missing, sums.corrupt, sums.under);
        print_file(&file, begun != now, &show, out)?;
        if repair::is_corrupt(&file) {
            if repair.save {
                repair::save(&client, &file, out)?;
            }
            if repair.delete {
                repair::delete(&client, &file.status.path, out)?;
            }
        }
    }
    let summary = client.content_summary(&path).map_err(told)?;
    let nodes = client.datanode_report().map_err(told)?;
    let live = nodes
        .iter()
        .filter(|node| node.state != DatanodeState::Dead);
    let racks: BTreeSet<&str> = live.clone().map(|node| node.info.rack.as_str()).collect();
    let healthy = sums.missing == 0;
    let verdict = if healthy { "HEALTHY" } else { "CORRUPT" };
    writeln!(out, "\nStatus: {verdict}")?;
    writeln!(out, " Number of data-nodes:\t{}", live.count())?;
    writeln!(out, " Number of racks:\t\t{}", racks.len())?;
    writeln!(out, " Total dirs:\t\t\t{}", summary.directories)?;
    sums.print(out)?;
    writeln!(out, "\n\nThe filesystem under path '{path}' is {verdict}")?;
    if healthy {
        Ok(())
    } else {
        Err(Failure::Failed(None))
    }
}

/// Good replicas: the file is safe as long as there is one.
fn good(block: &FsckBlock) -> u64 {
    let good =
        |health: &ReplicaHealth| matches!(health, ReplicaHealth::Live | ReplicaHealth::Stale);
    block
        .replicas
        .iter()
        .filter(|(_, health)| good(health))
        .count() as u64
}

fn being_written(block: &FsckBlock) -> bool {
    block.state == BlockState::UnderConstruction
}

impl Sums {
    fn add(&mut self, file: &FsckFile) {
        self.files += 1;
        self.open_files += u64::from(file.status.under_construction);
        // A block that is being written is judged when it is finished.
        for block in file.blocks.iter().filter(|block| !being_written(block)) {
            let (good, expected) = (good(block), u64::from(block.expected));
            self.bytes += block.block.len;
            self.blocks += 1;
            self.replicas += good;
            self.expected_replicas += expected;
            self.missing_replicas += expected.saturating_sub(good);
            self.minimal += u64::from(good > 0);
            self.missing += u64::from(good == 0);
            self.over += u64::from(good > expected);
            self.under += u64::from(0 < good && good < expected);
            self.misplaced += u64::from(block.badly_distributed);
            let corrupt = |(_, health): &(DatanodeInfo, _)| *health == ReplicaHealth::Corrupt;
            self.corrupt += u64::from(block.replicas.iter().any(corrupt));
        }
    }

    fn print(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let of_blocks = |n: u64| format!("{n} ({} %)", one_decimal(n * 100, self.blocks));
        writeln!(out, "\nReplicated Blocks:")?;
        writeln!(out, " Total size:\t{} B", self.bytes)?;
        writeln!(out, " Total files:\t{}", self.files)?;
        if self.open_files > 0 {
            writeln!(out, " Files being written:\t{}", self.open_files)?;
        }
        let average = self.bytes / self.blocks.max(1);
        writeln!(
            out,
            " Total blocks (validated):\t{} (avg. block size {average} B)",
            self.blocks
        )?;
        writeln!(
            out,
            " Minimally replicated blocks:\t{}",
            of_blocks(self.minimal)
        )?;
        writeln!(out, " Over-replicated blocks:\t{}", of_blocks(self.over))?;
        writeln!(out, " Under-replicated blocks:\t{}", of_blocks(self.under))?;
        writeln!(
            out,
            " Mis-replicated blocks:\t\t{}",
            of_blocks(self.misplaced)
        )?;
        let average = one_decimal(self.replicas, self.blocks);
        writeln!(out, " Average block replication:\t{average}")?;
        writeln!(out, " Missing blocks:\t\t{}", self.missing)?;
        writeln!(out, " Corrupt blocks:\t\t{}", self.corrupt)?;
        writeln!(
            out,
            " Missing replicas:\t\t{} ({} %)",
            self.missing_replicas,
            one_decimal(self.missing_replicas * 100, self.expected_replicas)
        )?;
        Ok(())
    }
}

/// `part / whole`, rounded down to one decimal; 0 of nothing.
fn one_decimal(part: u64, whole: u64) -> String {
    let tenths = part * 10 / whole.max(1);
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn print_file(
    file: &FsckFile,
    notable: bool,
    show: &Show,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if !show.files && !notable {
        return Ok(());
    }
    let status = &file.status;
    let complaints: Vec<String> = file.blocks.iter().filter_map(complaint).collect();
    let verdict = match (complaints.is_empty(), status.under_construction) {
        (true, false) => ":  OK",
        (true, true) => ":  OPENFORWRITE",
        (false, _) => ":",
    };
    writeln!(
        out,
        "{} {} bytes, replicated: replication={}, {} block(s){verdict}",
        status.path,
        status.len,
        status.replication,
        file.blocks.len()
    )?;
    for complaint in complaints {
        writeln!(out, " {complaint}")?;
    }
    if show.blocks {
        for (i, block) in file.blocks.iter().enumerate() {
            print_block(i, block, show, out)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn complaint(block: &FsckBlock) -> Option<String> {
    let (good, expected) = (good(block), u64::from(block.expected));
    let corrupt = |(_, health): &&(DatanodeInfo, _)| *health == ReplicaHealth::Corrupt;
    let corrupt = block.replicas.iter().filter(corrupt).count();
    let name = block.block;
    match good {
        _ if being_written(block) => None,
        0 if corrupt > 0 => Some(format!(
            "{name}: CORRUPT: all {corrupt} replica(s) are corrupt."
        )),
        0 => Some(format!("{name}: MISSING: no live DataNode has a replica.")),
        _ if corrupt > 0 => Some(format!(
            "{name}: {corrupt} corrupt replica(s), {good} good of {expected}."
        )),
        _ if good < expected => Some(format!(
            "Under replicated {name}. Target Replicas is {expected} but found {good} live replica(s)."
        )),
        _ if block.badly_distributed => Some(format!(
            "Replica placement policy is violated for {name}: its replicas are on too few racks."
        )),
        _ => None,
    }
}

fn print_block(
    i: usize,
    block: &FsckBlock,
    show: &Show,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    write!(out, "{i}. {} len={} ", block.block, block.block.len)?;
    match (being_written(block), good(block)) {
        (true, _) => write!(out, "Under Construction Block:")?,
        (false, 0) => write!(out, "MISSING!")?,
        (false, good) => write!(out, "Live_repl={good}")?,
    }
    if show.locations || show.racks {
        let replicas: Vec<String> = block
            .replicas
            .iter()
            .map(|r| replica(r, show.racks))
            .collect();
        write!(out, "  [{}]", replicas.join(", "))?;
    }
    Ok(writeln!(out)?)
}

fn replica((node, health): &(DatanodeInfo, ReplicaHealth), racks: bool) -> String {
    let rack = if racks { node.rack.as_str() } else { "" };
    let slash = if racks { "/" } else { "" };
    let health = match health {
        ReplicaHealth::Live => "",
        ReplicaHealth::Stale => "(STALE)",
        ReplicaHealth::Corrupt => "(CORRUPT)",
        ReplicaHealth::Excess => "(EXCESS)",
        ReplicaHealth::Rbw => "(RBW)",
        ReplicaHealth::Decommissioning => "(DECOMMISSIONING)",
        ReplicaHealth::Decommissioned => "(DECOMMISSIONED)",
        ReplicaHealth::EnteringMaintenance => "(ENTERING MAINTENANCE)",
        ReplicaHealth::InMaintenance => "(IN MAINTENANCE)",
    };
    format!("{rack}{slash}{}{health}", node.address)
}
