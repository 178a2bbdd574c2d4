//! A client of the lab: a process that writes and reads when it is told to, through links of its own, so that it can stand on either
//! side of a partition. Whoever tells it hears what came of it, and remembers.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use raft_kv::client::{Client, ClientError, pb, revision};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::lab::lock;
use crate::systems::lines;

#[derive(Clone, Debug, Args)]
pub(super) struct Options {
    /// Its name
    #[arg(long)]
    name: String,
    #[command(flatten)]
    node: lines::NodeOptions,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Request {
    /// Where the members are that may be asked.
    pub(crate) endpoints: Vec<String>,
    pub(crate) timeout_ms: u64,
    pub(crate) key: String,
    pub(crate) action: Action,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    /// To write this value.
    Put(String),
    /// To read, as of now, or whatever the member that is asked has.
    Get { serializable: bool },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It was written, or this is the value; at this revision of the store.
    Done {
        value: Option<String>,
        revision: i64,
    },
    /// It was certainly not done, for this reason.
    Refused(String),
    /// Nobody knows, for this reason.
    Unknown(String),
}

struct Caller {
    runtime: Runtime,
    /// By the endpoints that they know.
    clients: Mutex<BTreeMap<Vec<String>, Client>>,
    options: Options,
}

/// Is a client, until standard input ends.
pub(super) fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let caller = Caller {
        runtime,
        clients: Mutex::default(),
        options: options.clone(),
    };
    lines::serve(&options.node, move |word, said| match word {
        "do" => Ok(json!(caller.perform(Request::deserialize(said)?)?)),
        word => bail!("{} knows no {word}", caller.options.name),
    })
}

impl Caller {
    fn perform(&self, request: Request) -> Result<Outcome> {
        let _entered = self.runtime.enter();
        let client = self.client(&request.endpoints)?;
        let client = client.with_timeout(Duration::from_millis(request.timeout_ms));
        let done = self
            .runtime
            .block_on(act(&client, request.key, request.action));
        Ok(match done {
            Ok((value, revision)) => Outcome::Done { value, revision },
            Err(ClientError::Unknown(status)) => Outcome::Unknown(status.message().to_owned()),
            Err(e) => Outcome::Refused(e.to_string()),
        })
    }

    fn client(&self, endpoints: &[String]) -> Result<Client> {
        let mut clients = lock(&self.clients);
        if let Some(client) = clients.get(endpoints) {
            return Ok(client.clone());
        }
        let client = Client::through(endpoints, self.options.node.socks)?;
        clients.insert(endpoints.to_vec(), client.clone());
        Ok(client)
    }
}

async fn act(
    client: &Client,
    key: String,
    action: Action,
) -> Result<(Option<String>, i64), ClientError> {
    match action {
        Action::Put(value) => Ok((None, client.put(key, value, 0).await?)),
        Action::Get { serializable } => {
            let request = pb::RangeRequest {
                key: key.into_bytes(),
                serializable,
                ..Default::default()
            };
            let answer = client.range(request).await?;
            let value = answer.kvs.into_iter().next().map(|kv| kv.value);
            let value = value.map(|value| String::from_utf8_lossy(&value).into_owned());
            Ok((value, revision(&answer.header)))
        }
    }
}
