//! The NameNode as its callers see it: the methods of [`crate::namenode::NameNode`], over gRPC.

mod admin;
mod datanode;

use std::future::Future;
use std::io;
use std::time::Duration;

use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};

use super::convert::{Malformed, needed, try_all};
use super::wire::client_protocol_client::ClientProtocolClient;
use super::wire::datanode_protocol_client::DatanodeProtocolClient;
use super::{MESSAGE_MAX, RpcError, address, wire};
use crate::block::{Block, DatanodeId, DatanodeInfo, GenerationStamp, InodeId, LocatedBlock};
use crate::protocol::{
    AddBlockRequest, AdditionalDatanodeRequest, ContentSummary, CreateRequest, DatanodeReport,
    FileStatus, FsStatus, FsckFile, LeaseLimits, Listing, LocatedBlocks, Permission,
};
use crate::server::connector::Connector;

/// How long a call may take before it counts as unanswered (`ipc.client.rpc-timeout.ms`).
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// A channel by which each call is told which trace it belongs to.
type Traced = InterceptedService<Channel, fn(Request<()>) -> Result<Request<()>, Status>>;

/// Calls a NameNode. Each method does what the one of the same name of [`crate::namenode::NameNode`] does, once:
/// what to do about [`RpcError::Unavailable`] is the caller's decision. Clones share one connection.
#[derive(Clone, Debug)]
pub struct NameNodeClient {
    address: String,
    timeout: Duration,
    client: ClientProtocolClient<Traced>,
    datanode: DatanodeProtocolClient<Channel>,
}

impl NameNodeClient {
    /// A client of the NameNode at `address`: `HOST:PORT`, or `HOST` for HDFS's port 8020. It connects with the first call.
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When `address` is not of that form.
    pub fn new(connector: &Connector, address: &str) -> io::Result<NameNodeClient> {
        let address = address::with_port(address)?;
        let channel = connector.channel(&address)?;
        Ok(NameNodeClient {
            address,
            timeout: CALL_TIMEOUT,
            client: ClientProtocolClient::new(InterceptedService::new(
                channel.clone(),
                traces::tell as fn(_) -> _,
            ))
            .max_decoding_message_size(MESSAGE_MAX),
            datanode: DatanodeProtocolClient::new(channel).max_decoding_message_size(MESSAGE_MAX),
        })
    }

    /// The same client, whose calls count as unanswered after `timeout` (otherwise a minute).
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> NameNodeClient {
        NameNodeClient { timeout, ..self }
    }

    /// `HOST:PORT` of the NameNode.
    pub fn address(&self) -> &str {
        &self.address
    }

    async fn answer<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, RpcError> {
        match tokio::time::timeout(self.timeout, call).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(RpcError::from_status(&self.address, &status)),
            Err(_) => Err(RpcError::Unavailable {
                address: self.address.clone(),
                reason: format!("no answer within {:?}", self.timeout),
            }),
        }
    }

    fn broken(&self, malformed: Malformed) -> RpcError {
        RpcError::Broken {
            address: self.address.clone(),
            reason: malformed.to_string(),
        }
    }

    fn read<W, T: TryFrom<W, Error = Malformed>>(&self, answer: W) -> Result<T, RpcError> {
        answer.try_into().map_err(|e| self.broken(e))
    }
}

/// `ClientProtocol`.
impl NameNodeClient {
    /// Makes a directory.
    pub async fn mkdirs(
        &self,
        path: &str,
        create_parent: bool,
        permission: &Permission,
    ) -> Result<(), RpcError> {
        let request = wire::MkdirsRequest {
            path: path.to_owned(),
            create_parent,
            permission: Some(permission.clone().into()),
        };
        self.answer(self.client.clone().mkdirs(request)).await?;
        Ok(())
    }

    /// Opens a new file for writing. Not idempotent.
    pub async fn create(&self, request: &CreateRequest) -> Result<FileStatus, RpcError> {
        let request = wire::CreateRequest::from(request.clone());
        let answer = self.answer(self.client.clone().create(request)).await?;
        self.read(answer)
    }

    /// Ends the last block of a file being written, and begins another.
    pub async fn add_block(&self, request: &AddBlockRequest) -> Result<LocatedBlock, RpcError> {
        let request = wire::AddBlockRequest::from(request.clone());
        let answer = self.answer(self.client.clone().add_block(request)).await?;
        self.read(answer)
    }

    /// Gives up a block that could not be written.
    pub async fn abandon_block(
        &self,
        inode: InodeId,
        client: &str,
        block: Block,
    ) -> Result<(), RpcError> {
        let request = wire::AbandonBlockRequest {
            inode: inode.0,
            client: client.to_owned(),
            block: Some(block.into()),
        };
        self.answer(self.client.clone().abandon_block(request))
            .await?;
        Ok(())
    }

    /// Ends a file; false while its last block lacks replicas.
    pub async fn complete(
        &self,
        inode: InodeId,
        client: &str,
        last: Option<Block>,
    ) -> Result<bool, RpcError> {
        let request = wire::CompleteRequest {
            inode: inode.0,
            client: client.to_owned(),
            last: last.map(Into::into),
        };
        let answer = self.answer(self.client.clone().complete(request)).await?;
        Ok(answer.done)
    }

