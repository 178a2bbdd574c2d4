//! The command line: `commands.rs` says what can be asked of the lab's program, this file does it.

mod commands;

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::{Command as Program, ExitCode, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use clap::{ArgMatches, FromArgMatches};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use commands::{Page, Place};

use crate::run::Run;
use crate::system::System;
use crate::web::{Director, Opening, Replay, Server};
use crate::{reaper, scenes, unwritten};

type Systems = &'static [&'static dyn System];

/// Runs the lab with these systems, on the arguments of this process. The program must do nothing else before: it is run again
/// for each node.
pub fn main(systems: Systems) -> ExitCode {
    let matches = commands::command(systems).get_matches();
    match perform(systems, &matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            // Nowhere is left to complain to when this fails.
            let _ = writeln!(io::stderr(), "error: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(systems: Systems, matches: &ArgMatches) -> Result<()> {
    let Some((task, matches)) = matches.subcommand() else {
        let first = systems.first().context("this lab has no system")?;
        return page(systems, *first, matches);
    };
    let system = || -> Result<(&'static dyn System, &ArgMatches)> {
        let (name, matches) = matches.subcommand().context("say which system")?;
        Ok((find(systems, name)?, matches))
    };
    match task {
        "page" => system().and_then(|(system, matches)| page(systems, system, matches)),
        "up" => system().and_then(|(system, matches)| up(system, matches)),
        "scene" => scene(systems, matches),
        "scenes" => list_scenes(systems),
        "replay" => replay(systems, matches),
        "torture" => system().and_then(|(system, matches)| torture(system, matches)),
        "node" => {
            let args = matches.get_many::<OsString>("args").unwrap_or_default();
            be(systems, args.cloned().collect())
        }
        "reaper" => reaper::run(matches.get_one::<PathBuf>("scratch").cloned()),
        _ => bail!("there is no command {task}"),
    }
}

fn find(systems: Systems, name: &str) -> Result<&'static dyn System> {
    let found = systems.iter().find(|system| system.name() == name);
    found
        .copied()
        .with_context(|| format!("this lab has no system {name}"))
}

// ---- doing it

fn be(systems: Systems, mut args: Vec<OsString>) -> Result<()> {
    ensure!(!args.is_empty(), "say of which system");
    let name = args.remove(0);
    unwritten::end_at_it();
    find(systems, &name.to_string_lossy())?.node(args)
}

fn list_scenes(systems: Systems) -> Result<()> {
    let mut out = io::stdout().lock();
    for scene in systems.iter().flat_map(|system| system.scenes()) {
        writeln!(out, "{:<24}{}", scene.name(), scene.about())?;
    }
    Ok(())
}

/// Plays one scene, to its end or until somebody ends it.
fn scene(systems: Systems, matches: &ArgMatches) -> Result<()> {
    let name = matches.get_one::<String>("name").context("say which")?;
    let place = Place::from_arg_matches(matches)?;
    let runtime = Runtime::new()?;
    let (run, scene) = scenes::find(systems, name, place.dir, runtime.handle())?;
    if let Some(trace) = &place.trace {
        run.save(trace)?;
    }
    let told = runtime.spawn(scenes::narrate(run.lab.recorder.follow(), io::stdout()));
    let playing = {
        let run = run.clone();
        runtime.spawn_blocking(move || scene.play(&run))
    };
    let played = runtime.block_on(async {
        tokio::select! {
            played = playing => played?,
            () = ended() => Err(anyhow::anyhow!("{name} was interrupted")),
        }
    });
    run.stop();
    runtime.block_on(told)?;
    runtime.shutdown_background();
    played
}

/// Tortures a system, to the end or until somebody ends it.
fn torture(system: &'static dyn System, options: &ArgMatches) -> Result<()> {
    let runtime = Runtime::new()?;
    let (options, handle) = (options.clone(), runtime.handle().clone());
    let running = runtime.spawn_blocking(move || system.torture(&options, &handle));
    let done = runtime.block_on(async {
        tokio::select! {
            done = running => done?,
            () = ended() => Err(anyhow::anyhow!("the torture was interrupted; its directory is left")),
        }
    });
    runtime.shutdown_background();
    done
}

/// Runs a system without a page until somebody ends it.
fn up(system: &'static dyn System, matches: &ArgMatches) -> Result<()> {
    let place = Place::from_arg_matches(matches)?;
    let runtime = Runtime::new()?;
    let run = Run::new(system, "", place.dir, runtime.handle().clone())?;
    if let Some(trace) = &place.trace {
        run.save(trace)?;
    }
    let starting = {
        let (run, options) = (run.clone(), matches.clone());
        move || run.start(&options)
    };
    let done = runtime.block_on(async {
        let running = async {
            tokio::task::spawn_blocking(starting).await??;
            say(&described(&run)?);
            std::future::pending().await
        };
        tokio::select! {
            done = running => done,
            () = ended() => Ok(()),
        }
    });
    run.stop();
    runtime.shutdown_background();
    done
}

/// Every node with its addresses, and the lines by which the system is reached.
fn described(run: &Run) -> Result<String> {
    let mut text = format!("{} is up:\n", run.system.title());
    for node in run.lab.nodes() {
        let place = node
            .rack
            .map_or_else(String::new, |rack| format!(" on {rack}"));
        let pid = node
            .pid
            .map_or_else(String::new, |pid| format!(", pid {pid}"));
        let addresses = run.lab.addresses(&node.name)?.into_iter();
        let addresses: Vec<String> = addresses.map(|(key, at)| format!("{key} {at}")).collect();
        text += &format!(
            "  {:<10} {}{place}: {}{pid}\n",
            node.name,
            node.role,
            addresses.join(", ")
        );
    }
    text += &format!("  logs and data in {}\n", run.lab.root().display());
    text += "From a shell in this workspace:\n";
    for line in run.cluster()?.shell() {
        text += &format!("  {line}\n");
    }
    Ok(text + "Ctrl-C ends everything.\n")
}

/// Runs a system with its page until somebody ends it.
fn page(systems: Systems, system: &'static dyn System, matches: &ArgMatches) -> Result<()> {
    let place = Place::from_arg_matches(matches)?;
    let opening = Opening {
        system,
        options: matches.clone(),
        dir: place.dir,
        trace: place.trace,
    };
    show(systems, matches, Some(opening), None)
}

/// Shows a recording on the page until somebody ends it.
fn replay(systems: Systems, matches: &ArgMatches) -> Result<()> {
    let file = matches.get_one::<PathBuf>("file").context("say which")?;
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let records =
        sim::parse_trace(&text).with_context(|| format!("cannot show {}", file.display()))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    say(&format!("{name}: {} records\n", records.len()));
    let replay = Replay {
        name: name.into_owned(),
        text: text.into(),
    };
    show(systems, matches, None, Some(replay))
}

fn show(
    systems: Systems,
    matches: &ArgMatches,
    opening: Option<Opening>,
    replay: Option<Replay>,
) -> Result<()> {
    let options = Page::from_arg_matches(matches)?;
    let runtime = Runtime::new()?;
    let director = Arc::new(Director::new(systems, opening, runtime.handle().clone()));
    let shown = runtime.block_on(async {
        let serving = async {
            let server = Server::bind(options.listen, options.port).await?;
            if replay.is_none() {
                let director = director.clone();
                tokio::task::spawn_blocking(move || director.open()).await??;
            }
            announce(&server, director.run().as_deref(), options.listen);
            if !options.no_browser {
                open_browser(&server.url());
            }
            let serving = server.serve(director.clone(), replay).await;
            serving.context("the page's server ended")
        };
        tokio::select! {
            shown = serving => shown,
            () = ended() => Ok(()),
        }
    });
    director.close();
    runtime.shutdown_background();
    shown
}

/// Prints how to reach the lab.
fn announce(server: &Server, run: Option<&Run>, listen: IpAddr) {
    let mut text = format!("The lab is open: {}\n", server.url());
    if !listen.is_loopback() {
        text += "It listens on your network too. Who has the token can kill, start and fill these processes, and read and write their \
                 files; nothing is encrypted.\n";
    }
    if let Some(run) = run {
        text += "From a shell in this workspace:\n";
        text += &format!("  export LAB_TOKEN={}\n", server.token());
        for line in run
            .cluster()
            .map(|cluster| cluster.shell())
            .unwrap_or_default()
        {
            text += &format!("  {line}\n");
        }
    }
    say(&(text + "Ctrl-C ends everything.\n"));
}

/// Prints. Whoever reads that may stop reading at any time; the lab goes on.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
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
    let mut command = Program::new(program);
    command.arg(url);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    std::thread::spawn(move || command.status());
}
