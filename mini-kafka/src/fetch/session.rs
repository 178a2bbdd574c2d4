//! Fetch sessions (KIP-227): a consumer of a thousand partitions does not name all of them in every request.
//!
//! The first fetch of a session names everything; each one after it only what changed since, and the answer only
//! partitions about which there is something to say. Both sides count: the epoch of a session grows by one with each
//! request, so that a lost one is noticed, and the client begins a new session.

use std::collections::BTreeMap;

use crate::error::ErrorCode;

/// The epoch of a request that begins a session.
const INITIAL_EPOCH: i32 = 0;
/// The epoch of a request that wants none, or ends the one that it names.
const FINAL_EPOCH: i32 = -1;

/// How a client names a topic, which an answer names likewise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TopicKey {
    /// By its name.
    Name(String),
    /// By its id (KIP-516, since the thirteenth version of Fetch, and of Produce): so one that has its name after it is another.
    Id(u128),
}

/// A partition, as a client names it.
pub type FetchKey = (TopicKey, i32);

/// What a fetch names.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// Whether it names topics by their ids.
    pub by_id: bool,
    /// What is wanted, in this order.
    pub wanted: Vec<(FetchKey, Wanted)>,
    /// What of a session is wanted no longer.
    pub forgotten: Vec<FetchKey>,
}

/// What is wanted of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// From here on.
    pub offset: i64,
    /// So much, if it is not the first thing in the answer.
    pub max_bytes: i32,
    /// The leader epoch that the client believes in; -1 if it does not care.
    pub leader_epoch: i32,
    /// The leader epoch of the last record before `offset` that the client has; -1 if it does not say.
    pub last_fetched_epoch: i32,
}

/// What the client was last told of a partition, so that it need not be told again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The high watermark.
    pub high_watermark: i64,
    /// The log start offset.
    pub log_start_offset: i64,
    /// Whether the last answer was an error: then the next one is told whatever it is.
    pub failed: bool,
}

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// For the answer; 0 for no session.
    pub session_id: i32,
    /// Whether the answer names only partitions with news.
    pub incremental: bool,
    /// In the order in which they are to be read.
    pub partitions: Vec<(FetchKey, Wanted)>,
}

/// A partition of a session.
#[derive(Debug)]
struct Entry {
    /// Answers name partitions in the order of these: who was served goes to the end, so that nobody starves behind `max.bytes`.
    turn: u64,
    wanted: Wanted,
    told: Option<Told>,
}

#[derive(Debug)]
struct Session {
    next_epoch: i32,
    by_id: bool,
    /// Found by key, however many a client names: all other fetches wait meanwhile.
    partitions: BTreeMap<FetchKey, Entry>,
    turns: u64,
    /// When it was last used, for the choice of one to drop.
    used: u64,
}

impl Session {
    fn next_turn(&mut self) -> u64 {
        self.turns += 1;
        self.turns
    }

    /// These are wanted from now on: in their order, where they are new.
    fn want(&mut self, named: impl IntoIterator<Item = (FetchKey, Wanted)>) {
        for (key, wanted) in named {
            let turn = self.next_turn();
            let entry = self.partitions.entry(key).or_insert(Entry {
                turn,
                wanted,
                told: None,
            });
            entry.wanted = wanted;
        }
    }

    /// What is wanted, in the order of the answer.
    fn wanted(&self) -> Vec<(FetchKey, Wanted)> {
        let mut entries: Vec<_> = self.partitions.iter().collect();
        entries.sort_unstable_by_key(|(_, entry)| entry.turn);
        let wanted = entries.into_iter();
        wanted
            .map(|(key, entry)| (key.clone(), entry.wanted))
            .collect()
    }
}

/// The sessions of a broker: at most `max.incremental.fetch.session.cache.slots`.
#[derive(Debug)]
pub struct Sessions {
    slots: usize,
    sessions: BTreeMap<i32, Session>,
    uses: u64,
    last_id: i32,
}