    /// Another node for a pipeline that has lost one.
    pub async fn get_additional_datanode(
        &self,
        request: &AdditionalDatanodeRequest,
    ) -> Result<DatanodeInfo, RpcError> {
        let request = wire::GetAdditionalDatanodeRequest::from(request.clone());
        let mut stub = self.client.clone();
        let answer = self.answer(stub.get_additional_datanode(request)).await?;
        needed(answer.datanode, "GetAdditionalDatanodeResponse.datanode")
            .map_err(|e| self.broken(e))
    }

    /// A new generation stamp for a block whose pipeline broke.
    pub async fn update_block_for_pipeline(
        &self,
        inode: InodeId,
        client: &str,
        block: Block,
    ) -> Result<GenerationStamp, RpcError> {
        let request = wire::UpdateBlockForPipelineRequest {
            inode: inode.0,
            client: client.to_owned(),
            block: Some(block.into()),
        };
        let mut stub = self.client.clone();
        let answer = self.answer(stub.update_block_for_pipeline(request)).await?;
        Ok(GenerationStamp(answer.generation))
    }

    /// The rebuilt pipeline stands.
    pub async fn update_pipeline(
        &self,
        inode: InodeId,
        client: &str,
        old: Block,
        new: Block,
        pipeline: &[DatanodeId],
    ) -> Result<(), RpcError> {
        let request = wire::UpdatePipelineRequest {
            inode: inode.0,
            client: client.to_owned(),
            old: Some(old.into()),
            new: Some(new.into()),
            pipeline: pipeline.iter().map(|id| id.0).collect(),
        };
        self.answer(self.client.clone().update_pipeline(request))
            .await?;
        Ok(())
    }

    /// Says that `client` lives; returns how long its lease counts.
    pub async fn renew_lease(&self, client: &str) -> Result<LeaseLimits, RpcError> {
        let client = client.to_owned();
        let request = wire::RenewLeaseRequest { client };
        let answer = self
            .answer(self.client.clone().renew_lease(request))
            .await?;
        Ok(answer.into())
    }

    /// Closes a file whose writer is thought to be gone; false while that is under way.
    pub async fn recover_lease(&self, path: &str) -> Result<bool, RpcError> {
        let path = path.to_owned();
        let request = wire::RecoverLeaseRequest { path };
        let mut stub = self.client.clone();
        Ok(self.answer(stub.recover_lease(request)).await?.closed)
    }

    /// Whether nobody is writing a file any more.
    pub async fn is_file_closed(&self, path: &str) -> Result<bool, RpcError> {
        let path = path.to_owned();
        let request = wire::IsFileClosedRequest { path };
        let mut stub = self.client.clone();
        Ok(self.answer(stub.is_file_closed(request)).await?.closed)
    }

    /// The blocks of `len` bytes from `offset`, with where to read them.
    pub async fn get_block_locations(
        &self,
        path: &str,
        offset: u64,
        len: u64,
        reader_host: Option<&str>,
    ) -> Result<LocatedBlocks, RpcError> {
        let request = wire::GetBlockLocationsRequest {
            path: path.to_owned(),
            offset,
            len,
            reader_host: reader_host.map(str::to_owned),
        };
        let mut stub = self.client.clone();
        let mut parts = self.answer(stub.get_block_locations(request)).await?;
        let mut whole = LocatedBlocks {
            len: 0,
            blocks: Vec::new(),
            under_construction: false,
        };
        while let Some(part) = self.next_part(&mut parts).await? {
            let mut part: LocatedBlocks = self.read(part)?;
            whole.blocks.append(&mut part.blocks);
            (whole.len, whole.under_construction) = (part.len, part.under_construction);
        }
        Ok(whole)
    }

    /// Tells of a replica that does not match its checksums.
    pub async fn report_bad_block(
        &self,
        block: Block,
        datanode: DatanodeId,
    ) -> Result<(), RpcError> {
        let request = wire::ReportBadBlockRequest {
            block: Some(block.into()),
            datanode: datanode.0,
        };
        self.answer(self.client.clone().report_bad_block(request))
            .await?;
        Ok(())
    }

    /// Moves a file or directory. Not idempotent.
    pub async fn rename(&self, from: &str, to: &str) -> Result<(), RpcError> {
        let request = wire::RenameRequest {
            from: from.to_owned(),
            to: to.to_owned(),
        };
        self.answer(self.client.clone().rename(request)).await?;
        Ok(())
    }

    /// Removes a file or directory; false where there was none. Not idempotent.
    pub async fn delete(&self, path: &str, recursive: bool) -> Result<bool, RpcError> {
        let request = wire::DeleteRequest {
            path: path.to_owned(),
            recursive,
        };
        Ok(self
            .answer(self.client.clone().delete(request))
            .await?
            .deleted)
    }

