//! A client: creates files, appends to them, deletes them, one after the other, and repeats each request until it is
//! answered. Nobody else touches its files.

use std::collections::BTreeSet;
use std::time::Duration;

use node::{Ctx, Event, NodeId};

use crate::history::Shared;
use crate::member::{Member, NAMENODE};
use crate::message::{Message, Timer};
use crate::view::{FileId, Replica};

/// After this long without an answer a request is sent again.
const RETRY: Duration = Duration::from_millis(150);

/// How many times [`RETRY`] a DataNode may take before the client goes on without it.
const PATIENCE: u32 = 4;

/// See the module.
pub struct Client {
    history: Shared,
    /// Files that it has closed, with their lengths.
    files: Vec<(FileId, u32)>,
    doing: Doing,
}

/// What it waits for.
enum Doing {
    Nothing,
    /// That the NameNode says where to write.
    Open {
        file: FileId,
        length: u32,
        survivors: Vec<NodeId>,
    },
    /// That the DataNodes have written.
    Write {
        file: FileId,
        replica: Replica,
        datanodes: Vec<NodeId>,
        written: BTreeSet<NodeId>,
        rounds: u32,
    },
    /// That the NameNode closes the file.
    Complete {
        file: FileId,
        replica: Replica,
        datanodes: Vec<NodeId>,
    },
    /// That the NameNode deletes it.
    Delete {
        file: FileId,
    },
}

impl Client {
    pub(crate) fn new(history: Shared) -> Client {
        Client {
            history,
            files: Vec::new(),
            doing: Doing::Nothing,
        }
    }

    pub(crate) fn step(&mut self, event: Event<Message, Timer>, ctx: &mut Ctx<'_, Member>) {
        match event {
            Event::Start => self.rest(ctx),
            Event::Timer(_) => {
                self.retry(ctx);
                ctx.set_timer(Timer::Retry, RETRY);
            }
            Event::Message { from, message } => self.handle(from, message, ctx),
        }
    }

    /// Nothing to do for a moment.
    fn rest(&mut self, ctx: &mut Ctx<'_, Member>) {
        self.doing = Doing::Nothing;
        let pause = Duration::from_millis(20 + ctx.rng.below(600));
        ctx.set_timer(Timer::Retry, pause);
    }

    fn retry(&mut self, ctx: &mut Ctx<'_, Member>) {
        match &mut self.doing {
            Doing::Nothing => self.doing = self.choose(ctx),
            Doing::Write {
                file,
                replica,
                datanodes,
                written,
                rounds,
            } => {
                *rounds += 1;
                if *rounds > PATIENCE {
                    // Who has written is good; if nobody has, the fault may be mine, and all get another chance.
                    let survivors = if written.is_empty() {
                        datanodes.clone()
                    } else {
                        written.iter().copied().collect()
                    };
                    self.doing = Doing::Open {
                        file: *file,
                        length: replica.length,
                        survivors,
                    };
                }
            }
            _ => {}
        }
        self.ask(ctx);
    }

    /// What to do next.
    fn choose(&mut self, ctx: &mut Ctx<'_, Member>) -> Doing {
        let draw = ctx.rng.below(100);
        let at = ctx.rng.index(self.files.len());
        let more = 1 + u32::try_from(ctx.rng.below(100)).unwrap_or(0);
        if self.files.is_empty() || draw < 30 {
            let file = self.history.borrow_mut().new_file();
            return Doing::Open {
                file,
                length: more,
                survivors: Vec::new(),
            };
        }
        if draw < 88 {
            let (file, length) = self.files[at];
            return Doing::Open {
                file,
                length: length + more,
                survivors: Vec::new(),
            };
        }
        let (file, _) = self.files.remove(at);
        self.history.borrow_mut().promise(file).deletion_asked = true;
        Doing::Delete { file }
    }

