//! The shell: gRPC, HTTP, sockets, files, timers. All I/O of the crate is below this module, in `cli` and in `main.rs`.

pub mod balancer;
pub mod clock;
pub mod cluster;
pub mod connector;
pub mod data_transfer;
pub mod datanode;
pub mod dfs_client;
mod http;
mod metrics;
pub mod namenode;
pub mod rpc;
pub mod settings;
pub mod volumes;
pub mod xceiver;

/// Held by the one process that uses a directory (HDFS's name for it).
const LOCK_FILE: &str = "in_use.lock";

/// The name of this machine, by which a client and the DataNode beside it find each other.
pub fn hostname() -> String {
    #[cfg(unix)]
    let name = rustix::system::uname()
        .nodename()
        .to_str()
        .map(str::to_owned)
        .ok();
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").ok();
    name.filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}

/// Who we are: `HADOOP_USER_NAME`, or the user of this process.
pub fn user() -> String {
    ["HADOOP_USER_NAME", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .or_else(user_of_process)
        .unwrap_or_else(|| "nobody".to_owned())
}

#[cfg(unix)]
fn user_of_process() -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let uid = std::fs::metadata("/proc/self").ok()?.uid().to_string();
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let mut lines = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let line = lines.find(|fields| fields.get(2) == Some(&uid.as_str()))?;
    Some(line[0].to_owned())
}

#[cfg(not(unix))]
fn user_of_process() -> Option<String> {
    std::env::var("USERNAME").ok()
}
