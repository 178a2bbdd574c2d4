//! Which calls to the NameNode may be sent twice (`RetryPolicies`, and `@Idempotent` in `ClientProtocol`).
//!
//! A call whose answer never came may or may not have been carried out. Asking again is harmless where doing it twice
//! is the same as doing it once; a `rename` that is repeated finds its source gone and reports a failure that was none.

use std::time::Duration;

use crate::error::FsError;

/// Whether doing a call twice is the same as doing it once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// It is: reads, `mkdirs`, `setReplication`.
    Idempotent,
    /// It is, and the caller is in the middle of a file (`addBlock`, `complete`, `updatePipeline`): it had better wait
    /// for a NameNode in safe mode than lose what it has written.
    MidFile,
    /// It is not: `create`, `rename`, `delete` (HDFS's `@AtMostOnce`).
    AtMostOnce,
}

/// Why a call has to be made again, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallFailure {
    /// No connection: the NameNode has not seen the call.
    NotSent,
    /// The connection broke after the call was sent: nobody knows whether it was carried out.
    Unanswered,
    /// The NameNode refused.
    Refused(FsError),
}

/// Pauses between attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first pause; each is twice the one before.
    pub first: Duration,
    /// No pause is longer.
    pub longest: Duration,
    /// No attempt begins later than this after the first.
    pub deadline: Duration,
}

impl Backoff {
    /// How long to wait before the attempt after `attempt` (the first is 0), `elapsed` after the first one began; none:
    /// the failure is final.
    pub fn retry(
        &self,
        repeat: Repeat,
        failure: &CallFailure,
        attempt: u32,
        elapsed: Duration,
    ) -> Option<Duration> {
        let may_repeat = match failure {
            CallFailure::NotSent => true,
            CallFailure::Unanswered => repeat != Repeat::AtMostOnce,
            CallFailure::Refused(FsError::NotReplicatedYet(_)) => true,
            CallFailure::Refused(FsError::SafeMode { .. }) => repeat == Repeat::MidFile,
            CallFailure::Refused(_) => false,
        };
        let pause = self
            .first
            .saturating_mul(1 << attempt.min(16))
            .min(self.longest);
        (may_repeat && elapsed + pause <= self.deadline).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_harm_is_repeated_and_not_for_ever() {
        let backoff = Backoff {
            first: Duration::from_millis(400),
            longest: Duration::from_secs(2),
            deadline: Duration::from_secs(10),
        };
        let safe_mode = CallFailure::Refused(FsError::SafeMode {
            operation: "add a block".into(),
            status: "It is on.".into(),
        });
        let millis = |repeat, failure: &CallFailure, attempt, elapsed| {
            backoff
                .retry(repeat, failure, attempt, Duration::from_secs(elapsed))
                .map(|pause| pause.as_millis())
        };
        use Repeat::*;
        assert_eq!(millis(AtMostOnce, &CallFailure::NotSent, 0, 0), Some(400));
        assert_eq!(millis(AtMostOnce, &CallFailure::Unanswered, 0, 0), None);
        assert_eq!(
            millis(Idempotent, &CallFailure::Unanswered, 1, 0),
            Some(800)
        );
        assert_eq!(millis(Idempotent, &safe_mode, 0, 0), None);
        assert_eq!(millis(MidFile, &safe_mode, 9, 7), Some(2000));
        assert_eq!(millis(MidFile, &safe_mode, 9, 9), None);
    }
}
