//! The leader brings the consensus in line with the list of members, one step at a time: a change that it did not finish is
//! finished by the next leader.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, info};

use super::kv_server::{KvServer, urls};
use super::members::{Change, Member, Members};
use super::urls::Url;
use crate::consensus::{self, Consensus, MemberStatus};

/// Before another look where nothing changed, or a step failed.
const LOOK: Duration = Duration::from_millis(500);

/// A step towards the list.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Add(u64, Vec<Url>, bool),
    Promote(u64),
    Update(u64, Vec<Url>),
    Remove(u64),
}

/// The next step from what the consensus has to what the list says. This member itself leaves last: it leads.
fn next_step(me: u64, list: &Members, known: &BTreeMap<u64, MemberStatus>) -> Option<Step> {
    let step = |member: &Member| match known.get(&member.id) {
        None => Some(Step::Add(
            member.id,
            member.peer_urls.clone(),
            member.is_learner,
        )),
        Some(status) if urls(&status.member) != member.peer_urls => {
            Some(Step::Update(member.id, member.peer_urls.clone()))
        }
        Some(status) if status.is_learner && !member.is_learner => Some(Step::Promote(member.id)),
        Some(_) => None,
    };
    let gone = || known.keys().copied().filter(|id| list.get(*id).is_none());
    let leaves = gone().find(|id| *id != me).or_else(|| gone().next());
    // Who is gone makes room first: its missing vote may be what everything else waits for.
    leaves
        .map(Step::Remove)
        .or_else(|| list.all().find_map(step))
}

/// What a new cluster begins with stands in its log too: so one that joins later, and is sent the log from its beginning, learns of it.
pub(super) async fn begin(server: &Arc<KvServer>, initial: Vec<Member>) {
    while server.read(|replica| replica.members.is_empty()) {
        let leads = server.status().leadership.leader == Some(server.identity.member_id);
        if leads && let Err(error) = server.change_members(Change::Begin(initial.clone())).await {
            debug!("the first members are not in the log yet: {error}");
        }
        let mut applied = server.engine.applied();
        let _ = tokio::time::timeout(LOOK, applied.changed()).await;
    }
}

/// Tells the others this member's name, and where clients call it, until it is so.
pub(super) async fn publish(server: &Arc<KvServer>) {
    let (id, name) = (server.identity.member_id, &server.settings.options.name);
    let urls = &server.client_urls;
    loop {
        let known = server.read(|replica| {
            let me = replica.members.get(id)?;
            Some(me.name == *name && me.client_urls == *urls)
        });
        match known {
            Some(true) => return,
            Some(false) => {
                let change = Change::Publish(id, name.clone(), urls.clone());
                if let Err(error) = server.change_members(change).await {
                    debug!("this member's name is not known yet: {error}");
                }
            }
            // It is not in the list yet: the log is still on its way.
            None => {
                let mut applied = server.engine.applied();
                let _ = tokio::time::timeout(LOOK, applied.changed()).await;
            }
        }
    }
}

/// Brings the consensus in line, whenever this member leads. Ends never.
pub(super) async fn follow(server: &Arc<KvServer>) {
    let me = server.identity.member_id;
    let mut leadership = server.engine.leadership();
    let mut applied = server.engine.applied();
    loop {
        let leads = leadership.borrow_and_update().leader == Some(me);
        applied.borrow_and_update();
        // Only a leader looks further: a status is a copy of much, and this is done for all that is applied.
        let known = leads.then(|| server.status().members);
        let step = known.and_then(|known| {
            server.read(|replica| {
                let members = &replica.members;
                (!members.is_empty()).then(|| next_step(me, members, &known))?
            })
        });
        let done = match &step {
            None => false,
            Some(step) => match take(server, step).await {
                Ok(()) => {
                    info!(?step, "the consensus follows the list of members");
                    true
                }
                Err(error) => {
                    debug!(?step, "not now: {error}");
                    false
                }
            },
        };
        if !done {
            let changed = async {
                tokio::select! {
                    _ = leadership.changed() => {}
                    _ = applied.changed(), if step.is_none() => {}
                }
            };
            let _ = tokio::time::timeout(LOOK, changed).await;
        }
    }
}

async fn take(server: &KvServer, step: &Step) -> Result<(), consensus::MembershipError> {
    let member = |urls: &[Url]| consensus::Member {
        peer_urls: urls.iter().map(Url::to_string).collect(),
        ..consensus::Member::default()
    };
    match step {
        Step::Add(id, urls, is_learner) => {
            server
                .engine
                .add_member(*id, member(urls), *is_learner)
                .await
        }
        Step::Promote(id) => server.engine.promote_member(*id).await,
        Step::Update(id, urls) => server.engine.update_member(*id, member(urls)).await,
        Step::Remove(id) => server.engine.remove_member(*id).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(id: u64) -> Url {
        format!("http://h:{id}").parse().unwrap()
    }

    fn members(ids: &[u64]) -> Members {
        let mut members = Members::default();
        let list = ids.iter().map(|id| Member {
            id: *id,
            name: String::new(),
            peer_urls: vec![url(*id)],
            client_urls: vec![],
            is_learner: false,
        });
        members.apply(Change::Begin(list.collect())).unwrap();
        members
    }

    fn known(list: &[(u64, bool, u64)]) -> BTreeMap<u64, MemberStatus> {
        let status = |&(id, is_learner, matched): &(u64, bool, u64)| {
            let member = consensus::Member {
                peer_urls: vec![url(id).to_string()],
                ..consensus::Member::default()
            };
            (
                id,
                MemberStatus {
                    member,
                    has_vote: !is_learner,
                    is_learner,
                    matched: Some(matched),
                },
            )
        };
        list.iter().map(status).collect()
    }

    #[test]
    fn who_is_new_is_added_and_who_was_promoted_gets_a_vote() {
        let list = members(&[1, 2]);
        let step = |state: &[(u64, bool, u64)]| next_step(1, &list, &known(state));
        assert_eq!(
            step(&[(1, false, 9)]),
            Some(Step::Add(2, vec![url(2)], false))
        );
        assert_eq!(step(&[(1, false, 9), (2, true, 5)]), Some(Step::Promote(2)));
        assert_eq!(step(&[(1, false, 9), (2, false, 5)]), None);
    }

    #[test]
    fn who_left_goes_first_and_the_leader_last() {
        let list = members(&[2, 4]);
        let all = [(1, false, 9), (2, false, 9), (3, false, 9)];
        assert_eq!(next_step(1, &list, &known(&all)), Some(Step::Remove(3)));
        let rest = [(1, false, 9), (2, false, 9)];
        assert_eq!(next_step(1, &list, &known(&rest)), Some(Step::Remove(1)));
        assert_eq!(
            next_step(2, &list, &known(&[(2, false, 9)])),
            Some(Step::Add(4, vec![url(4)], false))
        );
    }

    #[test]
    fn a_member_that_moved_is_called_elsewhere() {
        let mut list = members(&[1, 2]);
        list.apply(Change::Update(2, vec![url(7)])).unwrap();
        let state = known(&[(1, false, 9), (2, false, 9)]);
        assert_eq!(
            next_step(1, &list, &state),
            Some(Step::Update(2, vec![url(7)]))
        );
    }
}
