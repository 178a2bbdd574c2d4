//! The NameNode's two gRPC services: each handler turns a message into a call of the core, and its result
//! into a message.

mod datanode;

use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt};
use node::{Rng, Time};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::shared::Shared;
use crate::block::{DatanodeId, InodeId};
use crate::error::FsError;
use crate::namenode::NameNode;
use crate::namenode::hosts::{Host, Wish};
use crate::protocol::{AdditionalDatanodeRequest, CreateRequest, FsckFile};
use crate::server::rpc::wire::client_protocol_server::ClientProtocol;
use crate::server::rpc::{ITEMS_PER_MESSAGE, all, narrowed, needed, to_status, wire};

/// Files in one page of an fsck: the lock is free between pages.
const FSCK_PAGE: usize = 200;
/// Parts of an fsck that wait for a slow reader.
const FSCK_PARTS_AHEAD: usize = 4;

type Answer<T> = Result<Response<T>, Status>;

/// Serves both protocols.
#[derive(Clone, Debug)]
pub(super) struct Services(pub(super) Arc<Shared>);

impl Services {
    async fn call<T, W: From<T>>(
        &self,
        method: &'static str,
        call: impl FnOnce(&mut NameNode, Time, &mut Rng) -> Result<T, FsError>,
    ) -> Answer<W> {
        let result = self.0.call(method, call).await?;
        Ok(Response::new(result.into()))
    }
}

#[tonic::async_trait]
impl ClientProtocol for Services {
    async fn mkdirs(&self, request: Request<wire::MkdirsRequest>) -> Answer<wire::MkdirsResponse> {
        let request = request.into_inner();
        let permission = needed(request.permission, "MkdirsRequest.permission")?;
        let (path, create_parent) = (request.path, request.create_parent);
        self.call("mkdirs", |nn, now, _| {
            nn.mkdirs(&path, create_parent, &permission, now)
        })
        .await
    }

    async fn create(&self, request: Request<wire::CreateRequest>) -> Answer<wire::FileStatus> {
        let request = CreateRequest::try_from(request.into_inner())?;
        self.call("create", |nn, now, _| nn.create(&request, now))
            .await
    }

    async fn add_block(
        &self,
        request: Request<wire::AddBlockRequest>,
    ) -> Answer<wire::LocatedBlock> {
        let request = request.into_inner().into();
        self.call("addBlock", |nn, now, rng| nn.add_block(&request, now, rng))
            .await
    }

    async fn abandon_block(
        &self,
        request: Request<wire::AbandonBlockRequest>,
    ) -> Answer<wire::AbandonBlockResponse> {
        let request = request.into_inner();
        let block = needed(request.block, "AbandonBlockRequest.block")?;
        self.call("abandonBlock", |nn, _, _| {
            nn.abandon_block(InodeId(request.inode), &request.client, block)
        })
        .await
    }

    async fn complete(
        &self,
        request: Request<wire::CompleteRequest>,
    ) -> Answer<wire::CompleteResponse> {
        let request = request.into_inner();
        let last = request.last.map(Into::into);
        self.call("complete", |nn, now, _| {
            nn.complete(InodeId(request.inode), &request.client, last, now)
        })
        .await
    }

    async fn get_additional_datanode(
        &self,
        request: Request<wire::GetAdditionalDatanodeRequest>,
    ) -> Answer<wire::GetAdditionalDatanodeResponse> {
        let request = AdditionalDatanodeRequest::try_from(request.into_inner())?;
        self.call("getAdditionalDatanode", |nn, now, rng| {
            nn.get_additional_datanode(&request, now, rng)
        })
        .await
    }

    async fn update_block_for_pipeline(
        &self,
        request: Request<wire::UpdateBlockForPipelineRequest>,
    ) -> Answer<wire::UpdateBlockForPipelineResponse> {
        let request = request.into_inner();
        let block = needed(request.block, "UpdateBlockForPipelineRequest.block")?;
        self.call("updateBlockForPipeline", |nn, _, _| {
            nn.update_block_for_pipeline(InodeId(request.inode), &request.client, block)
        })
        .await
    }

    async fn update_pipeline(
        &self,
        request: Request<wire::UpdatePipelineRequest>,
    ) -> Answer<wire::UpdatePipelineResponse> {
        let request = request.into_inner();
        let old = needed(request.old, "UpdatePipelineRequest.old")?;
        let new = needed(request.new, "UpdatePipelineRequest.new")?;
        let pipeline: Vec<_> = request.pipeline.into_iter().map(DatanodeId).collect();
        self.call("updatePipeline", |nn, _, _| {
            nn.update_pipeline(InodeId(request.inode), &request.client, old, new, &pipeline)
        })
        .await
    }