    /// Sends the request that it waits for the answer of.
    fn ask(&self, ctx: &mut Ctx<'_, Member>) {
        match &self.doing {
            Doing::Nothing => {}
            Doing::Open {
                file, survivors, ..
            } => {
                let (file, survivors) = (*file, survivors.clone());
                ctx.send(NAMENODE, Message::Open { file, survivors });
            }
            Doing::Write {
                file,
                replica,
                datanodes,
                written,
                ..
            } => {
                for to in datanodes.iter().filter(|to| !written.contains(to)) {
                    let (file, replica) = (*file, *replica);
                    ctx.send(*to, Message::Write { file, replica });
                }
            }
            Doing::Complete { file, replica, .. } => {
                let complete = Message::Complete {
                    file: *file,
                    generation: replica.generation,
                    length: replica.length,
                };
                ctx.send(NAMENODE, complete);
            }
            Doing::Delete { file } => ctx.send(NAMENODE, Message::Delete { file: *file }),
        }
    }

    fn handle(&mut self, from: NodeId, message: Message, ctx: &mut Ctx<'_, Member>) {
        match (&mut self.doing, message) {
            (
                Doing::Open { file, length, .. },
                Message::Opened {
                    file: opened,
                    generation,
                    datanodes,
                },
            ) if *file == opened => {
                let length = *length;
                self.go_on(
                    Doing::Write {
                        file: opened,
                        replica: Replica { generation, length },
                        datanodes,
                        written: BTreeSet::new(),
                        rounds: 0,
                    },
                    ctx,
                );
            }
            (
                Doing::Write {
                    file,
                    replica,
                    datanodes,
                    written,
                    ..
                },
                Message::Written {
                    file: of,
                    generation,
                },
            ) if (*file, replica.generation) == (of, generation) => {
                written.insert(from);
                if datanodes.iter().all(|node| written.contains(node)) {
                    let (replica, datanodes) = (*replica, std::mem::take(datanodes));
                    self.complete(of, replica, datanodes, ctx);
                }
            }
            (
                Doing::Complete { file, replica, .. },
                Message::Completed {
                    file: of,
                    generation,
                },
            ) if (*file, replica.generation) == (of, generation) => {
                let length = replica.length;
                self.history.borrow_mut().promise(of).acknowledged = length;
                self.files.retain(|(file, _)| *file != of);
                self.files.push((of, length));
                self.rest(ctx);
            }
            (Doing::Delete { file }, Message::Deleted { file: of }) if *file == of => {
                self.rest(ctx);
            }
            (_, Message::Refused { file }) => self.refused(file, ctx),
            _ => {}
        }
    }

    fn complete(
        &mut self,
        file: FileId,
        replica: Replica,
        datanodes: Vec<NodeId>,
        ctx: &mut Ctx<'_, Member>,
    ) {
        let mut history = self.history.borrow_mut();
        let promise = history.promise(file);
        promise.asked = promise.asked.max(replica.length);
        drop(history);
        let complete = Doing::Complete {
            file,
            replica,
            datanodes,
        };
        self.go_on(complete, ctx);
    }

    fn go_on(&mut self, doing: Doing, ctx: &mut Ctx<'_, Member>) {
        self.doing = doing;
        self.ask(ctx);
        ctx.set_timer(Timer::Retry, RETRY);
    }

    fn refused(&mut self, refused: FileId, ctx: &mut Ctx<'_, Member>) {
        match &mut self.doing {
            // Another generation was given out since: an answer to a repeated request.
            Doing::Complete {
                file,
                replica,
                datanodes,
            } if *file == refused => {
                let open = Doing::Open {
                    file: refused,
                    length: replica.length,
                    survivors: std::mem::take(datanodes),
                };
                self.go_on(open, ctx);
            }
            // Nobody is there to be written to: it gives up, and never touches this file again.
            Doing::Open { file, .. } if *file == refused => {
                self.files.retain(|(file, _)| *file != refused);
                self.rest(ctx);
            }
            _ => {}
        }
    }
}
