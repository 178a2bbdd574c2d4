//! Where a scene stands: its step, what it tells, what it expects; and the hand that lets it go on, a step at a time or to its end.
//! All of it is the member `scene` of the state document.

use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sim::Level;

use crate::lab::{Lab, lock};

/// How a scene goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// By itself.
    #[default]
    Run,
    /// A step at a time: each is told, and done when somebody says so.
    Step,
}

/// The script of one scene, as far as it has been played.
#[derive(Debug)]
pub struct Script {
    lab: Weak<Lab>,
    now: Mutex<Now>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Now {
    name: &'static str,
    about: &'static str,
    mode: Mode,
    step: u64,
    text: String,
    waiting: bool,
    stopped: bool,
    expectations: Vec<Expectation>,
    result: Option<Value>,
}

#[derive(Debug)]
struct Expectation {
    step: u64,
    text: String,
    met: Option<bool>,
    reason: Option<String>,
}

impl Script {
    /// The script of the scene that will be played in `lab`, if one is.
    pub(crate) fn new(lab: &Arc<Lab>) -> Script {
        Script {
            lab: Arc::downgrade(lab),
            now: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    pub(crate) fn begin(&self, name: &'static str, about: &'static str) {
        let mut now = lock(&self.now);
        (now.name, now.about) = (name, about);
        self.show(&now);
    }

    /// Says how the scene goes on from now on. In [`Mode::Step`] it does the step at which it waits.
    pub fn go_on(&self, mode: Mode) {
        let mut now = lock(&self.now);
        now.mode = mode;
        now.waiting = false;
        self.show(&now);
        self.changed.notify_all();
    }

    /// Chooses the mode before the first step.
    pub(crate) fn set_mode(&self, mode: Mode) {
        lock(&self.now).mode = mode;
    }

    /// Whether a scene is being played.
    pub fn is_playing(&self) -> bool {
        let now = lock(&self.now);
        !now.name.is_empty() && now.result.is_none() && !now.stopped
    }

    /// Ends the scene where it is: it expects nothing more, and waits for nobody. What it has made stays as it is.
    pub fn stop(&self) {
        self.abandon();
        if let Some(lab) = self.lab.upgrade() {
            lab.recorder.put("scene", Value::Null);
        }
    }

    /// As [`Script::stop`], at the end of the run: what is recorded ends with the scene as it is.
    pub(crate) fn abandon(&self) {
        let mut now = lock(&self.now);
        now.stopped = true;
        now.waiting = false;
        self.changed.notify_all();
    }

    /// Whether somebody has ended it.
    pub fn is_stopped(&self) -> bool {
        lock(&self.now).stopped
    }

    /// Begins a step: tells it, and waits for a hand if it is not played by itself.
    pub(crate) fn tell(&self, text: String) {
        let mut now = lock(&self.now);
        if now.stopped {
            return;
        }
        if let Some(lab) = self.lab.upgrade() {
            lab.recorder.event(Level::Story, None, text.clone());
        }
        now.step += 1;
        now.text = text;
        now.waiting = now.mode == Mode::Step;
        self.show(&now);
        let waits = |now: &mut Now| now.waiting;
        // Nothing is left half changed by a panic elsewhere.
        let waited = self.changed.wait_while(now, waits);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Notes that `text` is expected from now on; returns what names the expectation.
    pub(crate) fn expect(&self, text: &str) -> usize {
        let mut now = lock(&self.now);
        let step = now.step;
        now.expectations.push(Expectation {
            step,
            text: text.to_owned(),
            met: None,
            reason: None,
        });
        self.show(&now);
        now.expectations.len() - 1
    }

    /// Notes what became of an expectation; a `reason` if it was not met.
    pub(crate) fn settle(&self, expectation: usize, reason: Option<&str>) {
        let mut now = lock(&self.now);
        if let Some(expectation) = now.expectations.get_mut(expectation) {
            expectation.met = Some(reason.is_none());
            expectation.reason = reason.map(str::to_owned);
        }
        self.show(&now);
    }

    pub(crate) fn end(&self, ok: bool, text: &str) {
        let mut now = lock(&self.now);
        now.result = Some(json!({"ok": ok, "text": text}));
        self.show(&now);
    }

    fn show(&self, now: &Now) {
        let Some(lab) = self.lab.upgrade().filter(|_| !now.stopped) else {
            return;
        };
        let expectations = now.expectations.iter().zip(1..).map(|(expectation, n)| {
            let Expectation {
                step,
                text,
                met,
                reason,
            } = expectation;
            let shown = json!({"step": step, "text": text, "met": met, "reason": reason});
            (n.to_string(), shown)
        });
        let scene = json!({
            "name": now.name,
            "about": now.about,
            "mode": now.mode,
            "step": now.step,
            "text": now.text,
            "waiting": now.waiting,
            "expectations": Value::Object(expectations.collect::<Map<_, _>>()),
            "result": now.result,
        });
        lab.recorder.put("scene", scene);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn now(script: &Script) -> (u64, bool) {
        let now = lock(&script.now);
        (now.step, now.waiting)
    }

    fn wait_for(script: &Script, step: u64, waiting: bool) {
        let end = Instant::now() + Duration::from_secs(20);
        while now(script) != (step, waiting) {
            assert!(Instant::now() < end, "{:?}", now(script));
            std::thread::yield_now();
        }
    }

    fn script() -> Arc<Script> {
        Arc::new(Script {
            lab: Weak::new(),
            now: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    fn play(script: &Arc<Script>, steps: usize) -> std::thread::JoinHandle<()> {
        let script = script.clone();
        std::thread::spawn(move || (0..steps).for_each(|step| script.tell(format!("step {step}"))))
    }

    #[test]
    fn a_step_at_a_time_and_then_to_the_end() {
        let script = script();
        script.set_mode(Mode::Step);
        let playing = play(&script, 5);
        wait_for(&script, 1, true);
        script.go_on(Mode::Step);
        wait_for(&script, 2, true);
        script.go_on(Mode::Run);
        playing.join().unwrap();
        assert_eq!(now(&script), (5, false));
    }

    #[test]
    fn a_scene_that_is_stopped_waits_for_nobody() {
        let script = script();
        script.set_mode(Mode::Step);
        let playing = play(&script, 5);
        wait_for(&script, 1, true);
        script.stop();
        playing.join().unwrap();
        assert!(script.is_stopped() && !script.is_playing());
    }
}