    async fn renew_lease(
        &self,
        request: Request<wire::RenewLeaseRequest>,
    ) -> Answer<wire::RenewLeaseResponse> {
        let client = request.into_inner().client;
        self.call("renewLease", |nn, now, _| Ok(nn.renew_lease(&client, now)))
            .await
    }

    async fn recover_lease(
        &self,
        request: Request<wire::RecoverLeaseRequest>,
    ) -> Answer<wire::RecoverLeaseResponse> {
        let path = request.into_inner().path;
        self.call("recoverLease", |nn, now, _| nn.recover_lease(&path, now))
            .await
    }

    async fn is_file_closed(
        &self,
        request: Request<wire::IsFileClosedRequest>,
    ) -> Answer<wire::IsFileClosedResponse> {
        let path = request.into_inner().path;
        self.call("isFileClosed", |nn, _, _| nn.is_file_closed(&path))
            .await
    }

    type GetBlockLocationsStream = BoxStream<'static, Result<wire::LocatedBlocks, Status>>;

    async fn get_block_locations(
        &self,
        request: Request<wire::GetBlockLocationsRequest>,
    ) -> Answer<Self::GetBlockLocationsStream> {
        let request = request.into_inner();
        let host = request.reader_host.as_deref();
        let mut located = self
            .0
            .call("getBlockLocations", |nn, now, rng| {
                nn.get_block_locations(&request.path, request.offset, request.len, host, now, rng)
            })
            .await?;
        let mut blocks = std::mem::take(&mut located.blocks).into_iter();
        let mut first = true;
        let parts = std::iter::from_fn(move || {
            let blocks: Vec<_> = blocks.by_ref().take(ITEMS_PER_MESSAGE).collect();
            let wanted = std::mem::take(&mut first) || !blocks.is_empty();
            wanted.then(|| {
                Ok(wire::LocatedBlocks {
                    len: located.len,
                    blocks: all(blocks),
                    under_construction: located.under_construction,
                })
            })
        });
        Ok(Response::new(stream::iter(parts).boxed()))
    }

    async fn report_bad_block(
        &self,
        request: Request<wire::ReportBadBlockRequest>,
    ) -> Answer<wire::ReportBadBlockResponse> {
        let request = request.into_inner();
        let block = needed(request.block, "ReportBadBlockRequest.block")?;
        self.call("reportBadBlock", |nn, _, _| {
            nn.report_bad_block(block, DatanodeId(request.datanode))
        })
        .await
    }

    async fn rename(&self, request: Request<wire::RenameRequest>) -> Answer<wire::RenameResponse> {
        let wire::RenameRequest { from, to } = request.into_inner();
        self.call("rename", |nn, now, _| nn.rename(&from, &to, now))
            .await
    }

    async fn delete(&self, request: Request<wire::DeleteRequest>) -> Answer<wire::DeleteResponse> {
        let wire::DeleteRequest { path, recursive } = request.into_inner();
        self.call("delete", |nn, now, _| nn.delete(&path, recursive, now))
            .await
    }

    async fn set_replication(
        &self,
        request: Request<wire::SetReplicationRequest>,
    ) -> Answer<wire::SetReplicationResponse> {
        let request = request.into_inner();
        let replication = narrowed(request.replication, "SetReplicationRequest.replication")?;
        self.call("setReplication", |nn, _, _| {
            nn.set_replication(&request.path, replication)
        })
        .await
    }

    async fn set_permission(
        &self,
        request: Request<wire::SetPermissionRequest>,
    ) -> Answer<wire::SetPermissionResponse> {
        let request = request.into_inner();
        let mode = narrowed(request.mode, "SetPermissionRequest.mode")?;
        self.call("setPermission", |nn, _, _| {
            nn.set_permission(&request.path, mode)
        })
        .await
    }

    async fn set_owner(
        &self,
        request: Request<wire::SetOwnerRequest>,
    ) -> Answer<wire::SetOwnerResponse> {
        let request = request.into_inner();
        let (owner, group) = (request.owner.as_deref(), request.group.as_deref());
        self.call("setOwner", |nn, _, _| {
            nn.set_owner(&request.path, owner, group)
        })
        .await
    }

    async fn get_file_info(
        &self,
        request: Request<wire::GetFileInfoRequest>,
    ) -> Answer<wire::GetFileInfoResponse> {
        let path = request.into_inner().path;
        self.call("getFileInfo", |nn, _, _| nn.get_file_info(&path))
            .await
    }

    async fn get_listing(
        &self,
        request: Request<wire::GetListingRequest>,
    ) -> Answer<wire::Listing> {
        let wire::GetListingRequest { path, start_after } = request.into_inner();
        self.call("getListing", |nn, _, _| nn.get_listing(&path, &start_after))
            .await
    }

    async fn get_content_summary(
        &self,
        request: Request<wire::GetContentSummaryRequest>,
    ) -> Answer<wire::ContentSummary> {
        let path = request.into_inner().path;
        self.call("getContentSummary", |nn, _, _| {
            tokio::task::block_in_place(|| nn.get_content_summary(&path))
        })
        .await
    }

