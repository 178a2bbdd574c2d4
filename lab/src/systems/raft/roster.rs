//! Who belongs to the cluster: names, and ports that are chosen before anybody starts, since members must know each other by then.
//! It is kept with the members' files, for the next time.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// Where they are kept.
const FILE: &str = "members.json";

/// A member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) name: String,
    client: u16,
    peer: u16,
    pub(super) initial_cluster: String,
    /// Whether the cluster was there before it.
    pub(super) joins: bool,
}

impl Entry {
    pub(super) fn client_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.client)
    }

    pub(super) fn peer_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.peer)
    }

    /// For `--initial-cluster-state`.
    pub(super) fn state(&self) -> &'static str {
        if self.joins { "existing" } else { "new" }
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Roster {
    file: PathBuf,
    pub(super) members: Vec<Entry>,
}

impl Roster {
    /// Whether members have files in `root`.
    pub(super) fn is_there(root: &Path) -> bool {
        root.join(FILE).exists()
    }

    /// The members whose files are in `root`, or else so many new ones.
    pub(super) fn find_or_make(root: &Path, members: u32) -> Result<Roster> {
        let file = root.join(FILE);
        if let Ok(text) = fs::read(&file) {
            let damaged = || format!("{} is damaged", file.display());
            let members = serde_json::from_slice(&text).with_context(damaged)?;
            return Ok(Roster { file, members });
        }
        let ports = servers::free_ports(2 * members as usize)?;
        let mut members: Vec<Entry> = ports
            .chunks_exact(2)
            .zip(1..)
            .map(|(ports, n)| Entry {
                name: format!("m{n}"),
                client: ports[0],
                peer: ports[1],
                initial_cluster: String::new(),
                joins: false,
            })
            .collect();
        let all = members
            .iter()
            .map(|m| format!("{}={}", m.name, m.peer_url()));
        let all = all.collect::<Vec<_>>().join(",");
        for member in &mut members {
            member.initial_cluster.clone_from(&all);
        }
        let roster = Roster { file, members };
        roster.save()?;
        Ok(roster)
    }

    pub(super) fn get(&self, name: &str) -> Result<&Entry> {
        let found = self.members.iter().find(|member| member.name == name);
        found.with_context(|| format!("{name} is no member"))
    }

    /// A member that is not in it yet: its name had nobody before, so that its directory is a new one.
    pub(super) fn next(&self) -> Result<Entry> {
        let ports = servers::free_ports(2)?;
        let root = self.file.parent().unwrap_or(Path::new("."));
        let is_free = |name: &String| {
            !root.join(name).exists() && !self.members.iter().any(|member| member.name == *name)
        };
        let names = (1..).map(|n: u32| format!("m{n}"));
        Ok(Entry {
            name: names.into_iter().find(is_free).unwrap_or_default(),
            client: ports[0],
            peer: ports[1],
            initial_cluster: String::new(),
            joins: true,
        })
    }

    pub(super) fn push(&mut self, entry: Entry) -> Result<()> {
        self.members.push(entry);
        self.save()
    }

    pub(super) fn remove(&mut self, name: &str) -> Result<()> {
        self.members.retain(|member| member.name != name);
        self.save()
    }

    fn save(&self) -> Result<()> {
        let cannot = || format!("cannot write {}", self.file.display());
        fs::write(&self.file, serde_json::to_vec_pretty(&self.members)?).with_context(cannot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_belongs_to_it_is_found_again_and_no_name_is_used_twice() {
        let dir = tempfile::tempdir().unwrap();
        let mut roster = Roster::find_or_make(dir.path(), 3).unwrap();
        let first = roster.get("m1").unwrap();
        let expected = roster
            .members
            .iter()
            .map(|m| format!("{}={}", m.name, m.peer_url()));
        assert_eq!(
            first.initial_cluster,
            expected.collect::<Vec<_>>().join(",")
        );
        assert_eq!(first.state(), "new");
        fs::create_dir(dir.path().join("m2")).unwrap();
        roster.remove("m2").unwrap();
        let next = roster.next().unwrap();
        assert_eq!((next.name.as_str(), next.state()), ("m4", "existing"));
        roster.push(next).unwrap();
        let again = Roster::find_or_make(dir.path(), 5).unwrap();
        assert_eq!(again.members, roster.members);
        assert!(again.get("m2").is_err());
    }
}
