//! `get`, `put`, `del`, `compaction`.

use std::io::Read;

use anyhow::Result;
use clap::ValueEnum;
use raft_kv::client::{mvccpb, pb};

use super::{Connection, Keys, lease_id, print_line};

/// What `raft-kv get` can be told.
#[derive(Debug, clap::Args)]
pub(crate) struct GetOptions {
    #[command(flatten)]
    keys: Keys,
    /// At most so many
    #[arg(long, default_value_t = 0)]
    limit: i64,
    /// The store as it was at this revision
    #[arg(long, default_value_t = 0)]
    rev: i64,
    /// l(inearizable), or s(erializable): from the member that is asked, as it stands
    #[arg(long, value_enum, default_value = "l")]
    consistency: Consistency,
    /// In which order
    #[arg(long, value_enum, ignore_case = true)]
    order: Option<Order>,
    /// By what
    #[arg(long, value_enum, ignore_case = true)]
    sort_by: Option<SortBy>,
    /// Keys alone
    #[arg(long)]
    keys_only: bool,
    /// How many there are
    #[arg(long)]
    count_only: bool,
    /// Values alone
    #[arg(long)]
    print_value_only: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Consistency {
    L,
    S,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Order {
    Ascend,
    Descend,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SortBy {
    Create,
    Key,
    Modify,
    Value,
    Version,
}

pub(super) fn show(kv: &mvccpb::KeyValue) {
    print_line(&kv.key);
    print_line(&kv.value);
}

pub(crate) async fn get(connection: &Connection, options: &GetOptions) -> Result<()> {
    use pb::range_request::{SortOrder, SortTarget};
    let (key, range_end) = options.keys.range();
    let target = match options.sort_by {
        None | Some(SortBy::Key) => SortTarget::Key,
        Some(SortBy::Create) => SortTarget::Create,
        Some(SortBy::Modify) => SortTarget::Mod,
        Some(SortBy::Value) => SortTarget::Value,
        Some(SortBy::Version) => SortTarget::Version,
    };
    let order = match options.order {
        None => SortOrder::None,
        Some(Order::Ascend) => SortOrder::Ascend,
        Some(Order::Descend) => SortOrder::Descend,
    };
    let request = pb::RangeRequest {
        key,
        range_end,
        limit: options.limit,
        revision: options.rev,
        serializable: options.consistency == Consistency::S,
        sort_order: order.into(),
        sort_target: target.into(),
        keys_only: options.keys_only,
        count_only: options.count_only,
        ..Default::default()
    };
    let found = connection.client()?.range(request).await?;
    if options.count_only {
        say!("{}", found.count);
    }
    for kv in &found.kvs {
        if options.print_value_only {
            print_line(&kv.value);
        } else {
            show(kv);
        }
    }
    Ok(())
}

/// What `raft-kv put` can be told.
#[derive(Debug, clap::Args)]
pub(crate) struct PutOptions {
    /// The key
    key: String,
    /// The value [default: the standard input]
    value: Option<String>,
    /// The lease that it lives with
    #[arg(long, value_name = "ID", default_value = "0")]
    lease: String,
    /// Show what was there
    #[arg(long)]
    prev_kv: bool,
    /// Keep the value
    #[arg(long, conflicts_with = "value")]
    ignore_value: bool,
    /// Keep the lease
    #[arg(long)]
    ignore_lease: bool,
}

pub(crate) async fn put(connection: &Connection, options: &PutOptions) -> Result<()> {
    let mut value = options.value.clone().unwrap_or_default().into_bytes();
    if options.value.is_none() && !options.ignore_value {
        std::io::stdin().read_to_end(&mut value)?;
    }
    let request = pb::PutRequest {
        key: options.key.clone().into_bytes(),
        value,
        lease: lease_id(&options.lease)?,
        prev_kv: options.prev_kv,
        ignore_value: options.ignore_value,
        ignore_lease: options.ignore_lease,
    };
    let done = connection.client()?.put_request(request).await?;
    say!("OK");
    done.prev_kv.iter().for_each(show);
    Ok(())
}

/// What `raft-kv del` can be told.
#[derive(Debug, clap::Args)]
pub(crate) struct DelOptions {
    #[command(flatten)]
    keys: Keys,
    /// Show what was there
    #[arg(long)]
    prev_kv: bool,
}

pub(crate) async fn del(connection: &Connection, options: &DelOptions) -> Result<()> {
    let (key, range_end) = options.keys.range();
    let request = pb::DeleteRangeRequest {
        key,
        range_end,
        prev_kv: options.prev_kv,
    };
    let done = connection.client()?.delete(request).await?;
    say!("{}", done.deleted);
    done.prev_kvs.iter().for_each(show);
    Ok(())
}

/// What `raft-kv compaction` can be told.
#[derive(Debug, clap::Args)]
pub(crate) struct CompactionOptions {
    /// What only older revisions see is dropped
    revision: i64,
    /// Wait until it is gone
    #[arg(long)]
    physical: bool,
}

pub(crate) async fn compaction(connection: &Connection, options: &CompactionOptions) -> Result<()> {
    connection
        .client()?
        .compact(options.revision, options.physical)
        .await?;
    say!("compacted revision {}", options.revision);
    Ok(())
}
