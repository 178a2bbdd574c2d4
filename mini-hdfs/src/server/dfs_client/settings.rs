//! The client's settings, with HDFS's keys where it has them.

use std::time::Duration;

use crate::client::replace_datanode::Policy;
use crate::client::retry::Backoff;
use crate::server::connector::Connector;
use crate::server::settings::{SettingError, Settings};

/// Settings of a client.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// `HOST:PORT` of the NameNode (`fs.defaultFS`).
    pub name_node: String,
    /// Dials the NameNode and the DataNodes.
    pub connector: Connector,
    /// The owner of what it makes.
    pub user: String,
    /// The group of what it makes.
    pub group: String,
    /// The name of its machine, by which a DataNode on the same machine is recognised.
    pub host: Option<String>,
    /// Replicas of each block of new files; 0 for what the NameNode says (`dfs.replication`).
    pub replication: u16,
    /// Bytes in a block of new files; 0 for what the NameNode says (`dfs.blocksize`).
    pub block_size: u64,
    /// A DataNode that is silent for this long has failed (`dfs.client.socket-timeout`).
    pub socket_timeout: Duration,
    /// When a failed node of a pipeline is replaced (`dfs.client.block.write.replace-datanode-on-failure.policy`; never where its
    /// `enable` is false).
    pub replace_datanode: Policy,
    /// Where it cannot be, writing goes on with those that are left
    /// (`dfs.client.block.write.replace-datanode-on-failure.best-effort`).
    pub replace_best_effort: bool,
    /// The pauses between attempts to find a good replica are multiples of it (`dfs.client.retry.window.base`).
    pub retry_window: Duration,
    /// `close` returns when the file is on the DataNodes' disks (`dfs.datanode.synconclose`).
    pub sync_on_close: bool,
    /// Repeats calls to the NameNode.
    pub retry: Backoff,
    /// The same in the middle of writing a file, where giving up costs what was written. It outlasts a restart of the
    /// NameNode with its safe mode.
    pub retry_mid_file: Backoff,
}

impl ClientSettings {
    /// The defaults.
    pub fn new(name_node: &str, user: &str) -> ClientSettings {
        let retry = Backoff {
            first: Duration::from_millis(10),
            longest: Duration::from_secs(2),
            deadline: Duration::from_secs(10),
        };
        ClientSettings {
            name_node: name_node.to_owned(),
            connector: Connector::direct(),
            user: user.to_owned(),
            group: "supergroup".to_owned(),
            host: None,
            replication: 0,
            block_size: 0,
            socket_timeout: Duration::from_secs(60),
            replace_datanode: Policy::Default,
            replace_best_effort: false,
            retry_window: Duration::from_secs(3),
            sync_on_close: true,
            retry,
            retry_mid_file: Backoff {
                deadline: Duration::from_secs(120),
                ..retry
            },
        }
    }

    /// With what `-D KEY=VALUE` says.
    ///
    /// # Errors
    /// When a number is out of its range.
    pub fn with(self, settings: &Settings) -> Result<ClientSettings, SettingError> {
        Ok(ClientSettings {
            replication: settings.number("dfs.replication", self.replication)?,
            block_size: settings.number("dfs.blocksize", self.block_size)?,
            socket_timeout: settings.duration("dfs.client.socket-timeout", self.socket_timeout),
            replace_datanode: settings.replace_policy().unwrap_or(self.replace_datanode),
            replace_best_effort: settings.number(
                "dfs.client.block.write.replace-datanode-on-failure.best-effort",
                u8::from(self.replace_best_effort),
            )? != 0,
            retry_window: settings.duration("dfs.client.retry.window.base", self.retry_window),
            ..self
        })
    }
}