impl Sessions {
    /// No sessions, with room for some. Ids begin behind `seed`, so that those of an earlier process are unknown.
    pub fn new(slots: usize, seed: u32) -> Sessions {
        Sessions {
            slots,
            sessions: BTreeMap::new(),
            uses: 0,
            last_id: i32::try_from(seed & 0x3fff_ffff).unwrap_or(0),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// What a request is about, given what it names.
    ///
    /// # Errors
    /// When it names a session that is not there, that is elsewhere in its count, or that names topics otherwise.
    pub fn begin(&mut self, session_id: i32, epoch: i32, named: Named) -> Result<Fetch, ErrorCode> {
        self.uses += 1;
        if epoch == FINAL_EPOCH || epoch == INITIAL_EPOCH {
            self.sessions.remove(&session_id);
            let wants_one = epoch == INITIAL_EPOCH && !named.wanted.is_empty();
            let session_id = if wants_one { self.open(&named) } else { 0 };
            return Ok(Fetch {
                session_id,
                incremental: false,
                partitions: named.wanted,
            });
        }
        let session = self.sessions.get_mut(&session_id);
        let session = session.ok_or(ErrorCode::FetchSessionIdNotFound)?;
        if session.next_epoch != epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if session.by_id != named.by_id {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        // After the largest comes 1: 0 would begin a new session.
        session.next_epoch = epoch.checked_add(1).unwrap_or(1);
        session.used = self.uses;
        for key in &named.forgotten {
            session.partitions.remove(key);
        }
        session.want(named.wanted);
        Ok(Fetch {
            session_id,
            incremental: true,
            partitions: session.wanted(),
        })
    }

    /// Opens a session; 0 where there is no slot for it.
    fn open(&mut self, named: &Named) -> i32 {
        if self.slots == 0 {
            return 0;
        }
        while self.sessions.len() >= self.slots {
            let oldest = self.sessions.iter().min_by_key(|(_, s)| s.used);
            let Some(oldest) = oldest.map(|(id, _)| *id) else {
                break;
            };
            self.sessions.remove(&oldest);
        }
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        let mut session = Session {
            next_epoch: INITIAL_EPOCH + 1,
            by_id: named.by_id,
            partitions: BTreeMap::new(),
            turns: 0,
            used: self.uses,
        };
        session.want(named.wanted.iter().cloned());
        self.sessions.insert(self.last_id, session);
        self.last_id
    }

    /// Whether the answer of a session has to name a partition, of which `told` is to be said, with so many bytes of
    /// records; it is noted as said.
    pub fn tells(&mut self, session_id: i32, key: &FetchKey, told: Told, bytes: usize) -> bool {
        let Some(session) = self.sessions.get_mut(&session_id) else {
            return true;
        };
        let turn = session.next_turn();
        let Some(entry) = session.partitions.get_mut(key) else {
            return true;
        };
        let news = bytes > 0 || told.failed || entry.told != Some(told);
        entry.told = Some(told);
        if bytes > 0 {
            entry.turn = turn;
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(partition: i32) -> FetchKey {
        (TopicKey::Name("t".to_owned()), partition)
    }

    fn named(wanted: Vec<(FetchKey, Wanted)>) -> Named {
        Named {
            wanted,
            ..Named::default()
        }
    }

    fn wanted(offset: i64) -> Wanted {
        Wanted {
            offset,
            max_bytes: 1 << 20,
            leader_epoch: -1,
            last_fetched_epoch: -1,
        }
    }

    const TOLD: Told = Told {
        high_watermark: 5,
        log_start_offset: 0,
        failed: false,
    };

    #[test]
    fn a_session_remembers_what_is_not_named_again() {
        let mut sessions = Sessions::new(2, 0);
        let both = named(vec![(key(0), wanted(0)), (key(1), wanted(0))]);
        let first = sessions.begin(0, 0, both).unwrap();
        assert!(!first.incremental && first.session_id > 0);
        let id = first.session_id;
        let second = sessions
            .begin(id, 1, named(vec![(key(1), wanted(7))]))
            .unwrap();
        assert_eq!(
            second.partitions,
            [(key(0), wanted(0)), (key(1), wanted(7))]
        );
        let without = Named {
            forgotten: vec![key(0)],
            ..Named::default()
        };
        let third = sessions.begin(id, 2, without).unwrap();
        assert_eq!(third.partitions, [(key(1), wanted(7))]);
        assert_eq!(
            sessions.begin(id, 2, Named::default()),
            Err(ErrorCode::InvalidFetchSessionEpoch)
        );
        let last = sessions
            .begin(id, -1, named(vec![(key(1), wanted(9))]))
            .unwrap();
        assert_eq!(last.session_id, 0);
        assert_eq!(
            sessions.begin(id, 3, Named::default()),
            Err(ErrorCode::FetchSessionIdNotFound)
        );
    }

    #[test]
    fn only_news_is_told_and_who_was_served_goes_to_the_end() {
        let mut sessions = Sessions::new(2, 0);
        let both = named(vec![(key(0), wanted(0)), (key(1), wanted(0))]);
        let id = sessions.begin(0, 0, both).unwrap().session_id;
        assert!(sessions.tells(id, &key(0), TOLD, 0));
        assert!(!sessions.tells(id, &key(0), TOLD, 0));
        assert!(sessions.tells(id, &key(0), TOLD, 100));
        let next = sessions.begin(id, 1, Named::default()).unwrap();
        assert_eq!(next.partitions, [(key(1), wanted(0)), (key(0), wanted(0))]);
        let failed = Told {
            failed: true,
            ..TOLD
        };
        assert!(sessions.tells(id, &key(1), failed, 0));
        assert!(sessions.tells(id, &key(1), failed, 0));
    }

    #[test]
    fn the_one_that_was_not_used_for_longest_makes_room() {
        let mut sessions = Sessions::new(2, 0);
        let mut open = || {
            sessions
                .begin(0, 0, named(vec![(key(0), wanted(0))]))
                .unwrap()
                .session_id
        };
        let (a, b) = (open(), open());
        sessions.begin(a, 1, Named::default()).unwrap();
        sessions
            .begin(0, 0, named(vec![(key(0), wanted(0))]))
            .unwrap();
        assert_eq!(sessions.len(), 2);
        sessions.begin(a, 2, Named::default()).unwrap();
        let gone = sessions.begin(b, 1, Named::default());
        assert_eq!(gone, Err(ErrorCode::FetchSessionIdNotFound));
    }

    #[test]
    fn a_session_names_topics_in_one_way() {
        let mut sessions = Sessions::new(2, 0);
        let by_id = |wanted| Named {
            by_id: true,
            ..named(wanted)
        };
        let key = (TopicKey::Id(7), 0);
        let begun = sessions.begin(0, 0, by_id(vec![(key.clone(), wanted(0))]));
        let id = begun.unwrap().session_id;
        assert_eq!(
            sessions.begin(id, 1, Named::default()),
            Err(ErrorCode::FetchSessionTopicIdError)
        );
        // It goes on for who keeps to it.
        let next = sessions.begin(id, 1, by_id(vec![])).unwrap();
        assert_eq!(next.partitions, [(key, wanted(0))]);
    }
}
