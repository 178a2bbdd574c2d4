//! Between etcd's messages and the plain types of [`crate::store`].
//!
//! Here fails only what the plain types cannot say: an unknown order, an operation that is none. The rest is the store's to check.

use crate::store::{
    Compare, CompareResult, CompareTarget, DeleteRangeRequest, DeleteRangeResponse, Event,
    EventKind, KeyRange, KeyValue, Op, OpResponse, PutRequest, PutResponse, RangeRequest,
    RangeResponse, SortOrder, SortTarget, StoreError, TxnRequest, TxnResponse,
};

use super::wire::etcdserverpb as pb;
use super::wire::mvccpb;
use pb::compare::TargetUnion;
use pb::request_op::Request;
use pb::response_op::Response;

pub(crate) fn range_request(request: pb::RangeRequest) -> Result<RangeRequest, StoreError> {
    use pb::range_request as wire;
    let range = KeyRange::new(request.key, request.range_end);
    let order = wire::SortOrder::try_from(request.sort_order);
    let target = wire::SortTarget::try_from(request.sort_target);
    let invalid = |_| StoreError::InvalidSortOption;
    Ok(RangeRequest {
        range,
        limit: request.limit,
        revision: request.revision,
        sort_order: match order.map_err(invalid)? {
            wire::SortOrder::None => SortOrder::None,
            wire::SortOrder::Ascend => SortOrder::Ascend,
            wire::SortOrder::Descend => SortOrder::Descend,
        },
        sort_target: match target.map_err(invalid)? {
            wire::SortTarget::Key => SortTarget::Key,
            wire::SortTarget::Version => SortTarget::Version,
            wire::SortTarget::Create => SortTarget::Create,
            wire::SortTarget::Mod => SortTarget::Mod,
            wire::SortTarget::Value => SortTarget::Value,
        },
        keys_only: request.keys_only,
        count_only: request.count_only,
        min_mod_revision: request.min_mod_revision,
        max_mod_revision: request.max_mod_revision,
        min_create_revision: request.min_create_revision,
        max_create_revision: request.max_create_revision,
    })
}

pub(crate) fn put_request(request: pb::PutRequest) -> PutRequest {
    PutRequest {
        key: request.key.into(),
        value: request.value.into(),
        lease: request.lease,
        prev_kv: request.prev_kv,
        ignore_value: request.ignore_value,
        ignore_lease: request.ignore_lease,
    }
}

pub(crate) fn delete_request(request: pb::DeleteRangeRequest) -> DeleteRangeRequest {
    let range = KeyRange::new(request.key, request.range_end);
    let prev_kv = request.prev_kv;
    DeleteRangeRequest { range, prev_kv }
}

pub(crate) fn txn_request(request: pb::TxnRequest) -> Result<TxnRequest, StoreError> {
    let ops = |ops: Vec<pb::RequestOp>| ops.into_iter().map(operation).collect::<Result<_, _>>();
    let compare = request.compare.into_iter().map(comparison);
    Ok(TxnRequest {
        compare: compare.collect::<Result<_, _>>()?,
        success: ops(request.success)?,
        failure: ops(request.failure)?,
    })
}

fn operation(op: pb::RequestOp) -> Result<Op, StoreError> {
    Ok(match op.request.ok_or(StoreError::KeyNotFound)? {
        Request::RequestRange(request) => Op::Range(range_request(request)?),
        Request::RequestPut(request) => Op::Put(put_request(request)),
        Request::RequestDeleteRange(request) => Op::DeleteRange(delete_request(request)),
        Request::RequestTxn(request) => Op::Txn(txn_request(request)?),
    })
}

