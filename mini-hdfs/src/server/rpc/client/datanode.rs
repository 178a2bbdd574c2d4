//! The calls of DataNodes.

use tonic::Request;

use super::super::convert::{all, try_all};
use super::super::{ITEMS_PER_MESSAGE, RpcError, wire};
use super::NameNodeClient;
use crate::block::{DatanodeId, DatanodeInfo};
use crate::protocol::{
    BlockEvent, BlockSynchronization, Command, Heartbeat, HeartbeatDetails, Registration,
    RegistrationId, ReportLeaseId, ReportedReplica,
};

/// `DatanodeProtocol`.
impl NameNodeClient {
    /// The first call of a DataNode, and again when it is told to.
    pub async fn register_datanode(
        &self,
        info: &DatanodeInfo,
        namespace_id: Option<u64>,
    ) -> Result<Registration, RpcError> {
        let request = wire::RegisterDatanodeRequest {
            info: Some(info.clone().into()),
            namespace_id,
        };
        let mut stub = self.datanode.clone();
        let answer = self.answer(stub.register_datanode(request)).await?;
        Ok(answer.into())
    }

    /// Says that the DataNode lives, and fetches what it shall do.
    pub async fn heartbeat(
        &self,
        heartbeat: &Heartbeat,
        details: HeartbeatDetails,
    ) -> Result<Vec<Command>, RpcError> {
        let request = wire::Heartbeat {
            details: Some(details.into()),
            ..wire::Heartbeat::from(*heartbeat)
        };
        let mut stub = self.datanode.clone();
        let answer = self.answer(stub.send_heartbeat(request)).await?;
        try_all(answer.commands).map_err(|e| self.broken(e))
    }

    /// Every replica that the DataNode has, under a lease.
    pub async fn block_report(
        &self,
        datanode: DatanodeId,
        registration: RegistrationId,
        lease: ReportLeaseId,
        mut replicas: Vec<ReportedReplica>,
    ) -> Result<(), RpcError> {
        replicas.sort_unstable_by_key(|replica| replica.block.id);
        let mut replicas = replicas.into_iter();
        let mut first = true;
        let parts = std::iter::from_fn(move || {
            let replicas: Vec<_> = replicas.by_ref().take(ITEMS_PER_MESSAGE).collect();
            let wanted = std::mem::take(&mut first) || !replicas.is_empty();
            wanted.then(|| wire::BlockReportPart {
                datanode: datanode.0,
                registration: registration.0,
                replicas: all(replicas),
                lease: lease.0,
            })
        });
        let mut stub = self.datanode.clone();
        self.answer(stub.block_report(Request::new(futures::stream::iter(parts))))
            .await?;
        Ok(())
    }

    /// What has changed since the last report.
    pub async fn incremental_block_report(
        &self,
        datanode: DatanodeId,
        registration: RegistrationId,
        events: Vec<BlockEvent>,
    ) -> Result<(), RpcError> {
        let request = wire::BlockReceivedAndDeletedRequest {
            datanode: datanode.0,
            registration: registration.0,
            events: all(events),
        };
        let mut stub = self.datanode.clone();
        self.answer(stub.block_received_and_deleted(request))
            .await?;
        Ok(())
    }

    /// What came of a recovery of a block.
    pub async fn commit_block_synchronization(
        &self,
        synchronization: BlockSynchronization,
    ) -> Result<(), RpcError> {
        let request = wire::CommitBlockSynchronizationRequest::from(synchronization);
        let mut stub = self.datanode.clone();
        self.answer(stub.commit_block_synchronization(request))
            .await?;
        Ok(())
    }
}
