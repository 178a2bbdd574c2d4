//! Safe mode (`BlockManagerSafeMode`): a NameNode that has just started knows the name of every block and the
//! place of none. Until most have been reported it must not judge any of them lost, and so changes nothing.

use std::time::Duration;

use node::Time;

/// How much has been reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Complete blocks.
    pub blocks: u64,
    /// Of these, with at least one good replica reported.
    pub reported: u64,
    /// DataNodes that are not dead.
    pub datanodes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Off,
    /// On since the start; the thresholds have been reached without a break since `reached`.
    Startup {
        reached: Option<Time>,
    },
    /// Turned on by hand.
    Manual,
}

/// Whether safe mode is on, and what turns it off.
#[derive(Clone, Copy, Debug)]
pub struct SafeMode {
    threshold_permille: u64,
    datanodes_min: usize,
    extension: Duration,
    state: State,
}

impl SafeMode {
    /// On, as a NameNode starts. It turns itself off when at least `threshold_permille` thousandths of the blocks are
    /// reported (rounded up to whole blocks) and at least `datanodes_min` DataNodes are there, and that has been so for
    /// `extension` without a break.
    pub fn new(threshold_permille: u64, datanodes_min: usize, extension: Duration) -> SafeMode {
        SafeMode {
            threshold_permille,
            datanodes_min,
            extension,
            state: State::Startup { reached: None },
        }
    }

    /// Whether it is on.
    pub fn is_on(&self) -> bool {
        self.state != State::Off
    }

    /// Looks at the progress and turns itself off when it is time. The extension begins with the first call that
    /// finds both thresholds reached, and begins anew after a call that does not. True when this call turned it
    /// off.
    ///
    /// What was turned on by hand is not touched.
    pub fn update(&mut self, progress: &Progress, now: Time) -> bool {
        let _ = (progress, now);
        todo!(
            "hdfs/safe-mode: off once both thresholds have been reached for the extension, without a break."
        )
    }

    /// Turns it on by hand. Only [`SafeMode::leave`] turns it off then.
    pub fn enter(&mut self) {
        self.state = State::Manual;
    }

    /// Turns it off by hand, whatever has been reported.
    pub fn leave(&mut self) {
        self.state = State::Off;
    }

    /// What turns it off, and exactly what is missing for that. None when it is off.
    pub fn status(&self, progress: &Progress, now: Time) -> Option<String> {
        let reached = match self.state {
            State::Off => return None,
            State::Manual => {
                let status = "It was turned on by hand; `dfsadmin -safemode leave` turns it off.";
                return Some(status.to_owned());
            }
            State::Startup { reached } => reached,
        };
        let Progress {
            blocks,
            reported,
            datanodes,
        } = *progress;
        let needed = self.blocks_needed(progress);
        let (whole, thousandths) = (
            self.threshold_permille / 1000,
            self.threshold_permille % 1000,
        );
        let part = format!("{whole}.{thousandths:03} of {blocks} blocks");
        let mut status = match needed.saturating_sub(reported) {
            0 => format!("{reported} blocks are reported, enough for the threshold ({part})."),
            more => format!(
                "{reported} blocks are reported; {more} more are needed to reach the threshold ({part})."
            ),
        };
        let datanodes_min = self.datanodes_min;
        status += &match datanodes_min.saturating_sub(datanodes) {
            0 => format!(
                " {datanodes} DataNodes are live, enough for the minimum of {datanodes_min}."
            ),
            more => format!(
                " {datanodes} DataNodes are live; {more} more are needed to reach the minimum of {datanodes_min}."
            ),
        };
        if let Some(since) = reached {
            let left = self.extension.saturating_sub(now.since(since));
            let seconds = left.as_millis().div_ceil(1000);
            status += &format!(" Safe mode turns itself off in {seconds} s.");
        }
        Some(status)
    }

    /// How many of `progress.blocks` must be reported: the threshold's thousandths of them, rounded up.
    fn blocks_needed(&self, progress: &Progress) -> u64 {
        let _ = progress;
        todo!("hdfs/safe-mode: the threshold's part of the blocks, rounded up to whole ones.")
    }
}
