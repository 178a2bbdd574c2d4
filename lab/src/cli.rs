//! The command line: what can be asked of the lab's program. The systems add options of their own.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::{Command as Program, ExitCode, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::run::Run;
use crate::system::System;
use crate::web::{Director, Opening, Replay, Server};
use crate::{reaper, recorder, scenes, unwritten};

type Systems = &'static [&'static dyn System];

/// Runs the lab with these systems, on the arguments of this process. The program must do nothing else before: it is run again
/// for each node.
pub fn main(systems: Systems) -> ExitCode {
    let matches = command(systems).get_matches();
    match perform(systems, &matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            // Nowhere is left to complain to when this fails.
            let _ = writeln!(io::stderr(), "error: {e:#}");
            ExitCode::FAILURE
        }
    }
}

// Options of whatever shows the page. (A doc comment would be what the command says of itself.)
#[derive(Debug, Args)]
struct Page {
    /// The page's port; 0 lets the system choose
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// Where the page listens; 0.0.0.0 lets others on your network in, who need the token then
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::from(Ipv4Addr::LOCALHOST))]
    listen: IpAddr,
    /// Do not open a browser
    #[arg(long)]
    no_browser: bool,
}

// Options of whatever runs a system.
#[derive(Debug, Args)]
struct Place {
    /// Keep everything in DIR, and find it there the next time [default: a temporary directory]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Record everything that happens to FILE, for `replay`
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

// ---- what there is

fn command(systems: Systems) -> Command {
    let mut command = Command::new("lab")
        .version(env!("CARGO_PKG_VERSION"))
        .args_conflicts_with_subcommands(true);
    command = match systems.first() {
        Some(first) => with_page(with_place(first.options(command))),
        None => command.subcommand_required(true),
    };
    command
        .about("Real processes, real faults, and a page to watch and break them on")
        .subcommand(of_systems("page", systems, |system, command| {
            Some(with_page(with_place(system.options(command))))
        }))
        .subcommand(of_systems("up", systems, |system, command| {
            Some(with_place(system.options(command)))
        }))
        .subcommand(with_place(scene_command()))
        .subcommand(Command::new("scenes").about("List the scenes"))
        .subcommand(with_page(replay_command()))
        .subcommand(of_systems("torture", systems, |system, command| {
            system.torture_options(command)
        }))
        .subcommand(node_command())
        .subcommand(reaper_command())
}

/// A command with a subcommand for each system, which adds its options; none: it is not among them.
fn of_systems(
    name: &'static str,
    systems: Systems,
    with_options: impl Fn(&dyn System, Command) -> Option<Command>,
) -> Command {
    let subcommands = systems.iter().filter_map(|system| {
        let command = with_options(*system, Command::new(system.name()))?;
        Some(command.about(system.title()))
    });
    let about = match name {
        "page" => "Run a system with its page",
        "up" => "Run a system without a page, and say how to reach it",
        _ => "Kill processes at random under load, and check that everything acknowledged is there",
    };
    Command::new(name)
        .about(about)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand_value_name("SYSTEM")
        .subcommand_help_heading("Systems")
        .disable_help_subcommand(true)
        .subcommands(subcommands)
}

fn with_page(command: Command) -> Command {
    Page::augment_args(command)
}

fn with_place(command: Command) -> Command {
    Place::augment_args(command)
}

fn scene_command() -> Command {
    let name = Arg::new("name").required(true);
    Command::new("scene")
        .about("Play a scene: tell it, do it, check it; fails where an expectation is not met")
        .arg(name.help("Its name, as `scenes` lists it"))
}

fn replay_command() -> Command {
    let file = Arg::new("file").required(true).value_name("FILE");
    Command::new("replay")
        .about(
            "Show a recorded run on the page: a trace of the simulator, or one that the lab saved",
        )
        .arg(
            file.value_parser(value_parser!(PathBuf))
                .help("The trace, as JSON lines"),
        )
}

fn node_command() -> Command {
    let args = Arg::new("args")
        .num_args(1..)
        .action(ArgAction::Append)
        .trailing_var_arg(true)
        .allow_hyphen_values(true)
        .value_parser(value_parser!(OsString));
    Command::new("node").about("Be a node").hide(true).arg(args)
}

fn reaper_command() -> Command {
    let scratch = Arg::new("scratch").value_parser(value_parser!(PathBuf));
    Command::new("reaper")
        .about("Be the reaper")
        .hide(true)
        .arg(scratch.help("A directory that goes with the lab"))
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
    save(&run, place.trace.as_deref())?;
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
    save(&run, place.trace.as_deref())?;
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
    };
    show(
        systems,
        matches,
        Some(opening),
        place.trace.as_deref(),
        None,
    )
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
    show(systems, matches, None, None, Some(replay))
}

fn show(
    systems: Systems,
    matches: &ArgMatches,
    opening: Option<Opening>,
    trace: Option<&Path>,
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
            if let Some(run) = director.run() {
                save(&run, trace)?;
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

/// Records `run` to the file `trace`, if there is to be one.
fn save(run: &Run, trace: Option<&Path>) -> Result<()> {
    let Some(trace) = trace else {
        return Ok(());
    };
    let file = File::create(trace).with_context(|| format!("cannot write {}", trace.display()))?;
    let saving = recorder::save(run.lab.recorder.follow(), io::BufWriter::new(file));
    run.lab.runtime().spawn(saving);
    Ok(())
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
