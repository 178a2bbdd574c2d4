//! The operator's files of DataNodes.
//!
//! `dfs.hosts` and `dfs.hosts.exclude` name two lists, as for HDFS's `HostFileManager`: who may register, and who shall be
//! decommissioned. They are the operator's alone, words `HOST` or `HOST:PORT`, with comments behind `#`. What `dfsadmin` was told by
//! command is written to `dfs.hosts.json` in the NameNode's directory, in the format of HDFS's `CombinedHostFileManager`:
//!
//! ```json
//! [
//!   {"hostName": "dn1", "port": 9866, "adminState": "DECOMMISSIONED"},
//!   {"hostName": "dn2", "adminState": "IN_MAINTENANCE", "maintenanceExpireTimeInMS": 1507663698000}
//! ]
//! ```

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use node::{Disk, FileDisk};
use serde::{Deserialize, Serialize};

use crate::atomic_file::write_whole;
use crate::namenode::hosts::{Host, Hosts, Wish};
use crate::server::settings::Settings;

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

/// Where they are.
#[derive(Debug)]
pub(crate) struct HostFiles {
    /// Of [`FILE`].
    disk: FileDisk,
    included: Option<PathBuf>,
    excluded: Option<PathBuf>,
}

impl HostFiles {
    pub(super) fn new(disk: FileDisk, settings: &Settings) -> HostFiles {
        let list = |key| settings.text(key).filter(|path| !path.is_empty());
        HostFiles {
            disk,
            included: list("dfs.hosts").map(PathBuf::from),
            excluded: list("dfs.hosts.exclude").map(PathBuf::from),
        }
    }

    /// What the files say now.
    ///
    /// # Errors
    /// When one that is named in the settings is missing, or one makes no sense.
    pub(super) fn read(&self) -> Result<Hosts> {
        let list = |key, path: &Option<PathBuf>| match path {
            None => Ok(Vec::new()),
            Some(path) => {
                read_list(path).with_context(|| format!("cannot use {key}={}", path.display()))
            }
        };
        Ok(Hosts {
            included: list("dfs.hosts", &self.included)?,
            excluded: list("dfs.hosts.exclude", &self.excluded)?,
            wishes: read_wishes(&self.disk)?,
        })
    }

    /// Writes down the wishes.
    pub(super) fn write(&mut self, hosts: &Hosts) -> Result<()> {
        write_wishes(&hosts.wishes, &mut self.disk)
    }
}

fn read_list(path: &Path) -> Result<Vec<Host>> {
    let text = std::fs::read_to_string(path)?;
    let words = text.lines().enumerate().flat_map(|(i, line)| {
        let words = line
            .split_whitespace()
            .take_while(|word| !word.starts_with('#'));
        words.map(move |word| (i + 1, word))
    });
    let host = |(line, word)| Host::parse(word).map_err(|why| anyhow!("line {line}: {why}"));
    words.map(host).collect()
}

/// What the file says; that nothing is wanted, where there is none.
fn read_wishes(disk: &FileDisk) -> Result<Vec<(Host, Wish)>> {
    if !disk.exists(FILE) {
        return Ok(Vec::new());
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
    Ok(entries.into_iter().filter_map(wish).collect())
}

/// Replaces the file: whole, or not at all.
fn write_wishes(wishes: &[(Host, Wish)], disk: &mut FileDisk) -> Result<()> {
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
    let entries: Vec<Entry> = wishes.iter().map(entry).collect();
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
        let disk = FileDisk::open(dir.path()).unwrap();
        let mut files = HostFiles::new(disk, &Settings::default());
        assert_eq!(files.read().unwrap(), Hosts::default());
        let mut hosts = Hosts::default();
        let until_ms = Some(1_507_663_698_000);
        let host = |text: &str| Host::parse(text).unwrap();
        hosts.set(&host("dn1:9866"), Some(Wish::Decommission));
        hosts.set(&host("dn2"), Some(Wish::Maintenance { until_ms }));
        files.write(&hosts).unwrap();
        assert_eq!(files.read().unwrap(), hosts);
        let text = std::fs::read_to_string(dir.path().join(FILE)).unwrap();
        assert!(text.contains(r#""adminState": "IN_MAINTENANCE""#), "{text}");
        std::fs::write(dir.path().join(FILE), r#"[{"hostName":"a","x":1}]"#).unwrap();
        let error = format!("{:#}", files.read().unwrap_err());
        assert!(
            error.contains("adminState") && error.contains('x'),
            "{error}"
        );
    }

    #[test]
    fn lists_are_words_with_comments_and_one_that_is_missing_or_wrong_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let [included, excluded] =
            ["in", "out"].map(|name| dir.path().join(name).display().to_string());
        let settings = Settings::parse(&[
            format!("dfs.hosts={included}"),
            format!("dfs.hosts.exclude={excluded}"),
        ]);
        let files = HostFiles::new(FileDisk::open(dir.path()).unwrap(), &settings.unwrap());
        std::fs::write(&included, "# all of them\ndn1\tdn2:9866 # dn3\n\n  dn4\n").unwrap();
        let error = format!("{:#}", files.read().unwrap_err());
        let named = format!("dfs.hosts.exclude={excluded}");
        assert!(error.contains(&named), "{error}");
        std::fs::write(&excluded, "dn4").unwrap();
        let host = |text: &str| Host::parse(text).unwrap();
        let expected = Hosts {
            included: ["dn1", "dn2:9866", "dn4"].map(host).to_vec(),
            excluded: vec![host("dn4")],
            wishes: Vec::new(),
        };
        assert_eq!(files.read().unwrap(), expected);
        std::fs::write(&included, "dn1\ndn2:nfs").unwrap();
        let error = format!("{:#}", files.read().unwrap_err());
        let named = format!("dfs.hosts={included}: line 2");
        assert!(error.contains(&named), "{error}");
    }
}