    /// Changes how many replicas a file's blocks have.
    pub async fn set_replication(&self, path: &str, replication: u16) -> Result<(), RpcError> {
        let request = wire::SetReplicationRequest {
            path: path.to_owned(),
            replication: replication.into(),
        };
        self.answer(self.client.clone().set_replication(request))
            .await?;
        Ok(())
    }

    /// Changes the mode of a file or directory.
    pub async fn set_permission(&self, path: &str, mode: u16) -> Result<(), RpcError> {
        let request = wire::SetPermissionRequest {
            path: path.to_owned(),
            mode: mode.into(),
        };
        self.answer(self.client.clone().set_permission(request))
            .await?;
        Ok(())
    }

    /// Changes owner, group, or both.
    pub async fn set_owner(
        &self,
        path: &str,
        owner: Option<&str>,
        group: Option<&str>,
    ) -> Result<(), RpcError> {
        let request = wire::SetOwnerRequest {
            path: path.to_owned(),
            owner: owner.map(str::to_owned),
            group: group.map(str::to_owned),
        };
        self.answer(self.client.clone().set_owner(request)).await?;
        Ok(())
    }

    /// One file or directory, if it is there.
    pub async fn get_file_info(&self, path: &str) -> Result<Option<FileStatus>, RpcError> {
        let request = wire::GetFileInfoRequest {
            path: path.to_owned(),
        };
        let answer = self
            .answer(self.client.clone().get_file_info(request))
            .await?;
        answer.status.map(|status| self.read(status)).transpose()
    }

    /// A page of a directory's entries.
    pub async fn get_listing(&self, path: &str, start_after: &str) -> Result<Listing, RpcError> {
        let request = wire::GetListingRequest {
            path: path.to_owned(),
            start_after: start_after.to_owned(),
        };
        let answer = self
            .answer(self.client.clone().get_listing(request))
            .await?;
        self.read(answer)
    }

    /// Sums over a tree.
    pub async fn get_content_summary(&self, path: &str) -> Result<ContentSummary, RpcError> {
        let request = wire::GetContentSummaryRequest {
            path: path.to_owned(),
        };
        let mut stub = self.client.clone();
        Ok(self.answer(stub.get_content_summary(request)).await?.into())
    }

    /// Every file below `path` with its blocks, as a stream.
    pub async fn fsck(&self, path: &str) -> Result<FsckFiles, RpcError> {
        let request = wire::FsckRequest {
            path: path.to_owned(),
        };
        let parts = self.answer(self.client.clone().fsck(request)).await?;
        Ok(FsckFiles {
            client: self.clone(),
            parts,
            begun: None,
        })
    }

    /// Enters or leaves safe mode.
    pub async fn set_safe_mode(&self, on: bool) -> Result<(), RpcError> {
        let request = wire::SetSafeModeRequest { on: Some(on) };
        self.answer(self.client.clone().set_safe_mode(request))
            .await?;
        Ok(())
    }

    /// Why safe mode is on, and what turns it off; none when it is off.
    pub async fn safe_mode(&self) -> Result<Option<String>, RpcError> {
        let request = wire::SetSafeModeRequest { on: None };
        Ok(self
            .answer(self.client.clone().set_safe_mode(request))
            .await?
            .status)
    }

    /// Every DataNode that has registered.
    pub async fn datanode_report(&self) -> Result<Vec<DatanodeReport>, RpcError> {
        let request = wire::GetDatanodeReportRequest {};
        let mut stub = self.client.clone();
        let answer = self.answer(stub.get_datanode_report(request)).await?;
        try_all(answer.datanodes).map_err(|e| self.broken(e))
    }

    /// Figures of the whole file system.
    pub async fn status(&self) -> Result<FsStatus, RpcError> {
        let request = wire::GetStatusRequest {};
        Ok(self
            .answer(self.client.clone().get_status(request))
            .await?
            .into())
    }

    async fn next_part<T>(&self, parts: &mut Streaming<T>) -> Result<Option<T>, RpcError> {
        self.answer(async { parts.message().await.map(Response::new) })
            .await
    }
}

/// The files of an `fsck`, as they come.
#[derive(Debug)]
pub struct FsckFiles {
    client: NameNodeClient,
    parts: Streaming<wire::FsckPart>,
    /// The file of which more parts may come.
    begun: Option<FsckFile>,
}

impl FsckFiles {
    /// The next file; none at the end.
    pub async fn next(&mut self) -> Result<Option<FsckFile>, RpcError> {
        while let Some(part) = self.client.next_part(&mut self.parts).await? {
            let mut blocks = try_all(part.blocks).map_err(|e| self.client.broken(e))?;
            match (part.status, &mut self.begun) {
                (None, Some(file)) => file.blocks.append(&mut blocks),
                (status, begun) => {
                    let status =
                        needed(status, "FsckPart.status").map_err(|e| self.client.broken(e))?;
                    if let Some(file) = begun.replace(FsckFile { status, blocks }) {
                        return Ok(Some(file));
                    }
                }
            }
        }
        Ok(self.begun.take())
    }
}
