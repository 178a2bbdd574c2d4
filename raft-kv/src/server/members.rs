//! The members as all of them know them: a replicated list, which is changed by commands and nothing else (etcd's
//! `membership.RaftCluster`). What the consensus counts as voters follows it: the leader brings that in line, see
//! `membership`. So a change is decided once, and a leader that fails in the middle of it leaves it to the next.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::errors::{self, EtcdError};
use super::urls::Url;

/// Learners that a cluster may have.
const LEARNERS_MAX: usize = 1;

/// A member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its id, which no member had before.
    pub id: u64,
    /// Its name; empty until it has been started.
    pub name: String,
    /// Where other members call it.
    pub peer_urls: Vec<Url>,
    /// Where clients call it; none until it has been started.
    pub client_urls: Vec<String>,
    /// Whether it only follows, without a vote.
    pub is_learner: bool,
}

impl Member {
    /// Whether it has told its name.
    pub fn is_started(&self) -> bool {
        !self.name.is_empty()
    }
}

/// What changes the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// The members that the cluster begins with; of no effect later.
    Begin(Vec<Member>),
    /// A new one.
    Add(Member),
    /// One leaves for good.
    Remove(u64),
    /// A learner gets a vote.
    Promote(u64),
    /// A member is called elsewhere.
    Update(u64, Vec<Url>),
    /// A member has started: its name, and where clients call it.
    Publish(u64, String, Vec<String>),
}

/// The list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    present: BTreeMap<u64, Member>,
    removed: BTreeSet<u64>,
}

impl Members {
    /// All of them, by id.
    pub fn all(&self) -> impl Iterator<Item = &Member> {
        self.present.values()
    }

    /// One of them.
    pub fn get(&self, id: u64) -> Option<&Member> {
        self.present.get(&id)
    }

    /// Whether one was there and left. It never comes back.
    pub fn was_removed(&self, id: u64) -> bool {
        self.removed.contains(&id)
    }

    /// Whether nothing is known yet.
    pub fn is_empty(&self) -> bool {
        self.present.is_empty() && self.removed.is_empty()
    }

    fn voters(&self) -> impl Iterator<Item = &Member> {
        self.all().filter(|member| !member.is_learner)
    }

    /// Changes the list.
    ///
    /// # Errors
    /// Why it may not be; then it is as before.
    pub fn apply(&mut self, change: Change) -> Result<(), EtcdError> {
        match change {
            Change::Begin(members) => {
                if self.is_empty() {
                    self.present = members
                        .into_iter()
                        .map(|member| (member.id, member))
                        .collect();
                }
            }
            Change::Add(member) => {
                self.may_add(&member)?;
                self.present.insert(member.id, member);
            }
            Change::Remove(id) => {
                self.present.remove(&id).ok_or(errors::MEMBER_NOT_FOUND)?;
                self.removed.insert(id);
            }
            Change::Promote(id) => {
                let member = self.present.get_mut(&id).ok_or(errors::MEMBER_NOT_FOUND)?;
                if !member.is_learner {
                    return Err(errors::NOT_LEARNER);
                }
                member.is_learner = false;
            }
            Change::Update(id, urls) => {
                self.check_urls(id, &urls)?;
                let member = self.present.get_mut(&id).ok_or(errors::MEMBER_NOT_FOUND)?;
                member.peer_urls = urls;
            }
            Change::Publish(id, name, urls) => {
                let member = self.present.get_mut(&id).ok_or(errors::MEMBER_NOT_FOUND)?;
                member.name = name;
                member.client_urls = urls;
            }
        }
        Ok(())
    }

    fn may_add(&self, new: &Member) -> Result<(), EtcdError> {
        if self.removed.contains(&new.id) {
            return Err(errors::MEMBER_NOT_FOUND);
        }
        if self.present.contains_key(&new.id) {
            return Err(errors::MEMBER_EXISTS);
        }
        self.check_urls(new.id, &new.peer_urls)?;
        let learners = self.all().filter(|member| member.is_learner).count();
        if new.is_learner && learners >= LEARNERS_MAX {
            return Err(errors::TOO_MANY_LEARNERS);
        }
        Ok(())
    }

    fn check_urls(&self, id: u64, urls: &[Url]) -> Result<(), EtcdError> {
        let mut others = self.all().filter(|member| member.id != id);
        let taken = others.any(|other| other.peer_urls.iter().any(|url| urls.contains(url)));
        if taken {
            Err(errors::PEER_URL_EXISTS)
        } else {
            Ok(())
        }
    }

