//! How much memory a NameNode needs for a file.

use std::io::{self, Write};

use anyhow::{Context, Result, ensure};
use benches::processes::resident;
use benches::{create, datanode, heartbeat, namenode, path, pretend_synced};
use mini_hdfs::block::Block;
use mini_hdfs::protocol::{AddBlockRequest, BlockEvent};
use node::{Rng, Time};

/// Blocks that are reported in one message.
const BATCH: usize = 1000;

#[derive(clap::Args)]
pub(crate) struct Options {
    #[arg(long)]
    files: u64,
}

/// Prints the bytes, or nothing where the system does not tell.
pub(crate) fn run(options: &Options) -> Result<()> {
    let (mut namenode, mut rng) = (namenode(), Rng::new(1));
    let mut nodes = Vec::new();
    for n in 0..3 {
        let registered = namenode.register_datanode(datanode(n), None, Time::ZERO, &mut rng)?;
        let id = datanode(n).id;
        namenode.heartbeat(&heartbeat(id, registered.id), Time::ZERO);
        namenode.block_report(id, registered.id, &[], Time::ZERO)?;
        nodes.push((id, registered.id));
    }
    // What is needed once is not counted.
    let me = std::process::id();
    let Some(before) = resident(me) else {
        return Ok(());
    };
    let mut received = Vec::new();
    for n in 0..options.files {
        let file = namenode.create(&create(path(n)), Time::ZERO)?;
        let request = AddBlockRequest {
            inode: file.inode,
            client: "bench".to_owned(),
            previous: None,
            exclude: Vec::new(),
            client_host: None,
        };
        let located = namenode.add_block(&request, Time::ZERO, &mut rng)?;
        ensure!(located.locations.len() == 3, "a block has three replicas");
        let block = Block {
            len: 1 << 20,
            ..located.block
        };
        let events = [BlockEvent::Received(block)];
        let (id, registration) = nodes[0];
        namenode.incremental_block_report(id, registration, &events, Time::ZERO)?;
        let closed = namenode.complete(file.inode, "bench", Some(block), Time::ZERO)?;
        ensure!(closed, "the file is closed");
        received.push(BlockEvent::Received(block));
        if received.len() == BATCH || n + 1 == options.files {
            for (id, registration) in &nodes[1..] {
                namenode.incremental_block_report(*id, *registration, &received, Time::ZERO)?;
            }
            received.clear();
            pretend_synced(&mut namenode);
        }
    }
    let after = resident(me).context("it was known before")?;
    let bytes = after.saturating_sub(before) / options.files;
    Ok(writeln!(io::stdout(), "{bytes}")?)
}
