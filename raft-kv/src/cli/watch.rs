//! `watch`: what happens to keys, as it happens.

use anyhow::Result;
use raft_kv::client::watch::Watch;
use raft_kv::client::{mvccpb, pb};

use super::kv::show;
use super::{Connection, Keys, interrupted};

/// What `raft-kv watch` can be told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    keys: Keys,
    /// From this revision on [default: from now on]
    #[arg(long, default_value_t = 0)]
    rev: i64,
    /// Show what was there before
    #[arg(long)]
    prev_kv: bool,
}

pub(crate) async fn watch(connection: &Connection, options: &Options) -> Result<()> {
    let (key, range_end) = options.keys.range();
    let request = pb::WatchCreateRequest {
        key,
        range_end,
        start_revision: options.rev,
        prev_kv: options.prev_kv,
        ..Default::default()
    };
    let mut watch = Watch::new(&connection.client()?, request);
    loop {
        let events = tokio::select! {
            events = watch.next() => events?,
            () = interrupted() => return Ok(()),
        };
        for event in events {
            let deleted = event.r#type() == mvccpb::event::EventType::Delete;
            say!("{}", if deleted { "DELETE" } else { "PUT" });
            event.prev_kv.iter().for_each(show);
            event.kv.iter().for_each(show);
        }
    }
}
