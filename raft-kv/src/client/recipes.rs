//! Recipes: what clients agree on with keys, leases and watches. They are ZooKeeper's, and etcd's `concurrency` and `recipes` packages' keys are
//! used, so that clients of both kinds can share a lock.

use super::session::Session;
use super::watch::Watch;
use super::{Client, ClientError, mvccpb, pb, revision};
use pb::compare::{CompareResult, CompareTarget, TargetUnion};
use pb::request_op::Request;

fn created_is(key: &[u8], revision: i64) -> pb::Compare {
    pb::Compare {
        result: CompareResult::Equal.into(),
        target: CompareTarget::Create.into(),
        key: key.to_vec(),
        target_union: Some(TargetUnion::CreateRevision(revision)),
        range_end: Vec::new(),
    }
}

fn op(request: Request) -> pb::RequestOp {
    pb::RequestOp {
        request: Some(request),
    }
}

/// The first key behind all that begin with `prefix`.
pub fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    vec![0]
}

fn by_creation(prefix: &[u8]) -> pb::RangeRequest {
    pb::RangeRequest {
        key: prefix.to_vec(),
        range_end: prefix_end(prefix),
        limit: 1,
        sort_order: pb::range_request::SortOrder::Ascend.into(),
        sort_target: pb::range_request::SortTarget::Create.into(),
        ..Default::default()
    }
}

/// Waits until a key that was there at `revision` is deleted.
async fn deleted(client: &Client, key: Vec<u8>, revision: i64) -> Result<(), ClientError> {
    let mut watch = Watch::new(
        client,
        pb::WatchCreateRequest {
            key,
            start_revision: revision + 1,
            filters: vec![pb::watch_create_request::FilterType::Noput.into()],
            ..Default::default()
        },
    );
    watch.next().await.map(|_| ())
}

/// A place among those that wait for the same thing; it is held by a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The key: it is there as long as the place is held.
    pub key: Vec<u8>,
    /// Its create revision, which is the order. Whoever acts by what he holds shows it to those on whom he acts: a greater one was later
    /// (a fencing token).
    pub created: i64,
}

/// Takes a place below `prefix`, and waits until it is the first.
async fn wait_first(
    session: &Session,
    client: &Client,
    prefix: &[u8],
    value: Vec<u8>,
) -> Result<Place, ClientError> {
    let ended = || ClientError::SessionEnded(session.lease());
    let mut key = prefix.to_vec();
    key.extend_from_slice(format!("{:x}", session.lease()).as_bytes());
    let put = pb::PutRequest {
        key: key.clone(),
        value,
        lease: session.lease(),
        ..Default::default()
    };
    let get = pb::RangeRequest {
        key: key.clone(),
        ..Default::default()
    };
    let answer = client.txn(pb::TxnRequest {
        compare: vec![created_is(&key, 0)],
        success: vec![op(Request::RequestPut(put))],
        failure: vec![op(Request::RequestRange(get.clone()))],
    });
    let answer = answer.await?;
    let created = if answer.succeeded {
        revision(&answer.header)
    } else {
        client
            .range(get.clone())
            .await?
            .kvs
            .first()
            .ok_or_else(ended)?
            .create_revision
    };
    let before = pb::RangeRequest {
        sort_order: pb::range_request::SortOrder::Descend.into(),
        max_create_revision: created - 1,
        ..by_creation(prefix)
    };
    loop {
        let found = client.range(before.clone()).await?;
        let Some(last) = found.kvs.into_iter().next() else {
            break;
        };
        tokio::select! {
            gone = deleted(client, last.key, revision(&found.header)) => gone?,
            () = session.ended() => return Err(ended()),
        }
    }
    let own = client.range(get).await?;
    match own.kvs.first() {
        Some(own) if own.create_revision == created => Ok(Place { key, created }),
        _ => Err(ended()),
    }
}

async fn leave(client: &Client, place: &Place) -> Result<(), ClientError> {
    let delete = pb::DeleteRangeRequest {
        key: place.key.clone(),
        ..Default::default()
    };
    client
        .txn(pb::TxnRequest {
            compare: vec![created_is(&place.key, place.created)],
            success: vec![op(Request::RequestDeleteRange(delete))],
            failure: vec![],
        })
        .await?;
    Ok(())
}

fn below(name: &str) -> Vec<u8> {
    format!("{name}/").into_bytes()
}

/// A lock that one session holds at a time.
#[derive(Clone, Debug)]
pub struct Mutex {
    client: Client,
    prefix: Vec<u8>,
}

impl Mutex {
    /// The lock of this name.
    pub fn new(client: &Client, name: &str) -> Mutex {
        Mutex {
            client: client.clone(),
            prefix: below(name),
        }
    }

    /// Waits for the lock.
    ///
    /// # Errors
    /// [`ClientError`], among them that the session ended.
    pub async fn lock(&self, session: &Session) -> Result<Place, ClientError> {
        wait_first(session, &self.client, &self.prefix, Vec::new()).await
    }

    /// Gives it back.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn unlock(&self, place: &Place) -> Result<(), ClientError> {
        leave(&self.client, place).await
    }
}

/// One of many leads.
#[derive(Clone, Debug)]
pub struct Election {
    client: Client,
    prefix: Vec<u8>,
}

