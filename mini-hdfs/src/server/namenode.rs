//! The NameNode as a process: its directory, its two listeners, its timers, its end.
//!
//! Reading order: [`run`]; `shared.rs`, how many callers share the core and one fsync; `services.rs`, what
//! the messages do.

mod host_files;
mod services;
mod shared;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chaos::Chaos;
use node::{FileDisk, Rng};
use servers::lifetime;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::transport::server::TcpIncoming;
use tracing::{info, warn};

use super::clock::Clock;
use super::rpc::MESSAGE_MAX;
use super::rpc::wire::client_protocol_server::ClientProtocolServer;
use super::rpc::wire::datanode_protocol_server::DatanodeProtocolServer;
use super::settings::Settings;
use super::{LOCK_FILE, http};
use crate::namenode::{Config, NameNode, StorageError};
use host_files::HostFiles;
use services::Services;
pub(crate) use shared::Shared;

/// How long calls under way may take to finish when the NameNode ends.
const GRACE: Duration = Duration::from_secs(3);
/// A client that does not answer pings for this long is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// What `mini-hdfs namenode` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Directory of the edit log and the fsimages
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Where clients and DataNodes call
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8020")]
    pub listen: String,
    /// Where the status page and the metrics are
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9870")]
    pub http: String,
    /// Make an empty file system in DIR, and end
    #[arg(long)]
    pub format: bool,
    /// Make an empty file system if DIR holds none, and go on
    #[arg(long, conflicts_with = "format")]
    pub format_if_new: bool,
    /// Settings with HDFS's keys, as in -D dfs.heartbeat.interval=1s
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    pub define: Vec<String>,
    /// Take orders to break this server's disks at this address of this machine, as from
    /// curl -X PUT http://HOST:PORT/chaos -d 'slow_ms=200'
    #[arg(long, value_name = "HOST:PORT")]
    pub chaos: Option<String>,
    /// End when the standard input does
    #[arg(long)]
    pub exit_with_stdin: bool,
    /// The SOCKS5 listener that other servers dial through; a NameNode dials nobody
    #[arg(long, value_name = "HOST:PORT", hide = true)]
    pub socks: Option<std::net::SocketAddr>,
}

/// Runs a NameNode until it is asked to end, or formats its directory.
///
/// # Errors
/// When a setting is wrong, an address is taken, the directory cannot be used or is used by another process,
/// or the edit log cannot be written any more.
pub fn run(options: &Options) -> Result<()> {
    let settings = Settings::parse(&options.define)?;
    let config = settings.namenode()?;
    let dir = options.dir.display().to_string();
    // Else the lock would make it.
    if !options.dir.is_dir() && !options.format && !options.format_if_new {
        return Err(StorageError::NotFormatted).with_context(|| format!("cannot use {dir}"));
    }
    let _lock = lifetime::lock(
        &options.dir,
        LOCK_FILE,
        "give each NameNode a --dir of its own",
    )?;
    let mut disk = FileDisk::open(&options.dir)?;
    let mut rng = Rng::new(lifetime::random_seed());
    let clock = Clock::start();

    if options.format || options.format_if_new {
        match NameNode::format(&mut disk, &mut rng) {
            Err(StorageError::AlreadyFormatted(_)) if options.format_if_new => {}
            formatted => formatted.with_context(|| format!("cannot format {dir}"))?,
        }
    }
    if options.format {
        info!("{dir} holds an empty file system now");
        return Ok(());
    }
    let mut namenode = NameNode::load(config.clone(), &mut disk, clock.now())
        .with_context(|| format!("cannot use {dir}"))?;
    info!(last_transaction = namenode.last_txid().0, "loaded {dir}");

    let chaos = options.chaos.as_ref();
    let chaos = chaos.map(|address| (Chaos::new(std::slice::from_ref(&options.dir)), address));
    if let Some((chaos, _)) = &chaos {
        disk = chaos.break_into(&options.dir, disk);
    }
    let host_files = HostFiles::new(disk.clone(), &settings);
    let hosts = host_files.read();
    let hosts = hosts.with_context(|| format!("cannot read which DataNodes belong to {dir}"))?;
    namenode.refresh_nodes(hosts, clock.now());
    let (shared, syncer, mut failures) =
        Shared::start(namenode, host_files, config.clone(), disk, clock, rng)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let served = runtime.block_on(async {
        tokio::select! {
            served = serve(options, &config, shared, chaos) => served,
            failed = failures.recv() => match failed {
                Some(failed) => Err(failed),
                None => bail!("the sync thread is gone"),
            },
        }
    });
    // After a failure the core may be locked for ever, and nothing more can be saved.
    if served.is_ok() {
        syncer.stop();
    }
    runtime.shutdown_background();
    served
}

async fn serve(
    options: &Options,
    config: &Config,
    shared: Arc<Shared>,
    chaos: Option<(Chaos, &String)>,
) -> Result<()> {
    let rpc = listen(&options.listen, "--listen").await?;
    let http = listen(&options.http, "--http").await?;
    let mut ready = serde_json::json!({
        "ready": "namenode",
        "rpc": rpc.local_addr()?.to_string(),
        "http": http.local_addr()?.to_string(),
    });
    if let Some((chaos, address)) = chaos {
        ready["chaos"] = chaos.serve(address).await?.to_string().into();
    }
    lifetime::announce(&ready)?;

    let (end, _) = watch::channel(false);
    let ended = |mut end: watch::Receiver<bool>| async move {
        // The sender going away is an end as well.
        let _ = end.wait_for(|end| *end).await;
    };
    let services = Services(shared.clone());
    let limit = MESSAGE_MAX;
    let client = ClientProtocolServer::new(services.clone()).max_decoding_message_size(limit);
    let datanode = DatanodeProtocolServer::new(services).max_decoding_message_size(limit);
    let rpc = tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE))
        .trace_fn(traces::of_call)
        .add_service(client)
        .add_service(datanode)
        .serve_with_incoming_shutdown(
            TcpIncoming::from(rpc).with_nodelay(Some(true)),
            ended(end.subscribe()),
        );
    let pages = axum::serve(http, http::router(shared.clone()))
        .with_graceful_shutdown(ended(end.subscribe()));
    let mut rpc = tokio::spawn(rpc);
    let mut pages = tokio::spawn(pages.into_future());
    let ticks = tokio::spawn(tick_for_ever(shared, tick_interval(config)));

    tokio::select! {
        () = lifetime::end_requested(options.exit_with_stdin) => {}
        failed = &mut rpc => bail!("the RPC server ended: {failed:?}"),
        failed = &mut pages => bail!("the HTTP server ended: {failed:?}"),
    }
    info!("ending");
    ticks.abort();
    end.send_replace(true);
    let finished = async { tokio::join!(rpc, pages) };
    if tokio::time::timeout(GRACE, finished).await.is_err() {
        warn!("some calls were still under way");
    }
    Ok(())
}

async fn listen(address: &str, option: &str) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen at {option} {address}"))
}

/// Often enough for every timer of the core.
fn tick_interval(config: &Config) -> Duration {
    let shortest = config
        .replication_interval
        .min(config.heartbeat_interval)
        .min(config.heartbeat_recheck_interval)
        .min(config.lease_recheck_interval);
    shortest.clamp(Duration::from_millis(20), Duration::from_secs(1))
}

async fn tick_for_ever(shared: Arc<Shared>, interval: Duration) {
    let mut interval = tokio::time::interval(interval);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        shared.tick().await;
    }
}
