//! Somebody who has jobs done, one after the other or several at once.

use std::time::Duration;

use mini_mapreduce::coordinator::job::JobState;
use mini_mapreduce::job::{JobSpec, Settings, Split};
use mini_mapreduce::protocol::JobId;
use node::{Ctx, Event, NodeId, Rng};

use crate::cluster::Member;
use crate::history::Shared;
use crate::wire::{COORDINATOR, Message, Timer, address_of};

const ASK_EVERY: Duration = Duration::from_millis(300);

/// A job that it wants done.
struct Wish {
    token: u64,
    splits: Vec<Split>,
    job: Option<JobId>,
    is_over: bool,
}

/// The client.
pub(crate) struct ClientProcess {
    wishes: Vec<Wish>,
    at_once: usize,
    history: Shared,
}

impl ClientProcess {
    /// Wants all jobs of the history done; `workers` are the hosts that splits are on.
    pub(crate) fn new(history: Shared, workers: u64, rng: &mut Rng) -> ClientProcess {
        let place = |rng: &mut Rng| {
            let replicas = rng.below(3);
            let host = |_| address_of(NodeId(u32::try_from(2 + rng.below(workers)).unwrap()));
            (0..replicas).map(host).collect()
        };
        let split = |rng: &mut Rng, offset| Split {
            path: "text".to_owned(),
            offset,
            length: 1,
            hosts: place(rng),
            racks: Vec::new(),
        };
        let texts = history.borrow().texts.clone();
        let wishes = texts.iter().map(|(token, text)| Wish {
            token: *token,
            splits: (0..)
                .zip(&text.splits)
                .map(|(i, _)| split(rng, i))
                .collect(),
            job: None,
            is_over: false,
        });
        let wishes = wishes.collect();
        let at_once = 1 + rng.index(2);
        ClientProcess {
            wishes,
            at_once,
            history,
        }
    }

    pub(crate) fn step(&mut self, event: Event<Message, Timer>, ctx: &mut Ctx<'_, Member>) {
        match event {
            Event::Start | Event::Timer(_) => {
                ctx.set_timer(Timer::Client, ASK_EVERY);
                self.ask(ctx);
            }
            Event::Message { message, .. } => self.hear(message),
        }
    }

    fn ask(&self, ctx: &mut Ctx<'_, Member>) {
        let open = self.wishes.iter().filter(|wish| !wish.is_over);
        for wish in open.take(self.at_once) {
            let message = match wish.job {
                Some(job) => Message::AskState(job),
                None => Message::Submit(wish.token, self.spec(wish.token), wish.splits.clone()),
            };
            ctx.send(COORDINATOR, message);
        }
    }

    fn spec(&self, token: u64) -> JobSpec {
        JobSpec {
            program: "wordcount".to_owned(),
            args: Vec::new(),
            inputs: Vec::new(),
            output: token.to_string(),
            reduces: self.history.borrow().texts[&token].reduces,
            settings: Settings::default(),
        }
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Submitted(token, job) => {
                let wish = self.wishes.iter_mut().find(|wish| wish.token == token);
                if let Some(wish) = wish {
                    wish.job.get_or_insert(job);
                }
            }
            Message::StateIs(job, state) => {
                let result = match state {
                    JobState::Succeeded => Ok(()),
                    JobState::Failed { reason } => Err(reason),
                    JobState::Running | JobState::Committing => return,
                };
                let wish = self.wishes.iter_mut().find(|wish| wish.job == Some(job));
                if let Some(wish) = wish {
                    wish.is_over = true;
                }
                self.history.borrow_mut().over.insert(job, result);
            }
            _ => {}
        }
    }

    /// What it still waits for, if anything.
    pub(crate) fn is_waiting(&self) -> Option<String> {
        let open = self.wishes.iter().find(|wish| !wish.is_over)?;
        Some(match open.job {
            Some(job) => format!("{job} is not over"),
            None => format!("the job with token {} was not taken", open.token),
        })
    }
}
