//! What there is to see of a system besides its messages: the state documents of a trace. Nobody looks where no trace is kept.

use std::time::Duration;

use node::{Node, Time};
use serde_json::{Map, Value};

use crate::document::{Document, LampView};
use crate::patch;
use crate::run::{Invariant, Violation};
use crate::trace::What;
use crate::world::World;

/// How much virtual time passes between two looks, at least: less than an eye would notice.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Somebody who looks at the nodes of a run, and says what there is to see.
pub trait Observer<N: Node> {
    /// Names the system, by which the lab's page draws it: `hdfs`.
    fn system(&self) -> &'static str;

    /// The state document of this moment. The world's part of it is there already: every node with its process, links, disks, and
    /// a lamp for each invariant. What is returned is laid over it as a merge patch, and may say more of the nodes.
    fn look(&mut self, world: &World<N>) -> Value;
}

/// An observer at work, with what it has written.
pub(crate) struct Watch<N: Node> {
    observer: Box<dyn Observer<N>>,
    lamps: Vec<(String, LampView)>,
    written: Value,
    next: Time,
}

impl<N: Node> Watch<N> {
    /// `promises` are what its lamps stand for.
    pub(crate) fn new<'a>(
        observer: Box<dyn Observer<N>>,
        promises: impl Iterator<Item = &'a dyn Invariant<N>>,
    ) -> Watch<N>
    where
        N: 'a,
    {
        let lamp = |(order, promise): (u32, &dyn Invariant<N>)| {
            let lamp = LampView {
                order,
                sentence: promise.sentence().to_owned(),
                holds: Some(true),
                reason: String::new(),
            };
            (promise.name().to_owned(), lamp)
        };
        Watch {
            observer,
            lamps: (1..).zip(promises).map(lamp).collect(),
            written: Value::Object(Map::new()),
            next: Time::ZERO,
        }
    }

    /// Looks, if the last look was long enough ago, and writes what has changed.
    pub(crate) fn look(&mut self, world: &World<N>) {
        if world.now() >= self.next {
            self.next = world.now() + LOOK_EVERY;
            self.write(world);
        }
    }

    /// Puts out the lamp of what does not hold, and looks for the last time.
    pub(crate) fn violated(&mut self, violation: &Violation, world: &World<N>) {
        for (name, lamp) in &mut self.lamps {
            if *name == violation.invariant {
                lamp.holds = Some(false);
                lamp.reason.clone_from(&violation.text);
            }
        }
        self.write(world);
    }

    fn write(&mut self, world: &World<N>) {
        let document = Document {
            lamps: self.lamps.iter().cloned().collect(),
            ..world.document()
        };
        // Strings, numbers and string-keyed maps: nothing that JSON cannot say.
        let mut seen = serde_json::to_value(document).unwrap_or_default();
        patch::apply(&mut seen, &self.observer.look(world));
        if let Some(patch) = patch::diff(&self.written, &seen) {
            world.trace().add(world.now(), || What::State { patch });
            self.written = seen;
        }
    }
}
