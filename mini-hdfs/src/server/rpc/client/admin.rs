//! The calls of operators' tools.

use super::super::convert::try_all;
use super::super::{RpcError, wire};
use super::NameNodeClient;
use crate::balancer::StoredBlock;
use crate::block::DatanodeId;
use crate::namenode::hosts::Wish;

/// `ClientProtocol`, for operators.
impl NameNodeClient {
    /// Lets the NameNode read again which DataNodes shall be out of service.
    pub async fn refresh_nodes(&self) -> Result<(), RpcError> {
        let request = wire::RefreshNodesRequest {};
        self.answer(self.client.clone().refresh_nodes(request))
            .await?;
        Ok(())
    }

    /// Blocks of a DataNode of at least `min_block_size` bytes, from a random one on, until they have `size` bytes.
    pub async fn get_blocks(
        &self,
        datanode: DatanodeId,
        size: u64,
        min_block_size: u64,
    ) -> Result<Vec<StoredBlock>, RpcError> {
        let request = wire::GetBlocksRequest {
            datanode: datanode.0,
            size,
            min_block_size,
        };
        let answer = self.answer(self.client.clone().get_blocks(request)).await?;
        try_all(answer.blocks).map_err(|e| self.broken(e))
    }

    /// Has it written down what is wanted of DataNodes, each `HOST` or `HOST:PORT`; none to have them in service.
    pub async fn set_admin_state(
        &self,
        hosts: &[String],
        wish: Option<Wish>,
    ) -> Result<(), RpcError> {
        let (state, until_ms) = match wish {
            None => (wire::AdminState::Normal, None),
            Some(Wish::Decommission) => (wire::AdminState::Decommissioned, None),
            Some(Wish::Maintenance { until_ms }) => (wire::AdminState::InMaintenance, until_ms),
        };
        let request = wire::SetAdminStateRequest {
            hosts: hosts.to_vec(),
            wish: state.into(),
            until_ms,
        };
        self.answer(self.client.clone().set_admin_state(request))
            .await?;
        Ok(())
    }
}
