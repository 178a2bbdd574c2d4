//! The operator's file of DataNodes that shall be out of service: `dfs.hosts.json` in the NameNode's directory, in the
//! format of HDFS's `CombinedHostFileManager`.
//!
//! ```json
//! [
//!   {"hostName": "dn1", "port": 9866, "adminState": "DECOMMISSIONED"},
//!   {"hostName": "dn2", "adminState": "IN_MAINTENANCE", "maintenanceExpireTimeInMS": 1507663698000}
//! ]
//! ```

use anyhow::{Context, Result};
use node::{Disk, FileDisk};
use serde::{Deserialize, Serialize};

use crate::atomic_file::write_whole;
use crate::namenode::hosts::{Host, Hosts, Wish};

const FILE: &str = "dfs.hosts.json";

/// `DatanodeAdminProperties`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    host_name: String,
    #[serde(default, skip_serializing_if = "is_zero")]
    port: u16,
    #[serde(default)]
    admin_state: State,
    #[serde(
        default,
        rename = "maintenanceExpireTimeInMS",
        skip_serializing_if = "Option::is_none"
    )]
    expires_ms: Option<u64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum State {
    #[default]
    Normal,
    Decommissioned,
    InMaintenance,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
fn is_zero(port: &u16) -> bool {
    *port == 0
}

/// What the file says; that all are in service, where there is none.
pub(super) fn read(disk: &FileDisk) -> Result<Hosts> {
    if !disk.exists(FILE) {
        return Ok(Hosts::default());
    }
    let bytes = disk.read(FILE)?;
    let entries: Vec<Entry> = serde_json::from_slice(&bytes).with_context(|| {
        format!("{FILE} is no list of hosts with hostName, port, adminState and maintenanceExpireTimeInMS")
    })?;
    let wish = |entry: Entry| {
        let wish = match entry.admin_state {
            State::Normal => return None,
            State::Decommissioned => Wish::Decommission,
            State::InMaintenance => Wish::Maintenance {
                until_ms: entry.expires_ms,
            },
        };
        let host = Host {
            name: entry.host_name,
            port: entry.port,
        };
        Some((host, wish))
    };
    Ok(Hosts(entries.into_iter().filter_map(wish).collect()))
}

/// Replaces the file: whole, or not at all.
pub(super) fn write(hosts: &Hosts, disk: &mut FileDisk) -> Result<()> {
    let entry = |(host, wish): &(Host, Wish)| Entry {
        host_name: host.name.clone(),
        port: host.port,
        admin_state: match wish {
            Wish::Decommission => State::Decommissioned,
            Wish::Maintenance { .. } => State::InMaintenance,
        },
        expires_ms: match wish {
            Wish::Decommission => None,
            Wish::Maintenance { until_ms } => *until_ms,
        },
    };
    let entries: Vec<Entry> = hosts.0.iter().map(entry).collect();
    let bytes = serde_json::to_vec_pretty(&entries)?;
    Ok(write_whole(FILE, disk, &|file, disk| {
        disk.append(file, &bytes)
    })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_makes_no_sense_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut disk = FileDisk::open(dir.path()).unwrap();
        assert_eq!(read(&disk).unwrap(), Hosts::default());
        let mut hosts = Hosts::default();
        let until_ms = Some(1_507_663_698_000);
        let host = |text: &str| Host::parse(text).unwrap();
        hosts.set(&host("dn1:9866"), Some(Wish::Decommission));
        hosts.set(&host("dn2"), Some(Wish::Maintenance { until_ms }));
        write(&hosts, &mut disk).unwrap();
        assert_eq!(read(&disk).unwrap(), hosts);
        let text = std::fs::read_to_string(dir.path().join(FILE)).unwrap();
        assert!(text.contains(r#""adminState": "IN_MAINTENANCE""#), "{text}");
        std::fs::write(dir.path().join(FILE), r#"[{"hostName":"a","x":1}]"#).unwrap();
        let error = format!("{:#}", read(&disk).unwrap_err());
        assert!(
            error.contains("adminState") && error.contains('x'),
            "{error}"
        );
    }
}
