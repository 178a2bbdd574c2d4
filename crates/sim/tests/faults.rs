//! One test for each kind of fault: it happens, and its mending mends it.
//!
//! Node 0 counts upwards, a number to node 1 every 10 ms; node 1 keeps what it hears, in memory and on
//! its disk, where it syncs nothing but on its own account every tenth number.

use std::time::Duration;

use node::{Ctx, Event, Node, NodeId, Rng, Time};
use sim::{Fault, Fuse, Link, Trace, What, World};

const TALKER: NodeId = NodeId(0);
const LISTENER: NodeId = NodeId(1);

#[derive(Default)]
struct Counter {
    next: u8,
    heard: Vec<u8>,
    refused: u32,
}

impl Node for Counter {
    type Message = u8;
    type Timer = ();

    fn step(&mut self, event: Event<u8, ()>, ctx: &mut Ctx<'_, Self>) {
        match event {
            Event::Message { message, .. } => {
                self.heard.push(message);
                if ctx.disk.append("heard", &[message]).is_err() {
                    self.refused += 1;
                }
                if message % 10 == 9 {
                    let _ = ctx.disk.sync("heard").and_then(|()| ctx.disk.sync_dir(""));
                }
            }
            Event::Start | Event::Timer(()) if ctx.id() == TALKER => {
                ctx.send(LISTENER, self.next);
                self.next += 1;
                ctx.set_timer((), Duration::from_millis(10));
            }
            Event::Start | Event::Timer(()) => {}
        }
    }
}

fn world() -> World<Counter> {
    let mut world = World::new(Rng::new(1), |_, _| Counter::default());
    world.set_trace(Trace::on());
    world.add_node("talker");
    world.add_node("listener");
    // The number k leaves at 10 k ms and arrives at most 2 ms later: after 95 ms, 0 to 9 are there.
    world.run_until(Time::from_millis(95));
    assert_eq!(heard(&world), (0..10).collect::<Vec<_>>());
    world
}

fn heard(world: &World<Counter>) -> Vec<u8> {
    world
        .node(LISTENER)
        .map(|node| node.heard.clone())
        .unwrap_or_default()
}

fn run_for(world: &mut World<Counter>, ms: u64) {
    world.run_until(world.now() + Duration::from_millis(ms));
}

fn crash(node: NodeId, fuse: Fuse) -> Fault {
    Fault::Crash { node, fuse }
}