    /// Whether a change leaves a majority of voters that have been started (etcd's `strict-reconfig-check`). To be asked
    /// before the change is proposed.
    ///
    /// # Errors
    /// When it does not.
    pub fn check_quorum(&self, change: &Change) -> Result<(), EtcdError> {
        let started = self.voters().filter(|member| member.is_started()).count();
        let voters = self.voters().count();
        let enough = match change {
            // The second member of a cluster of one is not there before it is added.
            Change::Add(new) if !new.is_learner => {
                (started == 1 && voters == 1) || started > voters.div_ceil(2)
            }
            Change::Promote(_) => started + 1 > voters.div_ceil(2),
            Change::Remove(id) => match self.get(*id) {
                Some(leaving) if leaving.is_learner => true,
                Some(leaving) => {
                    let (started, voters) =
                        (started - usize::from(leaving.is_started()), voters - 1);
                    started > voters / 2
                }
                // As etcd, which counts first and looks for the member then.
                None => started > voters / 2,
            },
            _ => true,
        };
        if enough {
            Ok(())
        } else {
            Err(errors::NOT_ENOUGH_STARTED)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: u64, name: &str) -> Member {
        Member {
            id,
            name: name.to_owned(),
            peer_urls: vec![format!("http://h:{id}").parse().unwrap()],
            client_urls: vec![],
            is_learner: false,
        }
    }

    fn learner(id: u64) -> Member {
        Member {
            is_learner: true,
            ..member(id, "")
        }
    }

    fn members(list: &[(u64, &str)]) -> Members {
        let mut members = Members::default();
        let list = list.iter().map(|(id, name)| member(*id, name)).collect();
        members.apply(Change::Begin(list)).unwrap();
        members
    }

    #[test]
    fn a_cluster_begins_once() {
        let mut three = members(&[(1, "a"), (2, "b"), (3, "c")]);
        three.apply(Change::Begin(vec![member(9, "x")])).unwrap();
        assert_eq!(
            three.all().map(|member| member.id).collect::<Vec<_>>(),
            [1, 2, 3]
        );
    }

    #[test]
    fn an_id_is_never_used_again() {
        let mut three = members(&[(1, "a"), (2, "b"), (3, "c")]);
        three.apply(Change::Remove(3)).unwrap();
        assert!(three.was_removed(3));
        assert_eq!(
            three.apply(Change::Add(member(3, ""))),
            Err(errors::MEMBER_NOT_FOUND)
        );
        assert_eq!(
            three.apply(Change::Remove(3)),
            Err(errors::MEMBER_NOT_FOUND)
        );
        assert_eq!(
            three.apply(Change::Add(member(2, ""))),
            Err(errors::MEMBER_EXISTS)
        );
    }

    #[test]
    fn urls_have_one_member() {
        let mut two = members(&[(1, "a"), (2, "b")]);
        let taken = Member {
            id: 7,
            ..member(1, "")
        };
        assert_eq!(
            two.apply(Change::Add(taken.clone())),
            Err(errors::PEER_URL_EXISTS)
        );
        assert_eq!(
            two.apply(Change::Update(2, taken.peer_urls.clone())),
            Err(errors::PEER_URL_EXISTS)
        );
        assert_eq!(two.apply(Change::Update(1, taken.peer_urls)), Ok(()));
    }

    #[test]
    fn one_learner_at_a_time() {
        let mut one = members(&[(1, "a")]);
        one.apply(Change::Add(learner(2))).unwrap();
        assert_eq!(
            one.apply(Change::Add(learner(3))),
            Err(errors::TOO_MANY_LEARNERS)
        );
        assert_eq!(one.apply(Change::Promote(1)), Err(errors::NOT_LEARNER));
        assert_eq!(one.apply(Change::Promote(2)), Ok(()));
        assert_eq!(one.apply(Change::Promote(9)), Err(errors::MEMBER_NOT_FOUND));
        assert_eq!(one.apply(Change::Add(learner(3))), Ok(()));
    }

    #[test]
    fn a_quorum_of_started_members_stays() {
        let refused = Err(errors::NOT_ENOUGH_STARTED);
        let add = Change::Add(member(9, ""));
        let check = |list: &[(u64, &str)], change: &Change| members(list).check_quorum(change);
        assert_eq!(check(&[(1, "a")], &add), Ok(()));
        // Two, of which one is not there: with a third, one of three.
        assert_eq!(check(&[(1, "a"), (2, "")], &add), refused);
        assert_eq!(check(&[(1, "a"), (2, "b"), (3, "")], &add), refused);
        assert_eq!(check(&[(1, "a"), (2, "b"), (3, "c")], &add), Ok(()));
        assert_eq!(
            check(&[(1, "a"), (2, "")], &Change::Add(learner(9))),
            Ok(())
        );

        assert_eq!(check(&[(1, "a")], &Change::Remove(1)), refused);
        assert_eq!(check(&[(1, "a"), (2, "")], &Change::Remove(2)), Ok(()));
        assert_eq!(check(&[(1, "a"), (2, "")], &Change::Remove(1)), refused);
        assert_eq!(
            check(&[(1, "a"), (2, "b"), (3, "")], &Change::Remove(1)),
            refused
        );
    }
}
