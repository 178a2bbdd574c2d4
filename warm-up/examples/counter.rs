//! The counter, its client, and what happens to them: `cargo run -p warm-up --example counter`. With a seed and a number of
//! messages in a hundred that get lost: `… --example counter 7 30`.

use std::env;
use std::io::{self, Write};

use node::{Rng, Time};
use sim::{Fault, Link, Trace, World};
use warm_up::counter::{COUNTER, Process};

fn main() -> io::Result<()> {
    let number = |at| env::args().nth(at).and_then(|text| text.parse().ok());
    let (seed, drop_percent) = (number(1).unwrap_or(1), number(2).unwrap_or(0));
    let mut world = World::new(Rng::new(seed.into()), |id, _| {
        if id == COUNTER {
            Process::Counter { total: 0 }
        } else {
            let (left, totals) = ([5, 6, 7].into(), Vec::new());
            Process::Client { left, totals }
        }
    });
    let trace = Trace::on();
    world.set_trace(trace.clone());
    world.add_node("counter");
    world.add_node("ada");
    let link = Link {
        drop_percent,
        ..Link::default()
    };
    world.inject(&Fault::Network { link });
    world.run_until(Time::from_millis(1000));
    let story = trace
        .records()
        .map_or(String::new(), |all| sim::narrate(&all));
    io::stdout().write_all(story.as_bytes())
}
