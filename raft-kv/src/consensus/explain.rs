//! What a message between members says, in words: for those who watch what passes, as the lab does.

use serde::{Deserialize, Serialize};

use openraft::raft::AppendEntriesResponse;

use crate::consensus::peer::{self, Envelope, Request, Response};

/// A message's class in a word or two, and what it says, as a phrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Its class: `heartbeat`, `append`, `request vote`.
    pub label: &'static str,
    /// What it says.
    pub text: String,
}

fn explained(label: &'static str, text: String) -> Explained {
    Explained { label, text }
}

/// Explains a question, of which the beginning is enough to know its class; none where it is no question of a member's.
pub fn question(bytes: &[u8]) -> Option<Explained> {
    let Ok(Envelope { request, .. }) = peer::decode(bytes) else {
        return beginning(bytes);
    };
    let at = |log_id: Option<_>| log_id.map_or(0, |log_id: super::types::LogId| log_id.index);
    Some(match request {
        Request::Append(append) => {
            let term = append.vote.leader_id.term;
            let (before, committed) = (at(append.prev_log_id), at(append.leader_commit));
            match append.entries.as_slice() {
                [] => explained(
                    "heartbeat",
                    format!("heartbeat in term {term}: committed up to {committed}"),
                ),
                [first, .., last] => {
                    let (from, to) = (first.log_id.index, last.log_id.index);
                    let text = format!(
                        "append entries {from} to {to} behind {before} in term {term}: committed up to {committed}"
                    );
                    explained("append", text)
                }
                [entry] => {
                    let index = entry.log_id.index;
                    let text = format!(
                        "append entry {index} behind {before} in term {term}: committed up to {committed}"
                    );
                    explained("append", text)
                }
            }
        }
        Request::Vote(vote) => {
            let (term, last) = (vote.vote.leader_id.term, at(vote.last_log_id));
            let text = format!("vote for me in term {term}: my log ends at {last}");
            explained("request vote", text)
        }
        Request::PreVote(vote) => {
            let (term, last) = (vote.vote.leader_id.term, at(vote.last_log_id));
            let text = format!("would you vote for me in term {term}? My log ends at {last}");
            explained("pre-vote", text)
        }
        Request::TransferLeader(_) => explained("transfer", "lead in my place".to_owned()),
        Request::ReadIndex => explained("read index", "from where on is a read fresh?".to_owned()),
        Request::Snapshot(part) => {
            let (from, len) = (part.offset, part.bytes.len());
            let text = format!("{len} bytes of a snapshot from byte {from}");
            explained("snapshot", text)
        }
    })
}

/// What a question of which a part is missing is about.
fn beginning(bytes: &[u8]) -> Option<Explained> {
    /// The head of an [`Envelope`], and which [`Request`] it has.
    #[derive(Serialize, Deserialize)]
    struct Head {
        cluster: u64,
        from: u64,
        to: u64,
        request: u32,
    }
    let (head, _) = postcard::take_from_bytes::<Head>(bytes).ok()?;
    match head.request {
        0 => Some(explained("append", "append many bytes".to_owned())),
        5 => Some(explained("snapshot", "a part of a snapshot".to_owned())),
        // The others are short, and would have been understood.
        _ => None,
    }
}

/// Explains an answer.
pub fn answer(bytes: &[u8]) -> Option<Explained> {
    let response: Response = peer::decode(bytes).ok()?;
    Some(match response {
        Response::Append(AppendEntriesResponse::Success) => {
            explained("appended", "it is in my log".to_owned())
        }
        Response::Append(AppendEntriesResponse::PartialSuccess(_)) => {
            explained("appended", "a part of it is in my log".to_owned())
        }
        Response::Append(AppendEntriesResponse::Conflict) => {
            let text = "my log has another entry before these, or none";
            explained("conflict", text.to_owned())
        }
        Response::Append(AppendEntriesResponse::HigherVote(vote)) => {
            let text = format!("I know of term {}", vote.leader_id.term);
            explained("newer term", text)
        }
        Response::Vote(vote) if vote.vote_granted => {
            explained("vote granted", "you have my vote".to_owned())
        }
        Response::Vote(vote) => {
            let text = format!("not by me, who am in term {}", vote.vote.leader_id.term);
            explained("vote refused", text)
        }
        Response::TransferLeader(Ok(())) => explained("ok", "I campaign".to_owned()),
        Response::ReadIndex(Ok(index)) => {
            let text = format!("from index {index} on it is fresh");
            explained("index", text)
        }
        Response::SnapshotPart(true) => explained("ok", "the part is written".to_owned()),
        Response::SnapshotPart(false) => explained("begin anew", "begin anew".to_owned()),
        Response::SnapshotInstalled(_) => {
            explained("installed", "the snapshot is installed".to_owned())
        }
        Response::TransferLeader(Err(why))
        | Response::ReadIndex(Err(why))
        | Response::Refused(why) => explained("refused", why),
    })
}

#[cfg(test)]
mod tests {
    use openraft::raft::{AppendEntriesRequest, VoteRequest, VoteResponse};

    use super::*;
    use crate::consensus::types::{Command, Entry, Types, log_id, raft_vote};
    use crate::wal::{Position, Vote};
    use openraft::EntryPayload;

    fn asked(request: Request) -> Vec<u8> {
        let envelope = Envelope {
            cluster: 7,
            from: 1,
            to: 2,
            request,
        };
        peer::encode(&envelope).to_vec()
    }

    fn append(indexes: std::ops::Range<u64>) -> Request {
        let entry = |index| Entry {
            log_id: log_id(Position { term: 3, index }),
            payload: EntryPayload::Normal(Command(vec![0; 100].into())),
        };
        Request::Append(AppendEntriesRequest::<Types> {
            vote: raft_vote(Vote {
                term: 3,
                candidate: 1,
                elected: true,
            }),
            prev_log_id: Some(log_id(Position { term: 2, index: 4 })),
            entries: indexes.map(entry).collect(),
            leader_commit: Some(log_id(Position { term: 2, index: 4 })),
        })
    }

    #[track_caller]
    fn check(found: Option<Explained>, label: &str, text: &str) {
        let found = found.unwrap();
        assert_eq!((found.label, found.text.as_str()), (label, text));
    }

    #[test]
    fn questions_and_answers_are_told_in_words() {
        let text = "heartbeat in term 3: committed up to 4";
        check(question(&asked(append(5..5))), "heartbeat", text);
        let text = "append entry 5 behind 4 in term 3: committed up to 4";
        check(question(&asked(append(5..6))), "append", text);
        let text = "append entries 5 to 8 behind 4 in term 3: committed up to 4";
        check(question(&asked(append(5..9))), "append", text);
        let vote = raft_vote(Vote {
            term: 4,
            candidate: 1,
            elected: false,
        });
        let wanted = Request::Vote(VoteRequest::new(vote, None));
        let text = "vote for me in term 4: my log ends at 0";
        check(question(&asked(wanted)), "request vote", text);
        let granted = Response::Vote(VoteResponse::new(vote, None, true));
        let granted = answer(&peer::encode(&granted));
        check(granted, "vote granted", "you have my vote");
    }

    #[test]
    fn the_beginning_of_a_long_one_tells_what_it_is() {
        let bytes = asked(append(5..9));
        check(question(&bytes[..60]), "append", "append many bytes");
        assert_eq!(question(&bytes[..3]), None);
        assert_eq!(question(b"\xff\xff\xff\xff"), None);
        assert_eq!(answer(b"\xff"), None);
    }
}
