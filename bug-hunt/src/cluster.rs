//! The simulated cluster: one NameNode, four DataNodes, two clients, and what goes wrong.

use std::rc::Rc;
use std::time::Duration;

use node::{NodeId, Rng, Time};
use sim::{
    Fault, Invariant, Mix, Scenario, Schedule, Setup, Timed, Trace, Trouble, Violation, World,
};

use crate::client::Client;
use crate::datanode::DataNode;
use crate::history::Shared;
use crate::member::{Member, NAMENODE, NameNodeProcess};
use crate::suspects::{self, Suspect};
use crate::view::View;
use crate::watch::Watch;

/// The four DataNodes: nodes 1 to 4.
pub const DATANODES: u32 = 4;
/// The two clients: nodes 5 and 6.
pub const CLIENTS: u32 = 2;

/// When everything is mended.
const CALM_AT: Time = Time::from_millis(20_000);
/// How much longer the run goes on: whoever was down is back then, and says what he has.
const AFTERWARDS: Duration = Duration::from_secs(4);

/// An invariant, as you write it: called after every event; the error says in a sentence what is wrong.
pub type Check = fn(&View) -> Result<(), String>;

/// Runs of a suspect under an invariant.
#[derive(Clone, Copy, Debug)]
pub struct Hunt {
    /// Which NameNode.
    pub suspect: Suspect,
    /// What must hold.
    pub check: Check,
}

impl Hunt {
    /// One run.
    ///
    /// # Errors
    /// The accusation; or the panic of an invariant, as one of that name.
    pub fn run(&self, seed: u64, trace: &Trace) -> Result<(), Violation> {
        sim::run(self, seed, trace)
    }
}

impl Scenario for Hunt {
    type Node = Member;

    fn name(&self) -> &str {
        self.suspect.name()
    }

    fn replay_command(&self) -> &str {
        self.suspect.replay_command()
    }

    fn setup(&self, rng: &mut Rng) -> Setup<Member> {
        let history = Shared::default();
        let (suspect, shared) = (self.suspect, Rc::clone(&history));
        let mut world = World::new(rng.fork(), move |id: NodeId, _: &mut Rng| {
            let history = Rc::clone(&shared);
            if id == NAMENODE {
                Member::NameNode(NameNodeProcess::new(suspects::namenode(suspect), history))
            } else if id.0 <= DATANODES {
                Member::DataNode(DataNode::new(history))
            } else {
                Member::Client(Client::new(history))
            }
        });
        world.add_node("namenode");
        for number in 1..=DATANODES {
            world.add_node(&format!("datanode{number}"));
        }
        for number in 1..=CLIENTS {
            world.add_node(&format!("client{number}"));
        }
        Setup {
            world,
            schedule: draw_faults(rng),
            invariants: vec![Box::new(Watch::new(self.check, history))],
            progress: Box::new(Afterwards),
            calm_at: CALM_AT,
            patience: AFTERWARDS * 2,
            check_every: Duration::ZERO,
        }
    }
}

/// The end of a run: nothing is asked for but that some time passes.
struct Afterwards;

impl Invariant<Member> for Afterwards {
    fn name(&self) -> &'static str {
        "the-end"
    }

    fn check(&mut self, world: &World<Member>) -> Result<(), String> {
        if world.now() < CALM_AT + AFTERWARDS {
            return Err("the run is not over".to_owned());
        }
        Ok(())
    }
}

/// DataNodes crash, hang and are cut off; the NameNode crashes; one disk at most is lost.
fn draw_faults(rng: &mut Rng) -> Schedule {
    let datanodes: Vec<NodeId> = (1..=DATANODES).map(NodeId).collect();
    let everybody: Vec<NodeId> = (0..=DATANODES + CLIENTS).map(NodeId).collect();
    let mix = |nodes: &[NodeId], kinds: &[Trouble], count| Mix {
        nodes: nodes.to_vec(),
        kinds: kinds.to_vec(),
        count,
        from: Time::from_millis(1_000),
        until: CALM_AT,
        longest: Duration::from_secs(5),
        flip_within: String::new(),
    };
    let away = [Trouble::Crash, Trouble::Pause];
    let network = [Trouble::Cut, Trouble::Partition, Trouble::Noise];
    let mixes = [
        mix(&datanodes, &away, 2 + rng.below(5)),
        mix(&[NAMENODE], &[Trouble::Crash], 1 + rng.below(4)),
        mix(&everybody, &network, rng.below(4)),
        mix(&datanodes, &[Trouble::LoseDisk], rng.below(2)),
    ];
    let mut schedule: Schedule = mixes.iter().flat_map(|mix| mix.draw(rng)).collect();
    schedule.retain(|timed| !matches!(timed.fault, Fault::LoseDisk { node: NAMENODE }));
    schedule.sort_by_key(|timed: &Timed| timed.at_us);
    schedule
}
