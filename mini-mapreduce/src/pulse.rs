//! Signs of life of a task, pair by pair: who waits for it can tell a long merge from an endless loop, and it hears soon that nobody wants it any more.

use crate::groups::SortedPairs;
use crate::program::Pair;
use crate::task::{Progress, TaskError};

/// How many pairs pass between two looks at whether anybody still wants the task.
const PAIRS_BETWEEN_LOOKS: u32 = 1024;

/// The signs of life of one loop.
pub(crate) struct Pulse<'a> {
    progress: &'a dyn Progress,
    pairs: u32,
}

impl<'a> Pulse<'a> {
    pub(crate) fn new(progress: &'a dyn Progress) -> Pulse<'a> {
        Pulse { progress, pairs: 0 }
    }

    /// Another pair has passed.
    ///
    /// # Errors
    /// [`TaskError::Cancelled`], now and then, where it is so.
    #[inline]
    pub(crate) fn beat(&mut self) -> Result<(), Box<TaskError>> {
        self.progress.progress();
        self.pairs = (self.pairs + 1) % PAIRS_BETWEEN_LOOKS;
        if self.pairs == 0 {
            self.look()?;
        }
        Ok(())
    }

    /// Whether the task is still wanted.
    ///
    /// # Errors
    /// Where it is not.
    pub(crate) fn look(&self) -> Result<(), Box<TaskError>> {
        self.progress.progress();
        match self.progress.is_cancelled() {
            true => Err(Box::new(TaskError::Cancelled)),
            false => Ok(()),
        }
    }
}

/// Pairs whose passing is a sign of life.
pub(crate) struct Watched<'a, P> {
    pub(crate) pairs: P,
    pub(crate) pulse: Pulse<'a>,
}

impl<P: SortedPairs> SortedPairs for Watched<'_, P> {
    fn advance(&mut self) -> Result<bool, Box<TaskError>> {
        self.pulse.beat()?;
        self.pairs.advance()
    }

    fn current(&self) -> Pair<'_> {
        self.pairs.current()
    }
}
