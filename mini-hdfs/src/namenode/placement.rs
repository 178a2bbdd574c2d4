//! Where new replicas go (`BlockPlacementPolicyDefault`).

/// No DataNode can take a replica: how many there are, and why none will do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no DataNode can take a replica")]
pub struct PlacementError {}
