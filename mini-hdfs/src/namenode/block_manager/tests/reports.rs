//! Full block reports that come in parts, with news in between.

use super::TWO_RACKS;
use super::cluster::Cluster;
use crate::block::{Block, BlockId, DatanodeId, ReplicaState};
use crate::error::FsError;
use crate::protocol::{
    BlockEvent, Command, Heartbeat, RegistrationId, ReportLeaseId, ReportedReplica,
};

const END: BlockId = BlockId(u64::MAX);

fn finalized(block: Block) -> ReportedReplica {
    ReportedReplica {
        block,
        state: ReplicaState::Finalized,
    }
}

/// A cluster with six blocks on all of its three nodes, and what node 0 would report of them now.
fn cluster() -> (Cluster, Vec<ReportedReplica>, RegistrationId) {
    let mut cluster = Cluster::new(&["/r1", "/r1", "/r2"]);
    for _ in 0..6 {
        cluster.write(3);
    }
    let node = &cluster.nodes[&0];
    let report = node.replicas.values().map(|(block, _)| finalized(*block));
    let (report, registration) = (report.collect(), node.registration);
    (cluster, report, registration)
}

fn holds(cluster: &Cluster, id: BlockId) -> bool {
    let info = cluster.manager.blocks.get(id).unwrap();
    info.replicas.contains(&DatanodeId(0))
}

fn lease(cluster: &mut Cluster, id: u64) -> Option<ReportLeaseId> {
    let heartbeat = Heartbeat {
        id: DatanodeId(id),
        registration: cluster.nodes[&id].registration,
        remaining: 1 << 40,
        wants_report_lease: true,
        ..Heartbeat::default()
    };
    let commands = cluster.manager.heartbeat(&heartbeat, cluster.now);
    commands.into_iter().find_map(|command| match command {
        Command::ReportBlocks(lease) => Some(lease),
        _ => None,
    })
}

#[test]
fn what_a_part_does_not_list_is_gone_and_the_rest_is_not_judged() {
    let (mut cluster, report, registration) = cluster();
    let (manager, now, node) = (&mut cluster.manager, cluster.now, DatanodeId(0));
    manager
        .begin_block_report(node, registration, None, now)
        .unwrap();
    let part = [report[0], report[2]];
    let last = report[2].block.id;
    manager
        .block_report_part(node, registration, None, &part, last, now)
        .unwrap();
    let ended = manager.end_block_report(node, registration, None);
    assert!(
        matches!(ended, Err(FsError::InvalidBlockReportLease { .. })),
        "{ended:?}"
    );
    let held: Vec<bool> = report
        .iter()
        .map(|replica| holds(&cluster, replica.block.id))
        .collect();
    assert_eq!(held, [true, false, true, true, true, true]);
}

#[test]
fn what_is_told_while_a_report_is_under_way_is_newer() {
    let (mut cluster, report, registration) = cluster();
    let (now, node) = (cluster.now, DatanodeId(0));
    // The report was made; then block 4 was deleted and a new one written, and the DataNode has told of both.
    let (new, _) = cluster.begin(3);
    let new = Block { len: 9, ..new };
    let deleted = report[4].block;
    let manager = &mut cluster.manager;
    manager
        .begin_block_report(node, registration, None, now)
        .unwrap();
    let last = report[1].block.id;
    manager
        .block_report_part(node, registration, None, &report[..2], last, now)
        .unwrap();
    cluster
        .nodes
        .get_mut(&0)
        .unwrap()
        .replicas
        .remove(&deleted.id);
    cluster.tell(0, BlockEvent::Deleted(deleted));
    for id in 0..3 {
        cluster.receive(DatanodeId(id), new);
    }
    cluster.commit(new);
    assert!(holds(&cluster, new.id) && !holds(&cluster, deleted.id));
    let manager = &mut cluster.manager;
    manager
        .block_report_part(node, registration, None, &report[2..], END, now)
        .unwrap();
    manager.end_block_report(node, registration, None).unwrap();
    assert!(
        holds(&cluster, new.id),
        "the report could not know of the new replica"
    );
    assert!(
        !holds(&cluster, deleted.id),
        "nor that the other one was deleted"
    );
    cluster.run(20);
    cluster.assert_settled();
}

#[test]
fn a_report_in_disorder_is_refused() {
    let (mut cluster, report, registration) = cluster();
    let (manager, now, node) = (&mut cluster.manager, cluster.now, DatanodeId(0));
    manager
        .begin_block_report(node, registration, None, now)
        .unwrap();
    let last = report[2].block.id;
    let refused = manager.block_report_part(node, registration, None, &report, last, now);
    let reason = refused.unwrap_err().to_string();
    assert!(reason.contains("in order of ids"), "{reason}");
    manager
        .block_report_part(node, registration, None, &report, END, now)
        .unwrap();
    let late = manager.block_report_part(node, registration, None, &[], END, now);
    assert!(late.unwrap_err().to_string().contains("after the one"));
}

#[test]
fn an_abandoned_report_is_overtaken() {
    let (mut cluster, report, registration) = cluster();
    let (now, node) = (cluster.now, DatanodeId(0));
    let old = lease(&mut cluster, 0);
    assert!(old.is_some());
    let manager = &mut cluster.manager;
    manager
        .begin_block_report(node, registration, old, now)
        .unwrap();
    // The DataNode gives up, and asks again.
    let new = lease(&mut cluster, 0);
    let manager = &mut cluster.manager;
    let refused = manager.block_report_part(node, registration, old, &[], END, now);
    assert!(
        matches!(refused, Err(FsError::InvalidBlockReportLease { .. })),
        "{refused:?}"
    );
    manager
        .begin_block_report(node, registration, new, now)
        .unwrap();
    manager
        .block_report_part(node, registration, new, &report, END, now)
        .unwrap();
    manager.end_block_report(node, registration, new).unwrap();
    let again = cluster
        .manager
        .begin_block_report(node, registration, new, now);
    assert!(again.is_err(), "a lease is for one report");
}

#[test]
fn not_all_report_at_once() {
    let mut cluster = Cluster::new(&TWO_RACKS);
    cluster.write(3);
    cluster.config.report_leases_max = 2;
    cluster.restart_namenode();
    cluster.run(1);
    let granted = (0..5).filter(|id| lease(&mut cluster, *id).is_some());
    let granted: Vec<u64> = granted.collect();
    assert_eq!(granted, [0, 1]);
    assert!(
        cluster.manager.safe_mode().is_some(),
        "in safe mode too, which ends by nothing but reports"
    );
}
