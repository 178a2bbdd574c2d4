//! What can be asked of the lab's program, and with which options. The systems add theirs.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use clap::{Arg, ArgAction, Args, Command, value_parser};

use super::Systems;
use crate::system::System;

// Options of whatever shows the page. (A doc comment would be what the command says of itself.)
#[derive(Debug, Args)]
pub(super) struct Page {
    /// The page's port; 0 lets the system choose
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(super) port: u16,
    /// Where the page listens; 0.0.0.0 lets others on your network in, who need the token then
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::from(Ipv4Addr::LOCALHOST))]
    pub(super) listen: IpAddr,
    /// Do not open a browser
    #[arg(long)]
    pub(super) no_browser: bool,
}

// Options of whatever runs a system.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// Keep everything in DIR, and find it there the next time [default: a temporary directory]
    #[arg(long, value_name = "DIR")]
    pub(super) dir: Option<PathBuf>,
    /// Record everything that happens to FILE, for `replay`; a scene on the page is a recording of its own beside it
    #[arg(long, value_name = "FILE")]
    pub(super) trace: Option<PathBuf>,
}

pub(super) fn command(systems: Systems) -> Command {
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
