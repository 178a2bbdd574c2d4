//! What can be done to the members and clients by a button.

use anyhow::{Context, Result, ensure};

use super::{KEY, PATIENCE, Raft};
use crate::load::Load;
use crate::system::{Cluster, Deed, Order, Param, Target, When};
use crate::systems::disks;

impl Cluster for Raft {
    fn deeds(&self) -> Vec<Deed> {
        let deed = |id, label, title, role, process, param| Deed {
            id,
            label,
            title,
            group: None,
            on: Target::Node,
            roles: role,
            when: When { process },
            param,
        };
        let number = |name, label, max, value| Param {
            name,
            label,
            unit: "",
            min: 0.0,
            max,
            value,
        };
        let member = Some(number("member", "At member (0: any)", 99.0, 0.0));
        let (members, clients): (&[_], &[_]) = (&["member"], &["client"]);
        let cluster = |id, label, title| Deed {
            on: Target::Cluster,
            ..deed(id, label, title, &[], &[], None)
        };
        let mut deeds = disks::deeds(members);
        deeds.extend([
            deed(
                "lead",
                "Have it lead",
                "Ask the leader to hand over to this member",
                members,
                &["up"],
                None,
            ),
            deed(
                "remove",
                "Remove",
                "Take this member out of the cluster for good, and end it",
                members,
                &[],
                None,
            ),
            deed(
                "put",
                "Write x",
                "Write a number as the value of x",
                clients,
                &["up"],
                Some(number("value", "x =", 999.0, 1.0)),
            ),
            deed(
                "get",
                "Read x",
                "Read x, as of now (linearizable)",
                clients,
                &["up"],
                member,
            ),
            deed(
                "get-serializable",
                "Read x, maybe old",
                "Read x as the member has it that is asked (serializable)",
                clients,
                &["up"],
                member,
            ),
            cluster(
                "add",
                "Add a member",
                "Start one more member; it votes when it has the log",
            ),
            cluster(
                "reads-serializable",
                "Load may read what is old",
                "Have the load read serializably, and judge that as if it had promised more",
            ),
            cluster(
                "reads-linearizable",
                "Load reads what is so",
                "Have the load read linearizably",
            ),
        ]);
        deeds
    }

    fn perform(&self, deed: &str, order: &Order) -> Result<()> {
        let value = || {
            let value = order.value.context("say a number")?;
            ensure!((0.0..=999.0).contains(&value), "say a number from 0 to 999");
            Ok(value.trunc())
        };
        let read = |serializable| -> Result<()> {
            let number = order.value.unwrap_or(0.0).trunc();
            let at = (number > 0.0).then(|| format!("m{number}"));
            self.get(order.node()?, KEY, at.as_deref(), serializable, PATIENCE)?;
            Ok(())
        };
        match deed {
            "lead" => self.move_leader(order.node()?),
            "remove" => self.remove_member(order.node()?),
            "put" => {
                self.put(order.node()?, KEY, &value()?.to_string())?;
                Ok(())
            }
            "get" => read(false),
            "get-serializable" => read(true),
            "add" => self.add_member().map(drop),
            "reads-serializable" | "reads-linearizable" => {
                self.read_serializably(deed == "reads-serializable");
                Ok(())
            }
            _ => self.disks.perform(deed, order),
        }
    }

    fn undo(&self) -> Result<()> {
        self.disks.undo()
    }

    fn load(&self) -> Option<&Load> {
        Some(&self.load)
    }

    fn shell(&self) -> Vec<String> {
        let endpoints = self.endpoints().join(",");
        vec![
            "alias raft-kv='cargo run -qrp raft-kv --'".to_owned(),
            format!("export ETCDCTL_ENDPOINTS={endpoints}"),
            "raft-kv endpoint status --cluster".to_owned(),
            format!("raft-kv put {KEY} 1"),
            format!("raft-kv watch {KEY} --rev 1"),
            "raft-kv member list".to_owned(),
        ]
    }
}
