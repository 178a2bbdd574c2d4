//! A whole cluster in one seed: its size, its jobs, its faults.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mini_mapreduce::coordinator::Config;
use mini_mapreduce::coordinator::delay::Waits;
use mini_mapreduce::coordinator::late::LateConfig;
use mini_mapreduce::coordinator::task::Limits;
use node::{Ctx, Event, Node, NodeId, Rng, Time};
use sim::{Mix, Scenario, Schedule, Setup, Trouble, World};

use crate::client::ClientProcess;
use crate::coordinator::CoordinatorProcess;
use crate::history::Shared;
use crate::invariants::{self, Progress};
use crate::text::Text;
use crate::wire::{CLIENT, COORDINATOR, Message, Timer};
use crate::worker::{Nature, WorkerProcess};

/// When faults end.
pub(crate) const CALM_AT: Time = Time::from_millis(15_000);
/// How long all jobs may take after that.
const PATIENCE: Duration = Duration::from_secs(240);
const CHECK_EVERY: Duration = Duration::from_millis(200);

/// A process of any role.
pub(crate) enum Member {
    Coordinator(Box<CoordinatorProcess>),
    Client(Box<ClientProcess>),
    Worker(Box<WorkerProcess>),
}

impl Node for Member {
    type Message = Message;
    type Timer = Timer;

    fn step(&mut self, event: Event<Message, Timer>, ctx: &mut Ctx<'_, Self>) {
        match self {
            Member::Coordinator(process) => process.step(event, ctx),
            Member::Client(process) => process.step(event, ctx),
            Member::Worker(process) => process.step(event, ctx),
        }
    }
}

/// How often something came to pass, in all runs.
pub(crate) type Tally = Arc<Mutex<BTreeMap<&'static str, u64>>>;

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Faults {
    All,
    /// Nothing else.
    CoordinatorCrashes,
}

/// The simulated cluster.
pub(crate) struct Cluster {
    faults: Faults,
    pub(crate) counts: Tally,
}

impl Cluster {
    pub(crate) fn new(faults: Faults) -> Cluster {
        let counts = Tally::default();
        Cluster { faults, counts }
    }
}

fn config() -> Config {
    let ms = Duration::from_millis;
    Config {
        worker_timeout: ms(3000),
        limits: Limits {
            lease: ms(3000),
            stuck: ms(8000),
            // More than bad luck and lost outputs of a run make of one task.
            attempts_max: 20,
        },
        waits: Waits {
            node: ms(500),
            rack: ms(500),
        },
        late: LateConfig {
            cap_percent: 20,
            runtime_min: ms(1500),
            ..LateConfig::default()
        },
        // So that the journal is written anew now and then.
        journal_slack: 500,
        ..Config::default()
    }
}

impl Scenario for Cluster {
    type Node = Member;

    fn name(&self) -> &'static str {
        match self.faults {
            Faults::All => "mini-mapreduce",
            Faults::CoordinatorCrashes => "mini-mapreduce-resume",
        }
    }

    fn replay_command(&self) -> &'static str {
        match self.faults {
            Faults::All => "cargo test -p mini-mapreduce --test simulation -- replay",
            Faults::CoordinatorCrashes => {
                "cargo test -p mini-mapreduce --test simulation -- resume"
            }
        }
    }

    fn label(message: &Message) -> &'static str {
        message.label()
    }

    fn setup(&self, rng: &mut Rng) -> Setup<Member> {
        let workers = 2 + rng.below(4);
        let history = Shared::default();
        let jobs = 1 + rng.below(4);
        for token in 0..jobs {
            let text = Text::draw(rng);
            history.borrow_mut().texts.insert(token, text);
        }
        history.borrow_mut().counts = self.counts.clone();
        history.borrow_mut().bad_luck = u32::try_from(rng.below(8)).unwrap();
        let has_bad_luck = self.faults == Faults::All;
        let nature = |rng: &mut Rng| Nature {
            rack: rng.below(2),
            step: Duration::from_millis(match rng.below(6) {
                // Nobody knows why.
                0 => 2000,
                _ => 30 + rng.below(120),
            }),
            has_bad_luck,
        };
        let natures: Vec<Nature> = (0..workers).map(|_| nature(rng)).collect();
        let shared = history.clone();
        let mut world = World::new(rng.fork(), move |id: NodeId, rng: &mut Rng| {
            let history = shared.clone();
            match id {
                COORDINATOR => Member::Coordinator(Box::new(CoordinatorProcess::new(
                    config(),
                    has_bad_luck,
                    history,
                ))),
                CLIENT => Member::Client(Box::new(ClientProcess::new(history, workers, rng))),
                NodeId(worker) => {
                    let nature = natures[worker as usize - 2];
                    Member::Worker(Box::new(WorkerProcess::new(nature, history, rng)))
                }
            }
        });
        world.add_node("coordinator");
        world.add_node("client");
        let workers: Vec<NodeId> = (1..=workers)
            .map(|i| world.add_node(&format!("worker{i}")))
            .collect();
        let never_lost = self.faults == Faults::CoordinatorCrashes;
        Setup {
            schedule: self.draw_faults(rng, &workers),
            world,
            invariants: invariants::all(&history, never_lost),
            progress: Box::new(Progress { history }),
            calm_at: CALM_AT,
            patience: PATIENCE,
            check_every: CHECK_EVERY,
        }
    }
}

fn mix(nodes: Vec<NodeId>, kinds: &[Trouble], count: u64) -> Mix {
    Mix {
        nodes,
        kinds: kinds.to_vec(),
        count,
        from: Time::from_millis(300),
        until: CALM_AT,
        longest: Duration::from_secs(6),
        flip_within: "nothing on these disks may rot: there is one copy".into(),
    }
}

impl Cluster {
    fn draw_faults(&self, rng: &mut Rng, workers: &[NodeId]) -> Schedule {
        let mut crashes = mix(vec![COORDINATOR], &[Trouble::Crash], rng.below(6));
        if self.faults == Faults::CoordinatorCrashes {
            // Shorter than workers are waited for.
            crashes.longest = Duration::from_secs(2);
            return crashes.draw(rng);
        }
        let everybody: Vec<NodeId> = workers.iter().copied().chain([COORDINATOR]).collect();
        let network = [
            Trouble::Cut,
            Trouble::Partition,
            Trouble::Noise,
            Trouble::NoisyLink,
        ];
        let lives = [Trouble::Crash, Trouble::Crash, Trouble::Pause];
        let mixes = [
            crashes,
            mix(
                vec![COORDINATOR],
                &[Trouble::Pause, Trouble::DiskFull],
                rng.below(3),
            ),
            mix(workers.to_vec(), &lives, rng.below(8)),
            mix(everybody, &network, rng.below(6)),
        ];
        let mut schedule: Schedule = mixes.iter().flat_map(|mix| mix.draw(rng)).collect();
        schedule.sort_by_key(|timed| timed.at_us);
        schedule
    }
}
