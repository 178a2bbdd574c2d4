//! The Maintenance service: how this member is, alarms, hashes, who leads.

use std::sync::Arc;

use futures::stream::BoxStream;
use tonic::{Request, Response, Status};

use super::VERSION;
use super::errors;
use super::kv_server::KvServer;
use super::wire::etcdserverpb as pb;
use super::wire::etcdserverpb::maintenance_server::Maintenance;
use crate::consensus::Consensus;
use crate::store::{AlarmType, Command, Reply};

/// The service.
#[derive(Clone)]
pub(super) struct MaintenanceService(pub(super) Arc<KvServer>);

fn kind(alarm: AlarmType) -> pb::AlarmType {
    match alarm {
        AlarmType::None => pb::AlarmType::None,
        AlarmType::NoSpace => pb::AlarmType::Nospace,
        AlarmType::Corrupt => pb::AlarmType::Corrupt,
    }
}

fn wire((member_id, alarm): (u64, AlarmType)) -> pb::AlarmMember {
    pb::AlarmMember {
        member_id,
        alarm: kind(alarm).into(),
    }
}

impl KvServer {
    /// Alarms that are on: of one member or, with 0, of all; of one kind or, with `None`, of all.
    pub(super) fn alarms(&self, member: u64, alarm: AlarmType) -> Vec<(u64, AlarmType)> {
        let wanted = |(of, kind): &(u64, AlarmType)| {
            (member == 0 || *of == member) && (alarm == AlarmType::None || *kind == alarm)
        };
        self.read(|replica| replica.store.alarms().filter(wanted).collect())
    }

    async fn set_alarm(
        &self,
        member: u64,
        alarm: AlarmType,
        on: bool,
    ) -> Result<Vec<pb::AlarmMember>, Status> {
        match self.change(Command::Alarm { member, alarm, on }).await? {
            Reply::Alarm(changed) => Ok(changed.map(wire).into_iter().collect()),
            _ => Err(Status::internal("another command's answer")),
        }
    }
}

#[tonic::async_trait]
impl Maintenance for MaintenanceService {
    async fn alarm(
        &self,
        request: Request<pb::AlarmRequest>,
    ) -> Result<Response<pb::AlarmResponse>, Status> {
        use pb::alarm_request::AlarmAction;
        let request = request.into_inner();
        let unknown = || Status::invalid_argument("etcdserver: unknown alarm");
        let alarm = match pb::AlarmType::try_from(request.alarm).map_err(|_| unknown())? {
            pb::AlarmType::None => AlarmType::None,
            pb::AlarmType::Nospace => AlarmType::NoSpace,
            pb::AlarmType::Corrupt => AlarmType::Corrupt,
        };
        let member = request.member_id;
        let alarms = match AlarmAction::try_from(request.action).map_err(|_| unknown())? {
            AlarmAction::Get => self.0.alarms(member, alarm).into_iter().map(wire).collect(),
            AlarmAction::Activate if alarm == AlarmType::None => return Err(unknown()),
            AlarmAction::Activate => self.0.set_alarm(member, alarm, true).await?,
            AlarmAction::Deactivate => {
                let mut alarms = Vec::new();
                for (member, alarm) in self.0.alarms(member, alarm) {
                    alarms.extend(self.0.set_alarm(member, alarm, false).await?);
                }
                alarms
            }
        };
        // Without a header, as etcd's.
        let header = None;
        Ok(Response::new(pb::AlarmResponse { header, alarms }))
    }

    async fn status(
        &self,
        _: Request<pb::StatusRequest>,
    ) -> Result<Response<pb::StatusResponse>, Status> {
        let status = self.0.status();
        let (revision, bytes) = self
            .0
            .read(|replica| (replica.store.revision(), replica.store.bytes()));
        let mut errors = Vec::new();
        if status.leadership.leader.is_none() {
            errors.push(errors::NO_LEADER.1.to_owned());
        }
        for (member, alarm) in self.0.alarms(0, AlarmType::None) {
            errors.push(format!(
                "memberID:{member} alarm:{} ",
                kind(alarm).as_str_name()
            ));
        }
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        Ok(Response::new(pb::StatusResponse {
            header: Some(self.0.header(revision)),
            version: VERSION.to_owned(),
            db_size: bytes,
            leader: status.leadership.leader.unwrap_or(0),
            raft_index: status.committed,
            raft_term: status.leadership.term,
            raft_applied_index: status.applied,
            errors,
            db_size_in_use: bytes,
            is_learner: self.0.is_learner(),
        }))
    }

    async fn defragment(
        &self,
        _: Request<pb::DefragmentRequest>,
    ) -> Result<Response<pb::DefragmentResponse>, Status> {
        // In memory, what is compacted is given back by itself; there is no file with holes.
        self.0.scrub().await;
        Ok(Response::new(pb::DefragmentResponse { header: None }))
    }

    async fn hash(
        &self,
        _: Request<pb::HashRequest>,
    ) -> Result<Response<pb::HashResponse>, Status> {
        let server = self.0.clone();
        // It reads everything.
        let hashed = tokio::task::spawn_blocking(move || {
            server.read(|replica| (replica.store.hash(), replica.store.revision()))
        });
        let (hash, revision) = hashed.await.map_err(|e| Status::internal(e.to_string()))?;
        let header = Some(self.0.header(revision));
        Ok(Response::new(pb::HashResponse { header, hash }))
    }

    async fn hash_kv(
        &self,
        request: Request<pb::HashKvRequest>,
    ) -> Result<Response<pb::HashKvResponse>, Status> {
        let revision = request.into_inner().revision;
        let hash = self.0.hash_kv(revision).await?;
        Ok(Response::new(pb::HashKvResponse {
            header: Some(self.0.header(hash.revision)),
            hash: hash.hash,
            compact_revision: hash.compact_revision,
            hash_revision: if revision > 0 {
                revision
            } else {
                hash.revision
            },
        }))
    }

    type SnapshotStream = BoxStream<'static, Result<pb::SnapshotResponse, Status>>;

    async fn snapshot(
        &self,
        _: Request<pb::SnapshotRequest>,
    ) -> Result<Response<Self::SnapshotStream>, Status> {
        Err(Status::unimplemented(
            "this server's snapshots are not in etcd's file format, so they cannot be saved as such",
        ))
    }

    async fn move_leader(
        &self,
        request: Request<pb::MoveLeaderRequest>,
    ) -> Result<Response<pb::MoveLeaderResponse>, Status> {
        let target = request.into_inner().target_id;
        let status = self.0.status();
        if status.leadership.leader != Some(status.id) {
            return Err(errors::NOT_LEADER.into());
        }
        let votes = status
            .members
            .get(&target)
            .is_some_and(|member| !member.is_learner);
        if !votes {
            return Err(errors::BAD_TRANSFEREE.into());
        }
        if target != status.id {
            self.0
                .engine
                .transfer_leader(target)
                .await
                .map_err(|error| {
                    tracing::warn!("leadership was not transferred to {target:x}: {error}");
                    Status::from(errors::TIMEOUT)
                })?;
        }
        let header = Some(self.0.header_now());
        Ok(Response::new(pb::MoveLeaderResponse { header }))
    }
}