fn comparison(compare: pb::Compare) -> Result<Compare, StoreError> {
    use pb::compare::CompareTarget as Wire;
    let range = KeyRange::new(compare.key, compare.range_end);
    let unknown = |_| StoreError::InvalidSortOption;
    let result = match pb::compare::CompareResult::try_from(compare.result).map_err(unknown)? {
        pb::compare::CompareResult::Equal => CompareResult::Equal,
        pb::compare::CompareResult::Greater => CompareResult::Greater,
        pb::compare::CompareResult::Less => CompareResult::Less,
        pb::compare::CompareResult::NotEqual => CompareResult::NotEqual,
    };
    let given = compare.target_union;
    // A target whose operand is missing, or is another one's, is compared with 0, as a reader of the message would see it.
    let target = match Wire::try_from(compare.target).map_err(unknown)? {
        Wire::Version => CompareTarget::Version(match given {
            Some(TargetUnion::Version(version)) => version,
            _ => 0,
        }),
        Wire::Create => CompareTarget::Create(match given {
            Some(TargetUnion::CreateRevision(revision)) => revision,
            _ => 0,
        }),
        Wire::Mod => CompareTarget::Mod(match given {
            Some(TargetUnion::ModRevision(revision)) => revision,
            _ => 0,
        }),
        Wire::Value => CompareTarget::Value(match given {
            Some(TargetUnion::Value(value)) => value.into(),
            _ => Vec::new().into(),
        }),
        Wire::Lease => CompareTarget::Lease(match given {
            Some(TargetUnion::Lease(lease)) => lease,
            _ => 0,
        }),
    };
    Ok(Compare {
        range,
        target,
        result,
    })
}

pub(crate) fn key_value(kv: &KeyValue) -> mvccpb::KeyValue {
    mvccpb::KeyValue {
        key: kv.key.to_vec(),
        create_revision: kv.create_revision,
        mod_revision: kv.mod_revision,
        version: kv.version,
        value: kv.value.to_vec(),
        lease: kv.lease,
    }
}

pub(crate) fn range_response(
    response: &RangeResponse,
    header: Option<pb::ResponseHeader>,
) -> pb::RangeResponse {
    pb::RangeResponse {
        header,
        kvs: response.kvs.iter().map(key_value).collect(),
        more: response.more,
        count: response.count,
    }
}

pub(crate) fn put_response(
    response: &PutResponse,
    header: Option<pb::ResponseHeader>,
) -> pb::PutResponse {
    let prev_kv = response.prev_kv.as_ref().map(key_value);
    pb::PutResponse { header, prev_kv }
}

pub(crate) fn delete_response(
    response: &DeleteRangeResponse,
    header: Option<pb::ResponseHeader>,
) -> pb::DeleteRangeResponse {
    pb::DeleteRangeResponse {
        header,
        deleted: response.deleted,
        prev_kvs: response.prev_kvs.iter().map(key_value).collect(),
    }
}

pub(crate) fn txn_response(
    response: TxnResponse,
    header: Option<pb::ResponseHeader>,
) -> pb::TxnResponse {
    pb::TxnResponse {
        header,
        succeeded: response.succeeded,
        responses: response.responses.into_iter().map(op_response).collect(),
    }
}

/// Of the headers inside of a transaction's response, clients read the revision.
fn op_response(response: OpResponse) -> pb::ResponseOp {
    let header = |revision| {
        Some(pb::ResponseHeader {
            revision,
            ..Default::default()
        })
    };
    pb::ResponseOp {
        response: Some(match response {
            OpResponse::Range(response) => {
                let header = header(response.revision);
                Response::ResponseRange(range_response(&response, header))
            }
            OpResponse::Put(response) => {
                let header = header(response.revision);
                Response::ResponsePut(put_response(&response, header))
            }
            OpResponse::DeleteRange(response) => {
                let header = header(response.revision);
                Response::ResponseDeleteRange(delete_response(&response, header))
            }
            // etcd gives nested transactions an empty one.
            OpResponse::Txn(response) => {
                Response::ResponseTxn(txn_response(response, Some(pb::ResponseHeader::default())))
            }
        }),
    }
}

/// `prev_kv`: whether the watcher asked for what was there before.
pub(crate) fn event(event: &Event, prev_kv: bool) -> mvccpb::Event {
    let kind = match event.kind {
        EventKind::Put => mvccpb::event::EventType::Put,
        EventKind::Delete => mvccpb::event::EventType::Delete,
    };
    mvccpb::Event {
        r#type: kind.into(),
        kv: Some(key_value(&event.kv)),
        prev_kv: event.prev_kv.as_ref().filter(|_| prev_kv).map(key_value),
    }
}
