//! The lab: the systems of this workspace as real processes, real faults, and a page to watch and break them on.
//!
//!     cargo run --release                                  # a cluster, and a page
//!     cargo run --release -- scenes                        # what can be demonstrated
//!     cargo run --release -- scene hdfs/kill-datanode      # one demonstration, told and checked
//!     cargo run --release -- torture hdfs --minutes 10     # kills at random; what was acknowledged must be there
//!
//! `cargo run` builds this program alone, so it runs itself again for each node, calling the systems' libraries.
//!
//! Reading order: `lab.rs` (processes, and what can be done to them), `links.rs` (the network between them),
//! `reaper.rs` (nothing is left behind), `hdfs.rs` (mini-hdfs on top of these), `web.rs` (the page's server),
//! `scenes.rs` (demonstrations), `torture.rs`, then the page itself under `page/`.

mod hdfs;
mod journal;
mod lab;
mod links;
mod load;
mod reaper;
mod scenes;
mod torture;
mod unwritten;
mod web;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::hdfs::{Hdfs, Size};
use crate::lab::Lab;

/// Real processes, real faults, and a page to watch and break them on.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Task>,
    #[command(flatten)]
    page: Page,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Play a scene: tell it, do it, check it; fails where an expectation is not met
    Scene {
        /// Its name, as `scenes` lists it
        name: String,
        /// Keep everything in DIR [default: a temporary directory]
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// List the scenes
    Scenes,
    /// Kill processes at random under load, and check that everything acknowledged is there
    Torture {
        /// Which system
        #[arg(value_enum)]
        system: System,
        #[command(flatten)]
        options: torture::Options,
    },
    /// Be a node
    #[command(hide = true, subcommand)]
    Node(Node),
    /// Be the reaper
    #[command(hide = true)]
    Reaper {
        /// A directory that goes with the lab
        scratch: Option<PathBuf>,
    },
}

/// What can be tortured.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum System {
    /// mini-hdfs
    Hdfs,
}

#[derive(Debug, Subcommand)]
enum Node {
    /// mini-hdfs's NameNode
    Namenode(mini_hdfs::server::namenode::Options),
    /// mini-hdfs's DataNode
    Datanode(mini_hdfs::server::datanode::Options),
}

#[derive(Debug, Args)]
struct Page {
    /// How many DataNodes
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    datanodes: u32,
    /// On how many racks, one after the other
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=100))]
    racks: u32,
    /// The page's port; 0 lets the system choose
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// Keep everything in DIR, and find it there the next time [default: a temporary directory]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Do not open a browser
    #[arg(long)]
    no_browser: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => serve(cli.page),
        Some(Task::Scene { name, dir }) => scene(&name, dir),
        Some(Task::Scenes) => list_scenes(),
        Some(Task::Torture {
            system: System::Hdfs,
            options,
        }) => torture(options),
        Some(Task::Node(node)) => be(&node),
        Some(Task::Reaper { scratch }) => reaper::run(scratch),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            // Nowhere is left to complain to when this fails.
            let _ = writeln!(io::stderr(), "error: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn be(node: &Node) -> Result<()> {
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(false)
        .init();
    unwritten::end_at_it();
    match node {
        Node::Namenode(options) => mini_hdfs::server::namenode::run(options),
        Node::Datanode(options) => mini_hdfs::server::datanode::run(options),
    }
}

fn list_scenes() -> Result<()> {
    let mut out = io::stdout().lock();
    for scene in scenes::SCENES {
        writeln!(out, "{:<24}{}", scene.name, scene.about)?;
    }
    Ok(())
}

/// Plays one scene, to its end or until somebody ends it.
fn scene(name: &str, dir: Option<PathBuf>) -> Result<()> {
    let scene = scenes::find(name)?;
    let runtime = Runtime::new()?;
    let lab = Arc::new(Lab::new(dir, runtime.handle().clone())?);
    unwritten::enter_it(&lab);
    let playing = {
        let (lab, handle) = (lab.clone(), runtime.handle().clone());
        runtime.spawn_blocking(move || scenes::play(scene, &lab, &handle, io::stdout()))
    };
    let played = runtime.block_on(async {
        tokio::select! {
            played = playing => played?,
            () = ended() => Err(anyhow::anyhow!("{name} was interrupted")),
        }
    });
    lab.stop();
    runtime.shutdown_background();
    played
}

/// Tortures a system, to the end or until somebody ends it.
fn torture(options: torture::Options) -> Result<()> {
    let runtime = Runtime::new()?;
    let handle = runtime.handle().clone();
    let running = runtime.spawn_blocking(move || torture::run(&options, &handle));
    let done = runtime.block_on(async {
        tokio::select! {
            done = running => done?,
            () = ended() => Err(anyhow::anyhow!("the torture was interrupted; its directory is left")),
        }
    });
    runtime.shutdown_background();
    done
}

/// Runs a cluster with its page until somebody ends it.
fn serve(options: Page) -> Result<()> {
    let runtime = Runtime::new()?;
    let lab = Arc::new(Lab::new(options.dir, runtime.handle().clone())?);
    unwritten::enter_it(&lab);
    let size = Size {
        datanodes: options.datanodes,
        racks: options.racks,
    };
    let starting = {
        let (lab, handle) = (lab.clone(), runtime.handle().clone());
        move || Hdfs::start(lab, size, &handle)
    };
    let served = runtime.block_on(async {
        let serving = async {
            let server = web::Server::bind(options.port).await?;
            let hdfs = tokio::task::spawn_blocking(starting).await??;
            let url = server.url();
            announce(&url, &hdfs.lab)?;
            if !options.no_browser {
                open_browser(&url);
            }
            server.serve(hdfs).await.context("the page's server ended")
        };
        tokio::select! {
            served = serving => served,
            () = ended() => Ok(()),
        }
    });
    lab.stop();
    runtime.shutdown_background();
    served
}

/// Prints how to reach the lab. Whoever reads that may stop reading at any time; the lab goes on.
fn announce(url: &str, lab: &Lab) -> Result<()> {
    let namenode = lab.address(hdfs::NAMENODE, "rpc")?;
    let text = format!(
        "The lab is open: {url}\n\
         From a shell:    export MINI_HDFS_NAMENODE={namenode}\n\
         Ctrl-C ends everything.\n"
    );
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    Ok(())
}

/// Waits until somebody wants the lab to end: Ctrl-C, `kill`, or a terminal that is closed.
async fn ended() {
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    let waits = kinds.map(|kind| {
        Box::pin(async move {
            match signal(kind) {
                Ok(mut signals) => signals.recv().await,
                // It cannot be listened for, so it keeps its own effect, and the reaper does the rest.
                Err(_) => std::future::pending().await,
            }
        })
    });
    futures::future::select_all(waits).await;
}

/// Opens `url` where there is a screen to show it on. The address is printed anyway, so nothing is said when not.
fn open_browser(url: &str) {
    let has = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let program = match std::env::consts::OS {
        "macos" => "open",
        _ if has("DISPLAY") || has("WAYLAND_DISPLAY") => "xdg-open",
        _ => return,
    };
    let mut command = Command::new(program);
    command.arg(url);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    std::thread::spawn(move || command.status());
}
