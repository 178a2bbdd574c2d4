//! How the NameNode's refusals cross the wire: the gRPC status bears a code and a sentence for people, its
//! details bear the [`FsError`] itself, as JSON.

use tonic::{Code, ConnectError, Status};

use crate::error::FsError;

/// The longest error that is sent whole: it travels in a header, and headers are limited.
const DETAILS_MAX: usize = 48 << 10;

/// Why a call of the NameNode did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RpcError {
    /// The NameNode answered: no.
    #[error(transparent)]
    Refused(#[from] FsError),
    /// There was no connection: the call was not carried out.
    #[error("cannot reach the NameNode at {address}: {reason}")]
    Unreachable {
        /// Whom we called.
        address: String,
        /// Why not.
        reason: String,
    },
    /// There was no answer; the call may have been carried out, or not.
    #[error("no answer from the NameNode at {address}: {reason}")]
    Unavailable {
        /// Whom we called.
        address: String,
        /// What happened instead of an answer.
        reason: String,
    },
    /// The answer makes no sense: the two programs are of different versions, or one has a bug.
    #[error("the NameNode at {address} answered with an error: {reason}")]
    Broken {
        /// Whom we called.
        address: String,
        /// What it said.
        reason: String,
    },
}

impl RpcError {
    pub(crate) fn from_status(address: &str, status: &Status) -> RpcError {
        if let Ok(refused) = serde_json::from_slice(status.details()) {
            return RpcError::Refused(refused);
        }
        let address = address.to_owned();
        if let Some(reason) = connect_error(status) {
            return RpcError::Unreachable { address, reason };
        }
        match status.code() {
            // Unknown and Cancelled are what tonic makes of a connection that is lost in mid-call.
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown => {
                let reason = match source(status) {
                    Some(cause) => format!("{} ({cause})", status.message()),
                    None => status.message().to_owned(),
                };
                RpcError::Unavailable { address, reason }
            }
            code => RpcError::Broken {
                address,
                reason: format!("{code:?}: {}", status.message()),
            },
        }
    }
}

/// Why there is no connection, if that is what `status` is about.
fn connect_error(status: &Status) -> Option<String> {
    let mut cause = std::error::Error::source(status)?;
    while !cause.is::<ConnectError>() {
        cause = cause.source()?;
    }
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    Some(cause.to_string())
}

/// The innermost cause, which says what tonic's own message leaves out: "connection refused".
fn source(status: &Status) -> Option<String> {
    let mut cause = std::error::Error::source(status)?;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    Some(cause.to_string())
}

/// The status that tells a caller of `error`.
pub(crate) fn to_status(error: &FsError) -> Status {
    let code = match error {
        FsError::InvalidPath { .. } | FsError::InvalidArgument(_) => Code::InvalidArgument,
        FsError::FileNotFound(_) => Code::NotFound,
        FsError::FileAlreadyExists(_) => Code::AlreadyExists,
        FsError::ParentNotDirectory(_)
        | FsError::PathIsDirectory(_)
        | FsError::PathIsNotEmptyDirectory(_)
        | FsError::InvalidRename { .. }
        | FsError::SafeMode { .. }
        | FsError::InconsistentNamespace { .. }
        | FsError::UnregisteredNode(_)
        | FsError::DisallowedDatanode(_) => Code::FailedPrecondition,
        FsError::RecoveryInProgress { .. }
        | FsError::AlreadyBeingCreated { .. }
        | FsError::LeaseExpired { .. }
        | FsError::StaleBlock { .. }
        | FsError::NotReplicatedYet(_)
        | FsError::InvalidBlockReportLease { .. } => Code::Aborted,
        FsError::NoDatanodes { .. } => Code::ResourceExhausted,
    };
    let message = shortened(error);
    let details = match serde_json::to_vec(error) {
        Ok(details) if details.len() <= DETAILS_MAX => details,
        _ => serde_json::to_vec(&FsError::InvalidArgument(message.clone())).unwrap_or_default(),
    };
    Status::with_details(code, message, details.into())
}

fn shortened(error: &FsError) -> String {
    let whole = error.to_string();
    match whole.char_indices().nth(500) {
        Some((end, _)) => format!("{}…", &whole[..end]),
        None => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_arrives_as_it_was() {
        let sent = FsError::LeaseExpired {
            path: "/a/ü".to_owned(),
            client: "c1".to_owned(),
            reason: "it was given to c2".to_owned(),
        };
        match RpcError::from_status("nn:8020", &to_status(&sent)) {
            RpcError::Refused(arrived) => assert_eq!(arrived, sent),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_call_that_found_nobody_was_not_carried_out() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = closed.local_addr().unwrap().to_string();
        drop(closed);
        let connector = crate::server::connector::Connector::direct();
        let client = crate::server::rpc::NameNodeClient::new(&connector, &address).unwrap();
        match client.delete("/a", false).await {
            Err(RpcError::Unreachable { reason, .. }) => assert!(reason.contains("refused")),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_refusal_too_long_for_a_header_is_shortened() {
        let sent = FsError::FileNotFound("ü".repeat(1 << 20));
        match RpcError::from_status("nn:8020", &to_status(&sent)) {
            RpcError::Refused(FsError::InvalidArgument(reason)) => assert!(reason.len() < 2000),
            other => panic!("{other:?}"),
        }
    }
}
