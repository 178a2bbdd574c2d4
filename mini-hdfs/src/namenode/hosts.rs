//! Which DataNodes their operator admits, and which he wants out of service (`HostConfigManager`).
//!
//! This is no part of the file system: it is not in the edit log but in files of the operator's, which the NameNode reads when
//! it starts and when it is told to (`dfsadmin -refreshNodes`). So an order to decommission survives a restart, and the NameNode
//! works out anew how far it has got.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

use crate::block::DatanodeInfo;

/// What is wanted of the DataNodes on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wish {
    /// Take them out for good.
    Decommission,
    /// Let them be away for a while.
    Maintenance {
        /// Until then, in milliseconds since the epoch; none for as long as the order stands.
        until_ms: Option<u64>,
    },
}

/// A machine, or one DataNode on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// The machine's name, or the host part of the DataNode's address.
    pub name: String,
    /// The port of its block data; 0 for every DataNode on the machine.
    pub port: u16,
}

impl Host {
    /// Reads `NAME` or `NAME:PORT`.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence.
    pub fn parse(text: &str) -> Result<Host, String> {
        let (name, port) = match text.rsplit_once(':') {
            None => (text, 0),
            Some((name, port)) => match port.parse() {
                Ok(port) if port > 0 => (name, port),
                _ => {
                    return Err(format!(
                        "{text:?} names no DataNode: {port:?} is no port; write HOST or HOST:PORT"
                    ));
                }
            },
        };
        if name.is_empty() || name.chars().any(char::is_whitespace) {
            return Err(format!(
                "{text:?} names no DataNode; write HOST or HOST:PORT"
            ));
        }
        let name = name.to_owned();
        Ok(Host { name, port })
    }

    /// Whether a DataNode is meant.
    pub fn is(&self, datanode: &DatanodeInfo) -> bool {
        let (host, port) = match datanode.address.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().unwrap_or(0)),
            None => (datanode.address.as_str(), 0),
        };
        (self.name == datanode.hostname || self.name == host)
            && (self.port == 0 || self.port == port)
    }
}

impl Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            0 => f.write_str(&self.name),
            port => write!(f, "{}:{port}", self.name),
        }
    }
}

/// What an operator says of DataNodes. Of whom he says nothing, is in service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hosts {
    /// Who may register (`dfs.hosts`). An empty list names everybody, as in HDFS.
    pub included: Vec<Host>,
    /// Who shall be decommissioned (`dfs.hosts.exclude`), whatever the wishes are.
    pub excluded: Vec<Host>,
    /// What was wanted by command, in the order in which it was.
    pub wishes: Vec<(Host, Wish)>,
}

impl Hosts {
    /// Whether a DataNode may register (`isIncluded`).
    pub fn includes(&self, datanode: &DatanodeInfo) -> bool {
        self.included.is_empty() || self.included.iter().any(|host| host.is(datanode))
    }

    /// Whether a DataNode stands in the list of those that shall leave (`isExcluded`).
    pub fn excludes(&self, datanode: &DatanodeInfo) -> bool {
        self.excluded.iter().any(|host| host.is(datanode))
    }

    /// What is wanted of a DataNode now; none if it shall be in service. Of the wishes the last counts.
    pub fn wish(&self, datanode: &DatanodeInfo, now_ms: u64) -> Option<Wish> {
        if self.excludes(datanode) {
            return Some(Wish::Decommission);
        }
        let of_it = self.wishes.iter().rfind(|(host, _)| host.is(datanode));
        let expired = |wish: &Wish| match wish {
            Wish::Decommission => false,
            Wish::Maintenance { until_ms } => until_ms.is_some_and(|until| until <= now_ms),
        };
        of_it.map(|(_, wish)| *wish).filter(|wish| !expired(wish))
    }

    /// Sets what is wanted of a machine; none to have it in service. Returns whether anything has changed.
    pub fn set(&mut self, host: &Host, wish: Option<Wish>) -> bool {
        let before = self.wishes.clone();
        self.wishes.retain(|(known, _)| known != host);
        self.wishes.extend(wish.map(|wish| (host.clone(), wish)));
        self.wishes != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::DatanodeId;

    fn datanode() -> DatanodeInfo {
        DatanodeInfo {
            id: DatanodeId(1),
            hostname: "dn1".to_owned(),
            address: "127.0.0.1:9866".to_owned(),
            rack: "/r".to_owned(),
        }
    }

    #[test]
    fn a_datanode_is_named_by_its_host_or_its_address() {
        for (text, means) in [
            ("dn1", true),
            ("dn1:9866", true),
            ("127.0.0.1:9866", true),
            ("127.0.0.1", true),
            ("dn2", false),
            ("dn1:9867", false),
        ] {
            assert_eq!(Host::parse(text).unwrap().is(&datanode()), means, "{text}");
        }
        for bad in ["", ":1", "dn1:", "dn1:x", "dn1:0", "dn1:70000", "a b"] {
            assert!(Host::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_last_wish_counts_and_maintenance_expires() {
        let mut hosts = Hosts::default();
        let host = Host::parse("dn1").unwrap();
        assert_eq!(hosts.wish(&datanode(), 0), None);
        assert!(hosts.set(&host, Some(Wish::Decommission)));
        assert!(!hosts.set(&host, Some(Wish::Decommission)));
        let until_ms = Some(100);
        assert!(hosts.set(&host, Some(Wish::Maintenance { until_ms })));
        assert_eq!(
            hosts.wish(&datanode(), 99),
            Some(Wish::Maintenance { until_ms })
        );
        assert_eq!(hosts.wish(&datanode(), 100), None);
        assert!(hosts.set(&host, None) && hosts.wishes.is_empty());
    }

    #[test]
    fn an_empty_list_admits_everybody_and_whoever_is_excluded_leaves_whatever_else_is_wanted() {
        let hosts = |names: &[&str]| -> Vec<Host> {
            let parsed = names.iter().map(|name| Host::parse(name));
            parsed.collect::<Result<_, _>>().unwrap()
        };
        for (included, admitted) in [
            (&[][..], true),
            (&["dn1"], true),
            (&["dn2", "127.0.0.1:9866"], true),
            (&["dn2", "dn1:9867"], false),
        ] {
            let lists = Hosts {
                included: hosts(included),
                ..Hosts::default()
            };
            assert_eq!(lists.includes(&datanode()), admitted, "{included:?}");
            assert_eq!(lists.wish(&datanode(), 0), None);
        }
        let mut lists = Hosts {
            excluded: hosts(&["dn1"]),
            ..Hosts::default()
        };
        lists.set(
            &hosts(&["dn1"])[0],
            Some(Wish::Maintenance { until_ms: None }),
        );
        assert_eq!(lists.wish(&datanode(), 0), Some(Wish::Decommission));
    }
}