impl Election {
    /// The election of this name.
    pub fn new(client: &Client, name: &str) -> Election {
        Election {
            client: client.clone(),
            prefix: below(name),
        }
    }

    /// Waits until the session leads, with this to say.
    ///
    /// # Errors
    /// [`ClientError`], among them that the session ended.
    pub async fn campaign(
        &self,
        session: &Session,
        value: impl Into<Vec<u8>>,
    ) -> Result<Place, ClientError> {
        wait_first(session, &self.client, &self.prefix, value.into()).await
    }

    /// Lets another one lead.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn resign(&self, place: &Place) -> Result<(), ClientError> {
        leave(&self.client, place).await
    }

    /// Who leads; its key, and what it has to say.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn leader(&self) -> Result<Option<mvccpb::KeyValue>, ClientError> {
        let found = self.client.range(by_creation(&self.prefix)).await?;
        Ok(found.kvs.into_iter().next())
    }

    /// Waits for a leader, or a value, with another mod revision than `known`; 0 for any.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn observe(&self, known: i64) -> Result<mvccpb::KeyValue, ClientError> {
        let mut watch = Watch::new(
            &self.client,
            pb::WatchCreateRequest {
                key: self.prefix.clone(),
                range_end: prefix_end(&self.prefix),
                ..Default::default()
            },
        );
        watch.connect().await?;
        loop {
            match self.leader().await? {
                Some(leader) if leader.mod_revision != known => return Ok(leader),
                _ => watch.next().await?,
            };
        }
    }
}

/// Holds up all who come to it until it is lifted.
#[derive(Clone, Debug)]
pub struct Barrier {
    client: Client,
    key: Vec<u8>,
}

impl Barrier {
    /// The barrier of this name.
    pub fn new(client: &Client, name: &str) -> Barrier {
        Barrier {
            client: client.clone(),
            key: name.as_bytes().to_vec(),
        }
    }

    /// Lets it down, for as long as the session lives; says whether it was up before.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn hold(&self, session: &Session) -> Result<bool, ClientError> {
        let put = pb::PutRequest {
            key: self.key.clone(),
            lease: session.lease(),
            ..Default::default()
        };
        let held = self.client.txn(pb::TxnRequest {
            compare: vec![created_is(&self.key, 0)],
            success: vec![op(Request::RequestPut(put))],
            failure: vec![],
        });
        Ok(held.await?.succeeded)
    }

    /// Lifts it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn lift(&self) -> Result<(), ClientError> {
        let delete = pb::DeleteRangeRequest {
            key: self.key.clone(),
            ..Default::default()
        };
        self.client.delete(delete).await?;
        Ok(())
    }

    /// Waits until it is up.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn wait(&self) -> Result<(), ClientError> {
        let request = pb::RangeRequest {
            key: self.key.clone(),
            ..Default::default()
        };
        let found = self.client.range(request).await?;
        if found.kvs.is_empty() {
            return Ok(());
        }
        deleted(&self.client, self.key.clone(), revision(&found.header)).await
    }
}

/// First in, first out. Each item is taken by one, and is gone with that one if it fails before it has done with it.
#[derive(Clone, Debug)]
pub struct Queue {
    client: Client,
    prefix: Vec<u8>,
}

impl Queue {
    /// The queue of this name.
    pub fn new(client: &Client, name: &str) -> Queue {
        Queue {
            client: client.clone(),
            prefix: below(name),
        }
    }

    /// Puts an item at its end.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn enqueue(&self, item: impl Into<Vec<u8>>) -> Result<(), ClientError> {
        let item = item.into();
        loop {
            let mut key = self.prefix.clone();
            // Any name that no other has: the order is that of creation.
            let unique = getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()));
            key.extend_from_slice(format!("{unique:016x}").as_bytes());
            let put = pb::PutRequest {
                key: key.clone(),
                value: item.clone(),
                ..Default::default()
            };
            let put = self.client.txn(pb::TxnRequest {
                compare: vec![created_is(&key, 0)],
                success: vec![op(Request::RequestPut(put))],
                failure: vec![],
            });
            if put.await?.succeeded {
                return Ok(());
            }
        }
    }

    /// Takes the first item; waits for one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn dequeue(&self) -> Result<Vec<u8>, ClientError> {
        loop {
            let found = self.client.range(by_creation(&self.prefix)).await?;
            let Some(first) = found.kvs.into_iter().next() else {
                let mut watch = Watch::new(
                    &self.client,
                    pb::WatchCreateRequest {
                        key: self.prefix.clone(),
                        range_end: prefix_end(&self.prefix),
                        start_revision: revision(&found.header) + 1,
                        ..Default::default()
                    },
                );
                watch.next().await?;
                continue;
            };
            let delete = pb::DeleteRangeRequest {
                key: first.key.clone(),
                ..Default::default()
            };
            let taken = self.client.txn(pb::TxnRequest {
                compare: vec![created_is(&first.key, first.create_revision)],
                success: vec![op(Request::RequestDeleteRange(delete))],
                failure: vec![],
            });
            if taken.await?.succeeded {
                return Ok(first.value);
            }
        }
    }
}
