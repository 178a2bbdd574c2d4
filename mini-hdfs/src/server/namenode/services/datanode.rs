//! What DataNodes call.

use tonic::{Request, Response, Status, Streaming};

use super::super::shared::Shared;
use super::{Answer, Services};
use crate::block::{BlockId, DatanodeId, DatanodeInfo};
use crate::protocol::{
    BlockEvent, BlockSynchronization, Heartbeat, RegistrationId, ReportLeaseId, ReportedReplica,
};
use crate::server::rpc::wire::datanode_protocol_server::DatanodeProtocol;
use crate::server::rpc::{needed, try_all, wire};

/// A full block report on its way into the core.
struct Report<'a> {
    shared: &'a Shared,
    datanode: DatanodeId,
    registration: RegistrationId,
    lease: Option<ReportLeaseId>,
}

impl Report<'_> {
    async fn begin(&self) -> Result<(), Status> {
        self.shared
            .call("blockReport", |nn, now, _| {
                nn.begin_block_report(self.datanode, self.registration, self.lease, now)
            })
            .await
    }

    async fn part(&self, replicas: &[ReportedReplica], last: BlockId) -> Result<(), Status> {
        self.shared
            .call("blockReportPart", |nn, now, _| {
                let (datanode, registration) = (self.datanode, self.registration);
                tokio::task::block_in_place(|| {
                    nn.block_report_part(datanode, registration, self.lease, replicas, last, now)
                })
            })
            .await
    }

    async fn end(&self) -> Result<(), Status> {
        self.shared
            .call("blockReportEnd", |nn, _, _| {
                nn.end_block_report(self.datanode, self.registration, self.lease)
            })
            .await
    }
}

#[tonic::async_trait]
impl DatanodeProtocol for Services {
    async fn register_datanode(
        &self,
        request: Request<wire::RegisterDatanodeRequest>,
    ) -> Answer<wire::RegisterDatanodeResponse> {
        let request = request.into_inner();
        let info: DatanodeInfo = needed(request.info, "RegisterDatanodeRequest.info")?;
        let namespace_id = request.namespace_id;
        self.call("registerDatanode", |nn, now, rng| {
            nn.register_datanode(info, namespace_id, now, rng)
        })
        .await
    }

    async fn send_heartbeat(
        &self,
        request: Request<wire::Heartbeat>,
    ) -> Answer<wire::HeartbeatResponse> {
        let mut request = request.into_inner();
        let details = request.details.take();
        let heartbeat = Heartbeat::from(request);
        self.call("sendHeartbeat", |nn, now, _| {
            if let Some(details) = details {
                nn.heartbeat_details(&heartbeat, details.into(), now);
            }
            Ok(nn.heartbeat(&heartbeat, now))
        })
        .await
    }

    async fn block_report(
        &self,
        request: Request<Streaming<wire::BlockReportPart>>,
    ) -> Answer<wire::BlockReportResponse> {
        let mut parts = request.into_inner();
        let first = parts.message().await?;
        let first =
            first.ok_or_else(|| Status::invalid_argument("a block report without a part"))?;
        let report = Report {
            shared: &self.0,
            datanode: DatanodeId(first.datanode),
            registration: RegistrationId(first.registration),
            lease: Some(ReportLeaseId(first.lease)),
        };
        report.begin().await?;
        // Each part is a call of its own, so that others have their turn. It ends where the next one begins.
        let mut replicas = first.replicas;
        loop {
            let next = parts.message().await?;
            let part: Vec<ReportedReplica> = try_all(replicas)?;
            let last = match &next {
                Some(_) => part.last().map(|replica| replica.block.id),
                None => Some(BlockId(u64::MAX)),
            };
            if let Some(last) = last {
                report.part(&part, last).await?;
            }
            match next {
                Some(next) => replicas = next.replicas,
                None => break,
            }
        }
        report.end().await?;
        Ok(Response::new(wire::BlockReportResponse {}))
    }

    async fn block_received_and_deleted(
        &self,
        request: Request<wire::BlockReceivedAndDeletedRequest>,
    ) -> Answer<wire::BlockReceivedAndDeletedResponse> {
        let request = request.into_inner();
        let events: Vec<BlockEvent> = try_all(request.events)?;
        let datanode = DatanodeId(request.datanode);
        let registration = RegistrationId(request.registration);
        self.call("blockReceivedAndDeleted", |nn, now, _| {
            nn.incremental_block_report(datanode, registration, &events, now)
        })
        .await
    }

    async fn commit_block_synchronization(
        &self,
        request: Request<wire::CommitBlockSynchronizationRequest>,
    ) -> Answer<wire::CommitBlockSynchronizationResponse> {
        let synchronization = BlockSynchronization::try_from(request.into_inner())?;
        self.call("commitBlockSynchronization", |nn, now, _| {
            nn.commit_block_synchronization(&synchronization, now)
        })
        .await
    }
}
