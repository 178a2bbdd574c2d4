//! The Cluster service: members are listed, added, promoted, moved, removed.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::errors;
use super::ids;
use super::kv_server::{Ask, KvServer, RETRY};
use super::members::{Change, Member, Members};
use super::replica::Replica;
use super::urls::Url;
use super::wire::etcdserverpb as pb;
use super::wire::etcdserverpb::cluster_server::Cluster;
use crate::consensus::Consensus;

/// The service.
#[derive(Clone)]
pub(super) struct ClusterService(pub(super) Arc<KvServer>);

fn wire(member: &Member) -> pb::Member {
    pb::Member {
        id: member.id,
        name: member.name.clone(),
        peer_ur_ls: member.peer_urls.iter().map(Url::to_string).collect(),
        client_ur_ls: member.client_urls.clone(),
        is_learner: member.is_learner,
    }
}

fn list(members: &Members) -> Vec<pb::Member> {
    members.all().map(wire).collect()
}

fn peer_urls(urls: &[String]) -> Result<Vec<Url>, Status> {
    let urls: Result<Vec<Url>, _> = urls.iter().map(|url| url.parse()).collect();
    match urls {
        Ok(urls) if !urls.is_empty() => Ok(urls),
        _ => Err(errors::BAD_MEMBER_URLS.into()),
    }
}

impl ClusterService {
    /// Answers about members say nothing of a revision, as etcd's.
    fn header(&self) -> Option<pb::ResponseHeader> {
        Some(self.0.header(0))
    }

    async fn change(&self, change: Change) -> Result<Members, Status> {
        self.0.refuse_learner()?;
        self.0
            .read(|replica| replica.members.check_quorum(&change))?;
        let members = self.0.change_members(change).await?;
        self.0.consensus_follows(&members).await;
        Ok(members)
    }
}

impl KvServer {
    /// Waits, for a while, until the consensus has the members of the list. Where that takes longer, it comes later: a new member may not
    /// have been started.
    async fn consensus_follows(&self, members: &Members) {
        let follows = || {
            let known = self.engine.status().members;
            known.len() == members.all().count()
                && members.all().all(|member| known.contains_key(&member.id))
        };
        let mut applied = self.engine.applied();
        let wait = async {
            while !follows() {
                // The consensus may say a moment after the last entry was applied who belongs to it then.
                if let Ok(Err(_)) = tokio::time::timeout(RETRY, applied.changed()).await {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(self.settings.request_timeout(), wait).await;
    }

    /// Whether a learner has nearly all that the leader, this member, has.
    pub(super) fn learner_ready(&self, id: u64) -> bool {
        let status = self.engine.status();
        match status.members.get(&id) {
            Some(learner) => {
                learner.matched.unwrap_or(0).saturating_mul(10)
                    >= status.last_index.saturating_mul(9)
            }
            // Whether there is such a member, the list says.
            None => true,
        }
    }
}

#[tonic::async_trait]
impl Cluster for ClusterService {
    async fn member_add(
        &self,
        request: Request<pb::MemberAddRequest>,
    ) -> Result<Response<pb::MemberAddResponse>, Status> {
        let request = request.into_inner();
        let urls = peer_urls(&request.peer_ur_ls)?;
        let now_seconds = self.0.clock.now().as_millis() / 1000;
        let member = Member {
            id: ids::member_id(&urls, "", Some(now_seconds)),
            name: String::new(),
            peer_urls: urls,
            client_urls: Vec::new(),
            is_learner: request.is_learner,
        };
        let members = self.change(Change::Add(member.clone())).await?;
        Ok(Response::new(pb::MemberAddResponse {
            header: self.header(),
            member: Some(wire(&member)),
            members: list(&members),
        }))
    }

    async fn member_remove(
        &self,
        request: Request<pb::MemberRemoveRequest>,
    ) -> Result<Response<pb::MemberRemoveResponse>, Status> {
        let members = self.change(Change::Remove(request.into_inner().id)).await?;
        Ok(Response::new(pb::MemberRemoveResponse {
            header: self.header(),
            members: list(&members),
        }))
    }

    async fn member_update(
        &self,
        request: Request<pb::MemberUpdateRequest>,
    ) -> Result<Response<pb::MemberUpdateResponse>, Status> {
        let request = request.into_inner();
        let is_known = |replica: &Replica| replica.members.get(request.id).is_some();
        if !self.0.read(is_known) {
            return Err(errors::MEMBER_NOT_FOUND.into());
        }
        let urls = peer_urls(&request.peer_ur_ls)?;
        let members = self.change(Change::Update(request.id, urls)).await?;
        Ok(Response::new(pb::MemberUpdateResponse {
            header: self.header(),
            members: list(&members),
        }))
    }

    async fn member_list(
        &self,
        request: Request<pb::MemberListRequest>,
    ) -> Result<Response<pb::MemberListResponse>, Status> {
        if request.into_inner().linearizable {
            self.0.linearizable().await?;
        }
        let members = self.0.read(|replica| list(&replica.members));
        Ok(Response::new(pb::MemberListResponse {
            header: self.header(),
            members,
        }))
    }

    async fn member_promote(
        &self,
        request: Request<pb::MemberPromoteRequest>,
    ) -> Result<Response<pb::MemberPromoteResponse>, Status> {
        let id = request.into_inner().id;
        self.0.ask_leader(&Ask::LearnerReady(id)).await?;
        let members = self.change(Change::Promote(id)).await?;
        Ok(Response::new(pb::MemberPromoteResponse {
            header: self.header(),
            members: list(&members),
        }))
    }
}