    type FsckStream = ReceiverStream<Result<wire::FsckPart, Status>>;

    async fn fsck(&self, request: Request<wire::FsckRequest>) -> Answer<Self::FsckStream> {
        let path = request.into_inner().path;
        let (parts, receiver) = mpsc::channel(FSCK_PARTS_AHEAD);
        let first = self.fsck_page(&path, "").await?;
        let services = self.clone();
        tokio::spawn(async move { services.send_fsck(&path, first, &parts).await });
        Ok(Response::new(receiver.into()))
    }

    async fn set_safe_mode(
        &self,
        request: Request<wire::SetSafeModeRequest>,
    ) -> Answer<wire::SetSafeModeResponse> {
        let on = request.into_inner().on;
        self.call("setSafeMode", |nn, now, _| {
            if let Some(on) = on {
                nn.set_safe_mode(on, now);
            }
            Ok(nn.safe_mode())
        })
        .await
    }

    async fn get_datanode_report(
        &self,
        _: Request<wire::GetDatanodeReportRequest>,
    ) -> Answer<wire::GetDatanodeReportResponse> {
        self.call(
            "getDatanodeReport",
            |nn, now, _| Ok(nn.datanode_report(now)),
        )
        .await
    }

    async fn refresh_nodes(
        &self,
        _: Request<wire::RefreshNodesRequest>,
    ) -> Answer<wire::RefreshNodesResponse> {
        self.0.refresh_nodes().await?;
        Ok(Response::new(wire::RefreshNodesResponse {}))
    }

    async fn set_admin_state(
        &self,
        request: Request<wire::SetAdminStateRequest>,
    ) -> Answer<wire::SetAdminStateResponse> {
        let request = request.into_inner();
        let refused = |reason| to_status(&FsError::InvalidArgument(reason));
        let hosts = request.hosts.iter().map(|host| Host::parse(host));
        let hosts: Vec<Host> = hosts.collect::<Result<_, _>>().map_err(refused)?;
        let wish = match request.wish() {
            wire::AdminState::Normal => None,
            wire::AdminState::Decommissioned => Some(Wish::Decommission),
            wire::AdminState::InMaintenance => Some(Wish::Maintenance {
                until_ms: request.until_ms,
            }),
            other => {
                let reason = format!("nobody can wish for a DataNode to be {other:?}");
                return Err(refused(reason));
            }
        };
        self.0.set_admin_state(&hosts, wish).await?;
        Ok(Response::new(wire::SetAdminStateResponse {}))
    }

    async fn get_blocks(
        &self,
        request: Request<wire::GetBlocksRequest>,
    ) -> Answer<wire::GetBlocksResponse> {
        let request = request.into_inner();
        let (datanode, min) = (DatanodeId(request.datanode), request.min_block_size);
        self.call("getBlocks", |nn, _, rng| {
            nn.get_blocks(datanode, request.size, min, rng)
        })
        .await
    }

    async fn get_status(&self, _: Request<wire::GetStatusRequest>) -> Answer<wire::FsStatus> {
        self.call("getStatus", |nn, now, _| Ok(nn.status(now)))
            .await
    }
}

impl Services {
    async fn fsck_page(&self, path: &str, start_after: &str) -> Result<Vec<FsckFile>, Status> {
        self.0
            .call("fsck", |nn, now, _| {
                tokio::task::block_in_place(|| nn.fsck(path, start_after, FSCK_PAGE, now))
            })
            .await
    }

    /// Sends page after page, until the last one or until nobody listens.
    async fn send_fsck(
        &self,
        path: &str,
        mut page: Vec<FsckFile>,
        parts: &mpsc::Sender<Result<wire::FsckPart, Status>>,
    ) {
        while let Some(last) = page.last() {
            let start_after = last.status.path.clone();
            for part in page.into_iter().flat_map(fsck_parts) {
                if parts.send(Ok(part)).await.is_err() {
                    return;
                }
            }
            page = match self.fsck_page(path, &start_after).await {
                Ok(page) => page,
                Err(refused) => {
                    // Nobody listens, or somebody learns of it: both are an end.
                    let _ = parts.send(Err(refused)).await;
                    return;
                }
            };
        }
    }
}

fn fsck_parts(file: FsckFile) -> impl Iterator<Item = wire::FsckPart> {
    let mut status = Some(file.status);
    let mut blocks = file.blocks.into_iter();
    std::iter::from_fn(move || {
        let status = status.take();
        let blocks: Vec<_> = blocks.by_ref().take(ITEMS_PER_MESSAGE).collect();
        (status.is_some() || !blocks.is_empty()).then(|| wire::FsckPart {
            status: status.map(Into::into),
            blocks: all(blocks),
        })
    })
}
