//! A watch that goes on: where a connection breaks, another member is asked for what comes behind the last revision that was heard.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::{Client, ClientError, mvccpb, pb};
use crate::store::StoreError;
use pb::watch_client::WatchClient;
use pb::watch_request::RequestUnion;

/// Before another member is asked.
const RETRY: Duration = Duration::from_millis(100);

/// One watcher.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    request: pb::WatchCreateRequest,
    stream: Option<(mpsc::Sender<pb::WatchRequest>, Streaming<pb::WatchResponse>)>,
}

impl Watch {
    /// Begins to watch, with the first call of [`Watch::next`].
    pub fn new(client: &Client, request: pb::WatchCreateRequest) -> Watch {
        Watch {
            client: client.clone(),
            request,
            stream: None,
        }
    }

    /// Makes sure that what happens from now on is heard. [`Watch::next`] does so by itself.
    ///
    /// # Errors
    /// As [`Watch::next`].
    pub async fn connect(&mut self) -> Result<(), ClientError> {
        while self.stream.is_none() {
            let (asks, asked) = mpsc::channel(1);
            let create = RequestUnion::CreateRequest(self.request.clone());
            // There is room for one.
            let _ = asks
                .send(pb::WatchRequest {
                    request_union: Some(create),
                })
                .await;
            let mut client = WatchClient::new(self.client.channel())
                .max_decoding_message_size(super::ANSWER_MAX);
            let Ok(answers) = client.watch(ReceiverStream::new(asked)).await else {
                tokio::time::sleep(RETRY).await;
                continue;
            };
            let mut answers = answers.into_inner();
            let Ok(Some(created)) = answers.message().await else {
                tokio::time::sleep(RETRY).await;
                continue;
            };
            check(&created)?;
            if self.request.start_revision == 0 {
                self.request.start_revision = super::revision(&created.header) + 1;
            }
            self.stream = Some((asks, answers));
        }
        Ok(())
    }

    /// The next events, of one revision or of several.
    ///
    /// # Errors
    /// When the server ends the watch: what was wanted is compacted, or makes no sense.
    pub async fn next(&mut self) -> Result<Vec<mvccpb::Event>, ClientError> {
        loop {
            self.connect().await?;
            let Some((_, answers)) = &mut self.stream else {
                continue;
            };
            match answers.message().await {
                Ok(Some(answer)) => {
                    check(&answer)?;
                    if answer.events.is_empty() {
                        continue;
                    }
                    let last = answer.events.iter().filter_map(|event| event.kv.as_ref());
                    let last = last.map(|kv| kv.mod_revision).max().unwrap_or(0);
                    // The rest of a revision that comes in parts must not be lost.
                    self.request.start_revision = last + i64::from(!answer.fragment);
                    return Ok(answer.events);
                }
                Ok(None) | Err(_) => self.stream = None,
            }
        }
    }
}

fn check(answer: &pb::WatchResponse) -> Result<(), ClientError> {
    let reason = match answer.compact_revision {
        _ if !answer.canceled => return Ok(()),
        0 => answer.cancel_reason.clone(),
        // etcd gives no reason then.
        _ => StoreError::Compacted.to_string(),
    };
    Err(ClientError::Refused(tonic::Status::out_of_range(reason)))
}
