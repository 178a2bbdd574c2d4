//! The Watch service: many watchers on one stream.

use std::sync::Arc;

use axum::http::HeaderMap;
use futures::stream::BoxStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::convert;
use super::errors;
use super::kv_server::KvServer;
use super::metrics;
use super::wire::etcdserverpb as pb;
use super::wire::etcdserverpb::watch_server::Watch;
use crate::store::KeyRange;
use crate::watch::{StreamId, WatchRequest, WatchResponse};
use pb::watch_create_request::FilterType;
use pb::watch_request::RequestUnion;

/// How many answers wait for the connection; others wait in the hub, which knows what to do with too many.
const SENT_AHEAD: usize = 8;

/// The service.
#[derive(Clone)]
pub(super) struct WatchService(pub(super) Arc<KvServer>);

/// A client's stream; closed when this is dropped.
struct Connected {
    server: Arc<KvServer>,
    stream: StreamId,
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.server.watchers.close(self.stream);
        metrics::watch_streams(-1.0);
    }
}

fn create(request: pb::WatchCreateRequest) -> WatchRequest {
    let filtered = |filter: FilterType| request.filters.contains(&filter.into());
    let (no_put, no_delete) = (filtered(FilterType::Noput), filtered(FilterType::Nodelete));
    WatchRequest {
        range: KeyRange::new(request.key, request.range_end),
        start_revision: request.start_revision,
        watch_id: request.watch_id,
        prev_kv: request.prev_kv,
        progress_notify: request.progress_notify,
        fragment: request.fragment,
        no_put,
        no_delete,
    }
}

impl Connected {
    fn asked(&self, request: pb::WatchRequest) {
        let stream = self.stream;
        self.server
            .watchers
            .with(|hub| match request.request_union {
                Some(RequestUnion::CreateRequest(request)) => hub.create(stream, create(request)),
                Some(RequestUnion::CancelRequest(request)) => hub.cancel(stream, request.watch_id),
                Some(RequestUnion::ProgressRequest(_)) => hub.request_progress(stream),
                None => {}
            });
    }

    fn wire(&self, response: &WatchResponse) -> pb::WatchResponse {
        let prev_kv = response.prev_kv;
        metrics::events(response.events.len());
        // Who began too early is told from where on there is history, and nothing else.
        let is_too_early = response.compact_revision != 0;
        let (revision, cancel_reason) = match is_too_early {
            true => (0, ""),
            false => (response.revision, response.cancel_reason),
        };
        pb::WatchResponse {
            header: Some(self.server.header(revision)),
            watch_id: response.watch_id,
            created: response.created,
            canceled: response.canceled,
            compact_revision: response.compact_revision,
            cancel_reason: cancel_reason.to_owned(),
            fragment: response.fragment,
            events: response
                .events
                .iter()
                .map(|event| convert::event(event, prev_kv))
                .collect(),
        }
    }
}

#[tonic::async_trait]
impl Watch for WatchService {
    type WatchStream = BoxStream<'static, Result<pb::WatchResponse, Status>>;

    async fn watch(
        &self,
        request: Request<Streaming<pb::WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let needs_leader = needs_leader(request.metadata().as_ref());
        let mut asked = request.into_inner();
        let (answers, stream) = mpsc::channel(SENT_AHEAD);
        let (id, notify) = self.0.watchers.open();
        let server = self.0.clone();
        metrics::watch_streams(1.0);
        tokio::spawn(async move {
            let connected = Connected {
                server: server.clone(),
                stream: id,
            };
            let lost = server.leader_lost();
            tokio::pin!(lost);
            let mut more = true;
            loop {
                tokio::select! {
                    request = asked.message(), if more => match request {
                        Ok(Some(request)) => connected.asked(request),
                        // The client asks for nothing more, and may still listen.
                        Ok(None) => more = false,
                        Err(_) => return,
                    },
                    () = notify.notified() => {}
                    () = answers.closed() => return,
                    () = &mut lost, if needs_leader => {
                        let _ = answers.send(Err(errors::NO_LEADER.into())).await;
                        return;
                    }
                }
                while let Some(response) = server.watchers.take(id) {
                    if answers.send(Ok(connected.wire(&response))).await.is_err() {
                        return;
                    }
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }
}

/// Whether the client would rather hear that there is no leader than wait for one (etcd's `WithRequireLeader`).
pub(super) fn needs_leader(headers: &HeaderMap) -> bool {
    headers
        .get("hasleader")
        .is_some_and(|value| value == "true")
}