#[test]
fn crash_and_restart() {
    let mut world = world();
    run_for(&mut world, 50);
    world.inject(&crash(LISTENER, Fuse::Now));
    assert!(world.node(LISTENER).is_none());
    run_for(&mut world, 100);
    world.inject(&Fault::Restart { node: LISTENER });
    assert_eq!((heard(&world), world.life(LISTENER)), (vec![], 2));
    // What was synced is there; what was not may be.
    let disk = world.disk(LISTENER).unwrap().contents("heard").unwrap();
    assert!(
        disk.starts_with(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        "{disk:?}"
    );
    run_for(&mut world, 20);
    assert_eq!(heard(&world), [25, 26]);
}

#[test]
fn crash_at_a_disk_call() {
    let mut world = world();
    world.inject(&crash(LISTENER, Fuse::DiskCalls(2)));
    run_for(&mut world, 20);
    assert_eq!(heard(&world).len(), 12);
    run_for(&mut world, 10);
    assert!(world.node(LISTENER).is_none());
}

#[test]
fn crash_between_effects() {
    let mut world = world();
    // Each step of the talker has two effects, the message and the timer: the third message still leaves.
    world.inject(&crash(TALKER, Fuse::Effects(5)));
    run_for(&mut world, 100);
    assert!(world.node(TALKER).is_none());
    assert_eq!(heard(&world), (0..13).collect::<Vec<_>>());
    world.inject(&Fault::Restart { node: TALKER });
    run_for(&mut world, 15);
    assert_eq!(&heard(&world)[13..], [0, 1]);
}

#[test]
fn pause_and_resume() {
    let mut world = world();
    world.inject(&Fault::Pause { node: LISTENER });
    run_for(&mut world, 50);
    assert!(world.is_paused(LISTENER));
    assert_eq!(heard(&world).len(), 10);
    world.inject(&Fault::Resume { node: LISTENER });
    run_for(&mut world, 0);
    assert_eq!(heard(&world), (0..15).collect::<Vec<_>>());
}

#[test]
fn a_cut_link_is_cut_in_one_direction() {
    let (mut there, mut back) = (world(), world());
    there.inject(&Fault::Cut {
        from: TALKER,
        to: LISTENER,
    });
    back.inject(&Fault::Cut {
        from: LISTENER,
        to: TALKER,
    });
    run_for(&mut there, 50);
    run_for(&mut back, 50);
    assert_eq!((heard(&there).len(), heard(&back).len()), (10, 15));
    there.inject(&Fault::Heal);
    run_for(&mut there, 50);
    assert_eq!(&heard(&there)[10..], [15, 16, 17, 18, 19]);
}

#[test]
fn a_partition_cuts_both_ways_and_what_is_under_way_is_lost() {
    let mut world = world();
    world.inject(&Fault::Network {
        link: Link {
            delay_us_min: 8_000,
            delay_us_max: 8_000,
            ..Link::default()
        },
    });
    // The number 10 left at 100 ms and would arrive at 108.
    run_for(&mut world, 10);
    world.inject(&Fault::Partition {
        group: vec![LISTENER],
    });
    run_for(&mut world, 10);
    world.inject(&Fault::Heal);
    run_for(&mut world, 15);
    assert_eq!(&heard(&world)[10..], [12]);
    let trace = world.trace().to_json_lines();
    assert_eq!(trace.matches(r#""text":"cut""#).count(), 2, "{trace}");
}

fn heard_through(link: Link) -> Vec<u8> {
    let mut world = world();
    world.inject(&Fault::Link {
        from: TALKER,
        to: LISTENER,
        link,
    });
    run_for(&mut world, 1000);
    heard(&world).split_off(10)
}

#[test]
fn messages_are_dropped() {
    let heard = heard_through(Link {
        drop_percent: 50,
        ..Link::default()
    });
    assert!((30..70).contains(&heard.len()), "{heard:?}");
    assert!(heard.is_sorted());
}

#[test]
fn messages_are_duplicated() {
    let heard = heard_through(Link {
        duplicate_percent: 100,
        ..Link::default()
    });
    assert_eq!(heard.len(), 200);
}

#[test]
fn messages_are_delayed_in_order_or_out_of_it() {
    let slow = Link {
        delay_us_min: 1_000,
        delay_us_max: 300_000,
        ..Link::default()
    };
    let in_order = heard_through(slow);
    assert!(in_order.is_sorted() && in_order.len() < 95, "{in_order:?}");
    let reordered = heard_through(Link {
        reorder_percent: 100,
        ..slow
    });
    assert!(!reordered.is_sorted(), "{reordered:?}");
}

#[test]
fn a_bit_flips() {
    let mut world = world();
    let flip = |within: &str| Fault::FlipBit {
        node: LISTENER,
        within: within.to_owned(),
        pick: 77,
    };
    let read = |world: &World<Counter>| {
        world
            .disk(LISTENER)
            .unwrap()
            .contents("heard")
            .unwrap()
            .to_vec()
    };
    let before = read(&world);
    world.inject(&flip("another"));
    assert_eq!(read(&world), before);
    world.inject(&flip("hear"));
    let after = read(&world);
    let flipped: u32 = before
        .iter()
        .zip(&after)
        .map(|(a, b)| (a ^ b).count_ones())
        .sum();
    assert_eq!(flipped, 1, "{before:?} {after:?}");
}

#[test]
fn a_disk_fills_up_and_is_freed() {
    let mut world = world();
    let refused = |world: &World<Counter>| world.node(LISTENER).unwrap().refused;
    world.inject(&Fault::DiskFull {
        node: LISTENER,
        free: 3,
    });
    run_for(&mut world, 50);
    assert_eq!(refused(&world), 2);
    world.inject(&Fault::DiskFreed { node: LISTENER });
    run_for(&mut world, 50);
    assert_eq!(refused(&world), 2);
}

#[test]
fn a_disk_is_lost() {
    let mut world = world();
    world.inject(&Fault::LoseDisk { node: LISTENER });
    assert_eq!(world.disk(LISTENER).unwrap().files().count(), 0);
    world.inject(&Fault::Restart { node: LISTENER });
    run_for(&mut world, 20);
    assert_eq!(heard(&world).len(), 2);
}

#[test]
fn calm_mends_everything() {
    let mut world = world();
    for fault in [
        crash(LISTENER, Fuse::Now),
        Fault::Pause { node: TALKER },
        Fault::Partition {
            group: vec![TALKER],
        },
        Fault::Network {
            link: Link {
                drop_percent: 100,
                ..Link::default()
            },
        },
    ] {
        world.inject(&fault);
    }
    run_for(&mut world, 50);
    world.calm();
    run_for(&mut world, 50);
    assert!(heard(&world).len() >= 4, "{:?}", heard(&world));
}

/// Writes and asks for two syncs, with a message after each and one before.
struct Syncer;

impl Node for Syncer {
    type Message = &'static str;
    type Timer = ();

    fn step(&mut self, event: Event<&'static str, ()>, ctx: &mut Ctx<'_, Self>) {
        if event == Event::Start && ctx.id() == TALKER {
            let _ = ctx.disk.append("file", b"bytes");
            ctx.send(LISTENER, "before");
            ctx.sync();
            ctx.send(LISTENER, "after one");
            ctx.set_timer((), Duration::ZERO);
        } else if event == Event::Timer(()) {
            // Another step: the sync of the first one still holds it back.
            ctx.send(LISTENER, "later");
            ctx.sync();
            ctx.send(LISTENER, "after two");
        }
    }
}

#[test]
fn a_send_waits_for_every_sync_before_it() {
    let mut world = World::new(Rng::new(3), |_, _| Syncer);
    world.set_trace(Trace::on());
    world.add_node("syncer");
    world.add_node("peer");
    world.run_until(Time::from_millis(100));
    let told: Vec<String> = world
        .trace()
        .records()
        .unwrap()
        .iter()
        .filter_map(|record| match &record.what {
            What::Send { text, .. } => Some(text.trim_matches('"').to_owned()),
            What::Sync { sync, .. } => Some(format!("sync {sync}")),
            What::Synced { sync, .. } => Some(format!("synced {sync}")),
            _ => None,
        })
        .collect();
    let expected = [
        "before",
        "sync 1",
        "sync 2",
        "synced 1",
        "after one",
        "later",
        "synced 2",
        "after two",
    ];
    assert_eq!(told, expected);
    let disk = world.disk(TALKER).unwrap();
    assert_eq!(disk.durable("file"), Some(&b"bytes"[..]));
}

#[test]
fn a_crash_during_a_sync_loses_what_waited() {
    let mut world = World::new(Rng::new(3), |_, _| Syncer);
    world.set_trace(Trace::on());
    world.add_node("syncer");
    world.add_node("peer");
    world.run_until(Time::from_micros(50));
    world.inject(&crash(TALKER, Fuse::Now));
    world.run_until(Time::from_millis(100));
    let trace = world.trace().to_json_lines();
    assert!(
        trace.contains("before") && !trace.contains("after"),
        "{trace}"
    );
}
