//! A replica of a store that always takes writes. The rules are in [`capstone`](crate::capstone).

use super::{Replica, ReplicaId};

/// Replica `id` of these `replicas` (itself among them, in the order of their ids), which knows of no write.
pub fn replica(id: ReplicaId, replicas: &[ReplicaId]) -> Box<dyn Replica> {
    let _ = (id, replicas);
    todo!(
        "clocks/capstone: a replica of your own: choose its state, and implement the trait for it."
    )
}
