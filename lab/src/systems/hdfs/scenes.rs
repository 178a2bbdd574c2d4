//! The scenes of mini-hdfs, and what they expect of it.

mod balancer;
mod bit_rot;
mod cut_off_rack;
mod dead_writer;
mod decommission;
mod kill_datanode;
mod kill_two;
mod paused_datanode;
mod replace_datanode;
mod restart_namenode;
mod slow_datanode;

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::scenes::{self, Play, SOON, Stage};

use super::Hdfs;

/// All of them, in the order in which they are listed.
pub(super) static SCENES: &[&dyn Play] = &[
    &kill_datanode::SCENE,
    &kill_two::SCENE,
    &replace_datanode::SCENE,
    &paused_datanode::SCENE,
    &slow_datanode::SCENE,
    &restart_namenode::SCENE,
    &cut_off_rack::SCENE,
    &bit_rot::SCENE,
    &dead_writer::SCENE,
    &decommission::SCENE,
    &balancer::SCENE,
];

impl Stage<Hdfs> {
    /// Expects that every block has all its replicas on running nodes.
    fn expect_replicated(&self, within: Duration) -> Result<()> {
        self.expect("every block has all its replicas", within, |now| {
            scenes::ensure(now.answered, || "the NameNode does not answer".to_owned())?;
            let mut blocks = now.complete_blocks();
            let under = blocks.find(|b| b.good() < usize::from(b.expected));
            match under {
                None => Ok(()),
                Some(b) => Err(format!("{} has {} of {}", b.id, b.good(), b.expected)),
            }
        })
    }

    /// Expects that no block has more replicas than it needs, of whatever sort.
    fn expect_nothing_too_much(&self, within: Duration) -> Result<()> {
        self.expect(
            "replicas too many, or out of date, are deleted",
            within,
            |now| {
                scenes::ensure(now.answered, || "the NameNode does not answer".to_owned())?;
                let mut blocks = now.complete_blocks();
                match blocks.find(|b| b.replicas.len() > usize::from(b.expected)) {
                    None => Ok(()),
                    Some(b) => Err(format!(
                        "{} has {} of {}",
                        b.id,
                        b.replicas.len(),
                        b.expected
                    )),
                }
            },
        )
    }

    /// Expects that the NameNode says `state` of each of `nodes`.
    fn expect_state(&self, nodes: &[&str], state: &str, within: Duration) -> Result<()> {
        let what = format!("the NameNode says that {} is {state}", nodes.join(", "));
        self.expect(&what, within, |now| {
            let said = nodes.iter().map(|name| Some(now.node(name)?.state));
            let said: Vec<Option<&str>> = said.collect();
            let all = now.answered && said.iter().all(|said| *said == Some(state));
            scenes::ensure(all, || format!("it says: {said:?}"))
        })
    }

    /// Expects that the NameNode says that `node` is out of service in this way; none that it is in service.
    fn expect_service(&self, node: &str, service: Option<&str>, within: Duration) -> Result<()> {
        let word = service.unwrap_or("in service");
        let what = format!("the NameNode says that {node} is {word}");
        self.expect(&what, within, |now| {
            let said = now.node(node).and_then(|node| node.service);
            scenes::ensure(now.answered && said == service, || {
                format!("it says: {said:?}")
            })
        })
    }

    /// Expects that the file at `path` reads back as it was written.
    fn expect_reads_back(&self, path: &str) -> Result<()> {
        let what = format!("{path} reads back byte for byte");
        let path = path.to_owned();
        let reading = self.meanwhile(move |hdfs| {
            let checked = hdfs.read_back(&path)?;
            ensure!(
                checked.same == Some(true),
                "{:?} instead of {:?}",
                checked.checksum,
                checked.acknowledged
            );
            Ok(())
        });
        self.expect_end(&what, SOON, &reading)
    }
}
