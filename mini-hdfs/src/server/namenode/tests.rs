//! The services with a client at the other end of a connection.

use std::collections::BTreeSet;

use tempfile::TempDir;

use super::*;
use crate::block::{Block, DatanodeId, DatanodeInfo, ReplicaState};
use crate::error::FsError;
use crate::protocol::{
    AddBlockRequest, BlockEvent, Command, CreateRequest, Heartbeat, HeartbeatDetails, Permission,
    ReportedReplica,
};
use crate::server::connector::Connector;
use crate::server::rpc::{NameNodeClient, RpcError};

struct Served {
    shared: Arc<Shared>,
    address: String,
    syncer: shared::Syncer,
    dir: TempDir,
}

async fn serve() -> Served {
    let dir = tempfile::tempdir().unwrap();
    let mut disk = FileDisk::open(dir.path()).unwrap();
    let (clock, mut rng) = (Clock::start(), Rng::new(1));
    let config = Config {
        block_size_min: 512,
        block_size: 512,
        ..Config::default()
    };
    NameNode::format(&mut disk, &mut rng).unwrap();
    let namenode = NameNode::load(config.clone(), &mut disk, clock.now()).unwrap();
    let host_files = HostFiles::new(disk.clone(), &Settings::default());
    let (shared, syncer, _) =
        Shared::start(namenode, host_files, config, disk, clock, rng).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let services = Services(shared.clone());
    let server = tonic::transport::Server::builder()
        .add_service(ClientProtocolServer::new(services.clone()))
        .add_service(DatanodeProtocolServer::new(services))
        .serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(server);
    Served {
        shared,
        address,
        syncer,
        dir,
    }
}

impl Served {
    fn client(&self) -> NameNodeClient {
        NameNodeClient::new(&Connector::direct(), &self.address).unwrap()
    }
}

fn permission() -> Permission {
    Permission {
        owner: "o".to_owned(),
        group: "g".to_owned(),
        mode: 0o755,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_share_syncs_and_what_they_did_is_durable() {
    let served = serve().await;
    let callers = (0..64).map(|who| {
        let client = served.client();
        async move {
            for i in 0..5 {
                let path = format!("/c{who}/d{i}");
                client.mkdirs(&path, true, &permission()).await.unwrap();
            }
        }
    });
    futures::future::join_all(callers).await;
    let client = served.client();
    let refused = client.mkdirs("/c1/d1/x/..", true, &permission()).await;
    match refused.unwrap_err() {
        RpcError::Refused(FsError::InvalidPath { path, .. }) => assert_eq!(path, "/c1/d1/x/.."),
        other => panic!("{other:?}"),
    }
    let status = served.client().status().await.unwrap();
    assert_eq!(status.inodes, 1 + 64 + 64 * 5);

    let metrics = served.shared.metrics.render(&status);
    let count = "hdfs_namenode_edits_sync_duration_seconds_count ";
    let syncs = metrics.lines().find_map(|line| line.strip_prefix(count));
    let syncs: u64 = syncs.unwrap().parse().unwrap();
    assert!(syncs < 64 * 5, "{syncs} syncs for {} calls", 64 * 5);

    // What was answered is on the disk, whatever becomes of the process.
    let mut disk = FileDisk::open(served.dir.path()).unwrap();
    let loaded = NameNode::load(Config::default(), &mut disk, Clock::start().now()).unwrap();
    assert_eq!(loaded.status(Clock::start().now()).inodes, status.inodes);
    tokio::task::spawn_blocking(|| served.syncer.stop())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_locations_and_fsck_come_in_parts() {
    let served = serve().await;
    let client = served.client();
    let id = DatanodeId(7);
    let info = DatanodeInfo {
        id,
        hostname: "dn".to_owned(),
        address: "127.0.0.1:1".to_owned(),
        rack: "/r".to_owned(),
    };
    let registration = client.register_datanode(&info, None).await.unwrap().id;
    let heartbeat = Heartbeat {
        id,
        registration,
        capacity: 1 << 40,
        remaining: 1 << 40,
        wants_report_lease: true,
        ..Heartbeat::default()
    };
    let lease = async || match client
        .heartbeat(&heartbeat, HeartbeatDetails::default())
        .await
        .unwrap()[..]
    {
        [Command::ReportBlocks(lease), ..] => lease,
        ref other => panic!("{other:?}"),
    };
    let first = lease().await;
    client
        .block_report(id, registration, first, Vec::new())
        .await
        .unwrap();
    let refused = client
        .block_report(id, registration, first, Vec::new())
        .await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("ask for a lease"), "{refused}");

    let count = crate::server::rpc::ITEMS_PER_MESSAGE * 3 + 1;
    let blocks = write_file(&client, id, registration, count).await;
    let located = client
        .get_block_locations("/f", 0, u64::MAX, None)
        .await
        .unwrap();
    let found: BTreeSet<_> = located
        .blocks
        .iter()
        .map(|located| located.block.id)
        .collect();
    assert_eq!(found, blocks.iter().map(|block| block.id).collect());

    let mut files = client.fsck("/").await.unwrap();
    let file = files.next().await.unwrap().unwrap();
    assert_eq!(
        (file.status.path.as_str(), file.blocks.len()),
        ("/f", count)
    );
    assert_eq!(files.next().await.unwrap(), None);

    let replicas = blocks.iter().map(|&block| ReportedReplica {
        block,
        state: ReplicaState::Finalized,
    });
    client
        .block_report(id, registration, lease().await, replicas.collect())
        .await
        .unwrap();
    assert_eq!(
        client.datanode_report().await.unwrap()[0].blocks,
        count as u64
    );
    let other = crate::protocol::RegistrationId(registration.0 ^ 1);
    let refused = client
        .block_report(id, other, first, Vec::new())
        .await
        .unwrap_err();
    assert!(
        matches!(refused, RpcError::Refused(FsError::UnregisteredNode(_))),
        "{refused:?}"
    );
}

/// A file of `count` blocks, each with a replica on one DataNode.
async fn write_file(
    client: &NameNodeClient,
    id: DatanodeId,
    registration: crate::protocol::RegistrationId,
    count: usize,
) -> Vec<Block> {
    let request = CreateRequest {
        path: "/f".to_owned(),
        client: "c".to_owned(),
        overwrite: false,
        create_parent: false,
        replication: 1,
        block_size: 512,
        permission: permission(),
    };
    let inode = client.create(&request).await.unwrap().inode;
    let mut blocks: Vec<Block> = Vec::new();
    for _ in 0..count {
        let request = AddBlockRequest {
            inode,
            client: "c".to_owned(),
            previous: blocks.last().copied(),
            exclude: Vec::new(),
            client_host: None,
        };
        let located = client.add_block(&request).await.unwrap();
        let block = Block {
            len: 512,
            ..located.block
        };
        let received = vec![BlockEvent::Received(block)];
        client
            .incremental_block_report(id, registration, received)
            .await
            .unwrap();
        blocks.push(block);
    }
    assert!(
        client
            .complete(inode, "c", blocks.last().copied())
            .await
            .unwrap()
    );
    blocks
}
