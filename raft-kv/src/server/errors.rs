//! What etcd says when it refuses: gRPC's code and its own text. Clients compare both. What the store refuses is in
//! [`crate::store`].

use serde::{Deserialize, Serialize};
use tonic::{Code, Status};

/// A refusal that stands as a constant below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EtcdError(pub Code, pub &'static str);

impl From<EtcdError> for Status {
    fn from(error: EtcdError) -> Status {
        Status::new(error.0, error.1)
    }
}

macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident = $code:ident, $text:literal;)*) => {
        $($(#[$doc])* pub const $name: EtcdError = EtcdError(Code::$code, concat!("etcdserver: ", $text));)*
    };
}

errors! {
    /// A member with this id is there, or was.
    MEMBER_EXISTS = FailedPrecondition, "member ID already exist";
    /// Another member has this URL.
    PEER_URL_EXISTS = FailedPrecondition, "Peer URLs already exists";
    /// A majority of the new members would not be there. (etcd 3.4 gives it no code.)
    NOT_ENOUGH_STARTED = Unknown, "re-configuration failed due to not enough started members";
    /// No URLs.
    BAD_MEMBER_URLS = InvalidArgument, "given member URLs are invalid";
    /// No such member.
    MEMBER_NOT_FOUND = NotFound, "member not found";
    /// It votes already.
    NOT_LEARNER = FailedPrecondition, "can only promote a learner member";
    /// It is behind.
    LEARNER_NOT_READY = FailedPrecondition, "can only promote a learner member which is in sync with leader";
    /// One at a time.
    TOO_MANY_LEARNERS = FailedPrecondition, "too many learner members in cluster";
    /// Longer than `--max-request-bytes`.
    REQUEST_TOO_LARGE = InvalidArgument, "request is too large";
    /// More than can be worked off.
    TOO_MANY_REQUESTS = ResourceExhausted, "too many requests";
    /// Nobody leads.
    NO_LEADER = Unavailable, "no leader";
    /// Only the leader does this.
    NOT_LEADER = FailedPrecondition, "not leader";
    /// Whoever led does not lead any more; a read was not served.
    LEADER_CHANGED = Unavailable, "leader changed";
    /// This member ends, or has a broken disk.
    STOPPED = Unavailable, "server stopped";
    /// It was not decided in time. It may still be.
    TIMEOUT = Unavailable, "request timed out";
    /// As before, after the leader was lost.
    TIMEOUT_LEADER_FAILED = Unavailable, "request timed out, possibly due to previous leader failure";
    /// A learner serves only what is its own.
    NOT_FOR_LEARNERS = Unavailable, "rpc not supported for learner";
    /// Who shall lead cannot.
    BAD_TRANSFEREE = FailedPrecondition, "bad leader transferee";
    /// There are no users.
    ROOT_MISSING = FailedPrecondition, "root user does not exist";
    /// Nobody.
    USER_EMPTY = InvalidArgument, "user name is empty";
    /// Nothing.
    ROLE_EMPTY = InvalidArgument, "role name is empty";
    /// There are no users.
    USER_NOT_FOUND = FailedPrecondition, "user name not found";
    /// There are no roles.
    ROLE_NOT_FOUND = FailedPrecondition, "role name not found";
    /// Nobody has to say who he is.
    AUTH_NOT_ENABLED = FailedPrecondition, "authentication is not enabled";
    /// None was ever given.
    INVALID_AUTH_TOKEN = Unauthenticated, "invalid auth token";
}

/// A refusal on its way from the leader to the member that asked for its client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    code: i32,
    text: String,
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Refusal {
        Refusal {
            code: status.code() as i32,
            text: status.message().to_owned(),
        }
    }
}

impl From<EtcdError> for Refusal {
    fn from(error: EtcdError) -> Refusal {
        Status::from(error).into()
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Status {
        Status::new(Code::from_i32(refusal.code), refusal.text)
    }
}
