//! The calls of operators' tools.

use super::super::{RpcError, wire};
use super::NameNodeClient;
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
