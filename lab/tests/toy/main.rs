//! The smallest system that the lab can show: a leader that has its followers copy a number. It documents what a system must bring,
//! and is driven here as the lab would drive it: real processes of this very program, deeds, links, a scene.
//!
//! Reading order: `node.rs` (what a node does), `system.rs` (what the lab is told of it), `messages.rs` (how it
//! understands what passes on links), then the tests below.

#![allow(missing_docs)]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../left/mod.rs"]
mod left;
mod messages;
mod node;
mod system;

use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lab::links::Rule;
use lab::run::Run;
use lab::scenes::{self, Mode};
use lab::system::{Order, System, perform};
use serde_json::{Value, json};
use sim::What;
use tokio::runtime::Runtime;

use system::Toy;

const SYSTEMS: &[&dyn System] = &[&Toy];
type Test = (&'static str, fn(&Runtime));

const DEADLINE: Duration = Duration::from_secs(60);

/// The lab runs its own program again for each node, and for the reaper. That program is this one; without such arguments it tests.
fn main() -> ExitCode {
    let first = std::env::args().nth(1);
    match first.as_deref() {
        Some("node" | "reaper") => return lab::main(SYSTEMS),
        Some(end @ ("panic" | "abort")) => come_to(end),
        _ => {}
    }
    let tests: &[Test] = &[
        (
            "what_happens_is_seen_and_can_be_undone",
            what_happens_is_seen_and_can_be_undone,
        ),
        ("a_start_that_fails_is_told", a_start_that_fails_is_told),
        ("a_scene_by_itself", a_scene_by_itself),
        ("a_scene_a_step_at_a_time", a_scene_a_step_at_a_time),
        ("a_scene_that_is_stopped", a_scene_that_is_stopped),
        (
            "nothing_is_left_of_a_lab_that_panics",
            nothing_is_left_of_a_lab_that_panics,
        ),
    ];
    let runtime = Runtime::new().unwrap();
    for (name, test) in tests {
        test(&runtime);
        println!("test {name} ... ok");
    }
    ExitCode::SUCCESS
}

/// Waits until the state document is as `holds` says.
fn until(run: &Run, what: &str, holds: impl Fn(&Value) -> bool) {
    let end = Instant::now() + DEADLINE;
    while !holds(&run.lab.recorder.state()) {
        assert!(
            Instant::now() < end,
            "{what}: {:#}",
            run.lab.recorder.state()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn lamp(holds: bool) -> impl Fn(&Value) -> bool {
    move |state| state["lamps"]["same"]["holds"] == holds
}

fn what_happens_is_seen_and_can_be_undone(runtime: &Runtime) {
    let run = Run::new(&Toy, "", None, runtime.handle().clone()).unwrap();
    // The options of a command line: `lab up toy --followers 2`.
    let options = Toy.options(clap::Command::new("toy"));
    run.start(&options.get_matches_from(["toy", "--followers", "2"]))
        .unwrap();
    let cluster = run.cluster().unwrap().clone();
    let deed = |deed: &str, node: Option<&str>, value| {
        let node = node.map(str::to_owned);
        perform(&run.lab, &*cluster, deed, &Order { node, value })
    };
    until(&run, "all are up", |state| {
        state["nodes"]["f2"]["process"] == "up"
    });

    // A deed of its own, and what becomes of it.
    deed("put", None, Some(7.0)).unwrap();
    until(&run, "all have it", |state| {
        state["nodes"]["f2"]["value"] == 7
    });
    until(&run, "all are the same", lamp(true));

    // A link that is cut, one that is whole again.
    let cut = Rule {
        cut: true,
        ..Rule::default()
    };
    run.lab.set_link("leader", "f1", cut).unwrap();
    assert_eq!(run.lab.recorder.state()["links"], json!({"leader>f1": cut}));
    deed("put", None, Some(8.0)).unwrap();
    until(&run, "one has not heard", lamp(false));

    // Deeds that any node knows, and all of it undone.
    deed("kill", Some("f2"), None).unwrap();
    deed("pause", Some("f1"), None).unwrap();
    until(&run, "one is down", |state| {
        state["nodes"]["f2"]["process"] == "down"
    });
    until(&run, "one is paused", |state| {
        state["nodes"]["f1"]["process"] == "paused"
    });
    assert!(deed("no-such-deed", None, None).is_err());
    assert!(deed("kill", Some("f3"), None).is_err());
    run.lab.undo().unwrap();
    assert_eq!(run.lab.recorder.state()["links"], json!({}));
    deed("put", None, Some(9.0)).unwrap();
    until(&run, "all are the same again", |state| {
        lamp(true)(state) && state["nodes"]["f2"]["value"] == 9
    });

    // Everything is recorded, in the form of the simulator's traces.
    let records = sim::parse_trace(&run.lab.recorder.trace().0.join("\n")).unwrap();
    let lives = records
        .iter()
        .filter(|record| matches!(&record.what, What::Start { name, .. } if name == "f2"));
    assert_eq!(lives.count(), 2);
    assert!(matches!(&records[0].what, What::Begin { system, .. } if system == "toy"));
    let sent = records.iter().find_map(|record| match &record.what {
        What::Send {
            message,
            label,
            text,
            ..
        } if text == "set 7" => {
            assert_eq!(label.as_deref(), Some("set"));
            Some(*message)
        }
        _ => None,
    });
    let delivered = |record: &sim::Record| matches!(record.what, What::Deliver { message, .. } if Some(message) == sent);
    assert!(records.iter().any(delivered), "{sent:?}");
    let commands = records.iter().filter_map(|record| match &record.what {
        What::Event { command, .. } => command.as_deref(),
        _ => None,
    });
    let commands: Vec<&str> = commands.collect();
    assert!(
        commands.iter().any(|c| c.starts_with("kill -9 ")),
        "{commands:?}"
    );
    let root = run.lab.root().to_owned();
    run.stop();
    assert!(!root.exists(), "the lab's directory goes with it");
}

fn a_start_that_fails_is_told(runtime: &Runtime) {
    let dir = tempfile::tempdir().unwrap();
    // Where a node's log should be is something else.
    std::fs::create_dir(dir.path().join("f1.log")).unwrap();
    let run = Run::new(&Toy, "", Some(dir.path().into()), runtime.handle().clone()).unwrap();
    assert!(run.is_opening());
    let options = Toy.options(clap::Command::new("toy"));
    let started = run.start(&options.get_matches_from(["toy"]));
    let told = started.unwrap_err().to_string();
    assert!(!run.is_opening());
    let now = format!("{:#}", run.cluster().err().unwrap());
    assert!(now.contains(&told), "{now}, and not {told}");
    let trace = run.lab.recorder.trace().0.join("\n");
    assert!(trace.contains("cannot be started"), "{trace}");
    run.stop();
}

fn begin(runtime: &Runtime, mode: Mode) -> (Arc<Run>, std::thread::JoinHandle<anyhow::Result<()>>) {
    let handle = runtime.handle();
    let (run, scene) = scenes::find(SYSTEMS, "toy/cut", None, handle).unwrap();
    run.script.go_on(mode);
    let playing = run.clone();
    (run, std::thread::spawn(move || scene.play(&playing)))
}

fn a_scene_by_itself(runtime: &Runtime) {
    let (run, playing) = begin(runtime, Mode::Run);
    playing.join().unwrap().unwrap();
    let scene = &run.lab.recorder.state()["scene"];
    assert_eq!(scene["result"]["ok"], true, "{scene:#}");
    assert_eq!(scene["step"], 2);
    assert_eq!(scene["expectations"]["2"]["met"], true);
    assert_eq!(scene["expectations"]["2"]["step"], 1);
    run.stop();
}

fn a_scene_a_step_at_a_time(runtime: &Runtime) {
    let (run, playing) = begin(runtime, Mode::Step);
    let waits = |step: u64| {
        move |state: &Value| state["scene"]["step"] == step && state["scene"]["waiting"] == true
    };
    until(&run, "the first step waits", waits(1));
    // Nothing of it is done before somebody says so.
    assert_eq!(run.lab.recorder.state()["links"], Value::Null);
    run.script.go_on(Mode::Step);
    until(&run, "the second waits", waits(2));
    until(&run, "the first is done", lamp(false));
    run.script.go_on(Mode::Run);
    playing.join().unwrap().unwrap();
    run.stop();
}

fn a_scene_that_is_stopped(runtime: &Runtime) {
    let (run, playing) = begin(runtime, Mode::Step);
    until(&run, "it waits", |state| state["scene"]["waiting"] == true);
    run.script.stop();
    assert!(playing.join().unwrap().is_err());
    assert_eq!(run.lab.recorder.state().get("scene"), None);
    // What it has made is still there.
    until(&run, "the leader runs", |state| {
        state["nodes"]["leader"]["process"] == "up"
    });
    run.stop();
}

/// A lab with a node that is stopped, which cannot notice anything, comes to an end that nobody has foreseen.
fn come_to(end: &str) {
    let runtime = Runtime::new().unwrap();
    let run = Run::new(&Toy, "", None, runtime.handle().clone()).unwrap();
    let options = Toy.options(clap::Command::new("toy"));
    run.start(&options.get_matches_from(["toy"])).unwrap();
    run.lab.pause("f1").unwrap();
    match end {
        "panic" => panic!("as foreseen by the test"),
        _ => std::process::abort(),
    }
}

fn nothing_is_left_of_a_lab_that_panics(_: &Runtime) {
    for end in ["panic", "abort"] {
        let tmp = tempfile::tempdir().unwrap();
        let mut lab = Command::new(std::env::current_exe().unwrap())
            .arg(end)
            .env("TMPDIR", tmp.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        left::expect_nothing(&mut lab, tmp.path());
        assert!(!lab.wait().unwrap().success());
    }
}
